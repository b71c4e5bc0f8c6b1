//! An endpoint before its headers are put together.

use std::path::Path;

use anyhow::{Context as _, bail};

use super::headers;
use crate::cli::settings::EndpointSettings;
use crate::cli::variables::{LookUp, expand_variables};
use crate::printable::Shown as _;
use crate::redact;
use crate::run::plan::{Endpoint, StatusSet, Template};

/// Body of the default ingest endpoint: an event that is new every time.
const DEFAULT_BODY: &str = r#"{"id":"{{uuid}}","n":{{n}},"sent_at":"{{now}}"}"#;

const JSON: &str = "application/json";

/// An endpoint before its headers are put together.
#[derive(Debug, Clone, Default)]
pub(super) struct EndpointDraft {
    pub(super) name: String,
    pub(super) method: String,
    path: String,
    pub(super) body: Option<Vec<u8>>,
    pub(super) content_type: Option<String>,
    headers: Vec<(String, String)>,
    pub(super) expect: Option<String>,
    rate: Option<String>,
}

impl EndpointDraft {
    /// Reads `NAME=PATH`.
    pub(super) fn typed(method: &str, text: &str) -> anyhow::Result<EndpointDraft> {
        let (name, path) = text
            .split_once('=')
            .filter(|(name, _)| is_name(name))
            .with_context(|| {
                let shown = redact::typed_url(text);
                format!("'{shown}' is not NAME=PATH, such as health=/health")
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

    /// The URL itself; without a name, the last part of its path is its name.
    pub(super) fn of_url(name: Option<&str>, method: &str, path_and_query: &str) -> EndpointDraft {
        let path = path_and_query.split('?').next().unwrap_or_default();
        let last = || path.rsplit('/').find(|part| is_name(part));
        EndpointDraft {
            name: name.or_else(last).unwrap_or("root").to_owned(),
            method: method.to_ascii_uppercase(),
            path: path_and_query.to_owned(),
            ..EndpointDraft::default()
        }
    }

    /// Health, and the ingest endpoint with a new event every time.
    pub(super) fn defaults() -> Vec<EndpointDraft> {
        let health = EndpointDraft {
            name: "health".into(),
            method: "GET".into(),
            path: "/health".into(),
            ..EndpointDraft::default()
        };
        let ingest = EndpointDraft {
            name: "ingest".into(),
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
            bail!("'{name}' is no name for an endpoint; use letters, digits, _ - . and /");
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
            method: method.to_ascii_uppercase(),
            path: settings.path,
            body,
            content_type: settings.content_type,
            headers: settings.headers.into_iter().collect(),
            expect: settings.expect.map(|text| text.to_string()),
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
            bail!("'{}' is no HTTP method", self.method);
        }
        let mut headers = common.to_vec();
        for (name, value) in &self.headers {
            headers::replace(&mut headers, name, expand_variables(value, look_up)?);
        }
        let mut names = headers.iter().map(|(name, _)| name);
        if self.body.is_some() && !names.any(|name| name.eq_ignore_ascii_case("content-type")) {
            let content_type = self.content_type.as_deref().unwrap_or(JSON);
            headers.push(("content-type".into(), content_type.into()));
        }
        let expect = self.expect.as_deref();
        let expect = expect.map_or(Ok(StatusSet::success()), StatusSet::parse);
        let body = self.body.as_deref().map(Template::parse).transpose();
        let rate = self.rate.as_deref().map(str::parse).transpose();
        Ok(Endpoint {
            path: Template::parse(without_fragment(&self.path).as_bytes()).with_context(context)?,
            headers: headers
                .into_iter()
                .map(|(name, value)| headers::template(name, &value))
                .collect::<Result<_, _>>()?,
            body: body.with_context(context)?,
            expect: expect.map_err(anyhow::Error::msg).with_context(context)?,
            rate: rate.with_context(context)?,
            targets: Vec::new(),
            name: self.name,
            method: self.method,
        })
    }
}

/// Names stand in gates, so they are one word.
pub(super) fn is_name(name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || "_-./".contains(c);
    !name.is_empty() && name.chars().all(is_part)
}

fn check_path(name: &str, path: &str) -> anyhow::Result<()> {
    if !path.starts_with('/') {
        let shown = redact::typed_url(path);
        bail!("the path of {name} is '{shown}'; it must begin with /");
    }
    if path.chars().any(|c| c.is_whitespace() || c.is_control()) {
        bail!("the path of {name} has a space or a control character\nhint: write a space as %20");
    }
    Ok(())
}

/// The part after '#' is for the client alone (RFC 9110 §7.1).
fn without_fragment(path: &str) -> &str {
    path.split('#').next().unwrap_or_default()
}

pub(super) fn read_body(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read the body from {}", path.shown()))
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
        ] {
            assert_eq!(without_fragment(typed), sent);
        }
    }
}
