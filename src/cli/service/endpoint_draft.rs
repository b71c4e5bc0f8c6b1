//! An endpoint before its headers are put together.

use std::path::Path;

use anyhow::{Context as _, anyhow, bail};

use super::endpoint_name::is_name;
use super::headers;
use super::template_mask::without_templates;
use crate::cli::settings::EndpointSettings;
use crate::cli::variables::LookUp;
use crate::printable::Shown as _;
use crate::redact;
use crate::run::plan::{Endpoint, ExpectedBody, StatusSet, Template};

/// Body of the default ingest endpoint: an event that is new every time.
const DEFAULT_BODY: &str = r#"{"id":"{{uuid}}","n":{{n}},"sent_at":"{{now}}"}"#;

const JSON: &str = "application/json";

/// An endpoint before its headers are put together.
#[derive(Debug, Clone, Default)]
pub(super) struct EndpointDraft {
    pub(super) name: String,
    /// The number of its URL on the command line.
    pub(super) url: usize,
    pub(super) origin: Origin,
    pub(super) method: String,
    pub(super) path: String,
    pub(super) body: Option<Vec<u8>>,
    pub(super) content_type: Option<String>,
    headers: Vec<(String, String)>,
    pub(super) expect: Option<String>,
    pub(super) expect_body: Option<String>,
    pub(super) rate: Option<String>,
}

/// Whether an endpoint was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Origin {
    /// By name, by URL or in the settings.
    #[default]
    Asked,
    /// It is one of the pair that a URL without a path means.
    Implied,
}

impl EndpointDraft {
    /// Reads `NAME=PATH`.
    pub(super) fn typed(method: &str, text: &str) -> anyhow::Result<EndpointDraft> {
        let (name, path) = text
            .split_once('=')
            .filter(|(name, _)| is_name(name))
            .with_context(|| {
                let shown = redact::typed_url(text);
                format!("'{shown}' is not NAME=PATH\nhint: write it as --get health=/health")
            })?;
        check_path(name, path)?;
        let mut draft = EndpointDraft {
            name: name.into(),
            method: method.into(),
            path: path.into(),
            ..EndpointDraft::default()
        };
        if method == "POST" {
            draft.body = Some(DEFAULT_BODY.into());
        }
        Ok(draft)
    }

    /// A URL itself, without a name yet.
    pub(super) fn of_url(url: usize, method: &str, path_and_query: &str) -> EndpointDraft {
        EndpointDraft {
            url,
            method: method.to_ascii_uppercase(),
            path: path_and_query.to_owned(),
            ..EndpointDraft::default()
        }
    }

    /// Health, and the ingest endpoint with a new event every time.
    pub(super) fn defaults(url: usize) -> Vec<EndpointDraft> {
        let health = EndpointDraft {
            name: "health".into(),
            url,
            origin: Origin::Implied,
            method: "GET".into(),
            path: "/health".into(),
            ..EndpointDraft::default()
        };
        let ingest = EndpointDraft {
            name: "ingest".into(),
            url,
            origin: Origin::Implied,
            method: "POST".into(),
            path: "/ingest".into(),
            body: Some(DEFAULT_BODY.into()),
            ..EndpointDraft::default()
        };
        vec![health, ingest]
    }

    /// An endpoint of the settings; its files are relative to their folder.
    pub(super) fn configured(
        name: String,
        settings: EndpointSettings,
        folder: &Path,
    ) -> anyhow::Result<EndpointDraft> {
        if !is_name(&name) {
            bail!("'{name}' is not a valid endpoint name\nhint: use letters, digits, _ - . and /");
        }
        check_path(&name, &settings.path)?;
        let body = match (settings.body, settings.body_file) {
            (Some(_), Some(_)) => {
                bail!("the endpoint {name} has both body and body_file\nhint: keep one of them")
            }
            (Some(text), None) => Some(text.into_bytes()),
            (None, Some(file)) => Some(read_body(&folder.join(file))?),
            (None, None) => None,
        };
        let method = settings
            .method
            .unwrap_or_else(|| if body.is_some() { "POST" } else { "GET" }.to_owned());
        Ok(EndpointDraft {
            name,
            url: 0,
            origin: Origin::Asked,
            method: method.to_ascii_uppercase(),
            path: settings.path,
            body,
            content_type: settings.content_type,
            headers: settings.headers.into_iter().collect(),
            expect: settings.expect.map(|text| text.to_string()),
            expect_body: settings.expect_body,
            rate: settings.rate.map(|text| text.to_string()),
        })
    }

    /// The endpoint with the headers of every request and its own.
    pub(super) fn endpoint(
        self,
        common: &[(String, String)],
        look_up: LookUp<'_>,
    ) -> anyhow::Result<Endpoint> {
        let context = || format!("endpoint {}", self.name);
        let is_method = |b: u8| b.is_ascii_alphabetic() || b == b'-';
        if self.method.is_empty() || !self.method.bytes().all(is_method) {
            bail!(
                "'{}' is not an HTTP method\nhint: use letters alone, such as -X POST",
                self.method
            );
        }
        let mut headers = common.to_vec();
        for (name, value) in &self.headers {
            headers::replace(&mut headers, name, value.clone());
        }
        let mut names = headers.iter().map(|(name, _)| name);
        if self.body.is_some() && !names.any(|name| name.eq_ignore_ascii_case("content-type")) {
            let content_type = self.content_type.as_deref().unwrap_or(JSON);
            headers.push(("content-type".into(), content_type.into()));
        }
        let expect = self.expect.as_deref();
        let expect = expect.map_or(Ok(StatusSet::success()), StatusSet::parse);
        let expect_body = self.expect_body.as_deref().map(ExpectedBody::parse);
        let expect_body = expect_body.transpose().map_err(|e| {
            anyhow!("endpoint {}: {e}\nhint: write --expect-body 'TEXT', '/REGEX/' or 'json.PATH=VALUE'", self.name)
        })?;
        if self.method == "HEAD" && expect_body.is_some() {
            bail!(
                "--expect-body does not fit endpoint {}: a HEAD request has no body in its answer\nhint: leave out --expect-body, or use -X GET",
                self.name
            );
        }
        let parse = |text: &[u8]| Template::parse_with(text, look_up);
        let body = self.body.as_deref().map(parse).transpose();
        let path = parse(without_fragment(&self.path).as_bytes()).with_context(context)?;
        headers::check_variables(&path).with_context(context)?;
        Ok(Endpoint {
            path,
            headers: headers
                .into_iter()
                .map(|(name, value)| headers::template(name, &value, look_up))
                .collect::<Result<_, _>>()?,
            body: body.with_context(context)?,
            expect: expect
                .map_err(|e| anyhow!("{}", e.replace("; write", "\nhint: write")))
                .with_context(context)?,
            expect_body,
            rate: None,
            segment: None,
            targets: Vec::new(),
            elsewhere: None,
            name: self.name,
            method: self.method,
        })
    }
}

fn check_path(name: &str, path: &str) -> anyhow::Result<()> {
    if !path.starts_with('/') {
        let shown = redact::typed_url(path);
        bail!(
            "the path of {name} does not begin with /: '{shown}'\nhint: write {name}=/{}",
            shown.rsplit_once("://").map_or(shown.as_str(), |_| "PATH")
        );
    }
    let plain = without_templates(path);
    if plain.chars().any(|c| c.is_whitespace() || c.is_control()) {
        bail!("the path of {name} has a space or a control character\nhint: write a space as %20");
    }
    Ok(())
}

/// The part after '#' is for the client alone (RFC 9110 §7.1). The title of a column may hold one.
fn without_fragment(path: &str) -> &str {
    let places = Template::places(path);
    let is_text = |at: &usize| !places.iter().any(|place| place.contains(at));
    let marks = path.match_indices('#').map(|(at, _)| at);
    let end = marks.into_iter().find(is_text);
    &path[..end.unwrap_or(path.len())]
}

pub(super) fn read_body(path: &Path) -> anyhow::Result<Vec<u8>> {
    if path.as_os_str().is_empty() {
        bail!("@ names no file for the body\nhint: write -d @FILE");
    }
    std::fs::read(path).with_context(|| {
        format!(
            "cannot read the body from {}\nhint: check the path; -d TEXT without @ sends the text itself",
            path.shown()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::without_fragment;

    #[test]
    fn a_fragment_is_no_part_of_what_is_sent() {
        for (typed, sent) in [
            ("/b#frag", "/b"),
            ("/c?q=1#a?b#c", "/c?q=1"),
            ("/{{uuid}}#x", "/{{uuid}}"),
            ("/%23", "/%23"),
            ("/{{row.#}}/a#b", "/{{row.#}}/a"),
        ] {
            assert_eq!(without_fragment(typed), sent);
        }
    }
}
