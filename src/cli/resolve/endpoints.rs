//! Which endpoints are measured, and what each is sent.

use std::path::Path;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::Lookup;
use super::url::ParsedUrl;
use crate::cli::measure::MeasureArgs;
use crate::cli::settings::{EndpointSettings, Levels, expand_variables};
use crate::printable::Shown as _;
use crate::redact;
use crate::run::plan::{Endpoint, StatusSet, Template};

/// Body of the default ingest endpoint: an event that is new every time.
const DEFAULT_BODY: &str = r#"{"id":"{{uuid}}","n":{{n}},"sent_at":"{{now}}"}"#;

const JSON: &str = "application/json";

/// An endpoint before its headers are put together.
#[derive(Debug, Clone, Default)]
struct Draft {
    name: String,
    method: String,
    path: String,
    body: Option<Vec<u8>>,
    content_type: Option<String>,
    headers: Vec<(String, String)>,
    expect: Option<String>,
    rate: Option<String>,
}

/// The endpoints of a run: those that were typed, else the file's, else health and ingest.
pub(super) fn resolve(
    args: &MeasureArgs,
    levels: &Levels,
    url: &mut ParsedUrl,
    lookup: Lookup<'_>,
) -> anyhow::Result<Vec<Endpoint>> {
    let mut drafts = drafts(args, levels, url)?;
    let names: Vec<String> = drafts.iter().map(|draft| draft.name.clone()).collect();
    if let Some(twice) = names
        .iter()
        .enumerate()
        .find(|(i, name)| names[..*i].contains(name))
    {
        bail!(
            "two endpoints are called '{}'\nhint: give each its own name",
            twice.1
        );
    }
    bodies(&mut drafts, args, &names)?;
    statuses(&mut drafts, args, &names)?;
    let common = common_headers(args, levels, url, lookup)?;
    drafts
        .into_iter()
        .map(|draft| endpoint(draft, &common, lookup))
        .collect()
}

/// Splits `NAME=REST` where NAME is an endpoint; anything else is for all of them.
pub(super) fn split_named<'a>(text: &'a str, names: &[String]) -> (Option<&'a str>, &'a str) {
    match text.split_once('=') {
        Some((name, rest)) if names.iter().any(|own| own == name) => (Some(name), rest),
        _ => (None, text),
    }
}

/// What to say of a name that no endpoint has.
pub(super) fn unknown_name(flag: &str, text: &str, names: &[String]) -> String {
    // The text after the name may be a secret.
    let name = text.split_once('=').map_or("…", |(name, _)| name);
    let name = if is_name(name) { name } else { "…" };
    format!(
        "{flag} {name}=…: there is no endpoint '{name}'; there are: {}",
        names.join(", ")
    )
}

fn drafts(args: &MeasureArgs, levels: &Levels, url: &mut ParsedUrl) -> anyhow::Result<Vec<Draft>> {
    if let Some(one) = the_url_itself(args, url)
        && args.get.is_empty()
        && args.post.is_empty()
    {
        return Ok(vec![one]);
    }
    if url.path_and_query.contains('?') {
        bail!(
            "the base URL has a query, which no endpoint would carry\nhint: put it into the path of an endpoint, or measure the URL itself with -m GET"
        );
    }
    let typed = args
        .get
        .iter()
        .map(|text| ("GET", text))
        .chain(args.post.iter().map(|text| ("POST", text)));
    let typed: Vec<Draft> = typed
        .map(|(method, text)| named_path(method, text))
        .collect::<Result<_, _>>()?;
    if !typed.is_empty() {
        if args.method.is_some() {
            bail!(
                "--method is for the URL itself, and --get and --post name other endpoints\nhint: use one or the other; other methods go into a7probe.toml"
            );
        }
        return Ok(typed);
    }
    let mut configured = levels.file.endpoints.clone();
    configured.extend(levels.profile.endpoints.clone());
    if configured.is_empty() {
        return Ok(defaults());
    }
    configured
        .into_iter()
        .map(|(name, settings)| from_settings(name, settings, &levels.folder))
        .collect()
}

fn named_path(method: &str, text: &str) -> anyhow::Result<Draft> {
    let (name, path) = text
        .split_once('=')
        .filter(|(name, _)| is_name(name))
        .with_context(|| {
            let shown = redact::typed_url(text);
            format!("'{shown}' is not NAME=PATH, such as health=/health")
        })?;
    check_path(name, path)?;
    let mut draft = Draft {
        name: name.into(),
        method: method.into(),
        path: path.into(),
        ..Draft::default()
    };
    if method == "POST" {
        draft.body = Some(DEFAULT_BODY.into());
    }
    Ok(draft)
}

/// Names stand in gates, so they are one word.
fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_alphanumeric() || "_-./".contains(c))
}

/// The part after '#' is for the client alone (RFC 9110 §7.1).
fn without_fragment(path: &str) -> &str {
    path.split('#').next().unwrap_or_default()
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

/// The dialect of hey and oha: with a method or a body, the URL is the one request.
fn the_url_itself(args: &MeasureArgs, url: &mut ParsedUrl) -> Option<Draft> {
    let has_body =
        args.body_file.is_some() || args.body.iter().any(|text| !text.starts_with("ingest="));
    if args.method.is_none() && !has_body {
        return None;
    }
    let path = url.path_and_query.split('?').next().unwrap_or_default();
    let last = path
        .rsplit('/')
        .find(|part| is_name(part))
        .unwrap_or("root");
    let method = args
        .method
        .clone()
        .unwrap_or_else(|| "POST".to_owned())
        .to_ascii_uppercase();
    // The whole path is the endpoint's, so none of it is left to go before it.
    url.target.prefix.clear();
    Some(Draft {
        name: last.to_owned(),
        method,
        path: url.path_and_query.clone(),
        ..Draft::default()
    })
}

fn defaults() -> Vec<Draft> {
    let health = Draft {
        name: "health".into(),
        method: "GET".into(),
        path: "/health".into(),
        ..Draft::default()
    };
    let ingest = Draft {
        name: "ingest".into(),
        method: "POST".into(),
        path: "/ingest".into(),
        body: Some(DEFAULT_BODY.into()),
        ..Draft::default()
    };
    vec![health, ingest]
}

fn from_settings(name: String, settings: EndpointSettings, folder: &Path) -> anyhow::Result<Draft> {
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
    Ok(Draft {
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

/// Puts the typed bodies where they belong: to the endpoint they name, else to every one that sends a body.
fn bodies(drafts: &mut [Draft], args: &MeasureArgs, names: &[String]) -> anyhow::Result<()> {
    let from_file = args.body_file.as_deref().map(read_body).transpose()?;
    let mut typed: Vec<(Option<&str>, Vec<u8>)> =
        from_file.into_iter().map(|body| (None, body)).collect();
    for text in &args.body {
        let (name, body) = split_named(text, names);
        typed.push((name, inline_or_file(body)?));
    }
    for (name, body) in typed {
        let fits = |draft: &&mut Draft| match name {
            Some(name) => draft.name == name,
            None => !matches!(draft.method.as_str(), "GET" | "HEAD") || names.len() == 1,
        };
        let mut taken = false;
        for draft in drafts.iter_mut().filter(fits) {
            draft.body = Some(body.clone());
            taken = true;
        }
        if !taken {
            bail!(
                "no endpoint takes the body\nhint: name one as --body NAME=TEXT; there are: {}",
                names.join(", ")
            );
        }
    }
    drafts
        .iter_mut()
        .filter(|d| args.content_type.is_some() && d.body.is_some())
        .for_each(|draft| {
            draft.content_type = args.content_type.clone();
        });
    Ok(())
}

fn inline_or_file(text: &str) -> anyhow::Result<Vec<u8>> {
    match text.strip_prefix('@') {
        Some(file) => read_body(Path::new(file)),
        None => Ok(text.as_bytes().to_vec()),
    }
}

fn read_body(path: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read the body from {}", path.shown()))
}

fn statuses(drafts: &mut [Draft], args: &MeasureArgs, names: &[String]) -> anyhow::Result<()> {
    for text in &args.expect {
        let (name, expect) = split_named(text, names);
        if name.is_none() && text.contains('=') {
            bail!(unknown_name("--expect", text, names));
        }
        drafts
            .iter_mut()
            .filter(|draft| name.is_none_or(|name| draft.name == name))
            .for_each(|draft| {
                draft.expect = Some(expect.to_owned());
            });
    }
    Ok(())
}

/// Headers of every request; what was typed replaces what the file has of the same name.
fn common_headers(
    args: &MeasureArgs,
    levels: &Levels,
    url: &ParsedUrl,
    lookup: Lookup<'_>,
) -> anyhow::Result<Vec<(String, String)>> {
    let mut headers: Vec<(String, String)> = Vec::new();
    if let Some((user, password)) = &url.credentials {
        let pair = BASE64.encode(format!(
            "{}:{}",
            percent_decoded(user),
            percent_decoded(password)
        ));
        headers.push(("authorization".into(), format!("Basic {pair}")));
    }
    for (name, value) in levels.file.headers.iter().chain(&levels.profile.headers) {
        replace(&mut headers, name, expand_variables(value, lookup)?);
    }
    let mut typed: Vec<(String, String)> = Vec::new();
    for text in &args.header {
        let (name, value) = text.split_once(':').with_context(|| {
            let length = text.chars().count();
            format!("a header of {length} characters has no colon\nhint: write -H 'NAME: VALUE'")
        })?;
        headers.retain(|(own, _)| !own.eq_ignore_ascii_case(name.trim()));
        typed.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    headers.extend(typed);
    Ok(headers)
}

/// User and password stand percent-encoded in a URL.
fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = tail
            .get(..2)
            .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match (first, hex) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            _ => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn replace(headers: &mut Vec<(String, String)>, name: &str, value: String) {
    headers.retain(|(own, _)| !own.eq_ignore_ascii_case(name));
    headers.push((name.to_owned(), value));
}

fn endpoint(
    draft: Draft,
    common: &[(String, String)],
    lookup: Lookup<'_>,
) -> anyhow::Result<Endpoint> {
    let context = || format!("endpoint {}", draft.name);
    if draft.method.is_empty()
        || !draft
            .method
            .bytes()
            .all(|b| b.is_ascii_alphabetic() || b == b'-')
    {
        bail!("'{}' is no HTTP method", draft.method);
    }
    let mut headers = common.to_vec();
    for (name, value) in &draft.headers {
        replace(&mut headers, name, expand_variables(value, lookup)?);
    }
    if draft.body.is_some()
        && !headers
            .iter()
            .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
    {
        headers.push((
            "content-type".into(),
            draft.content_type.clone().unwrap_or_else(|| JSON.into()),
        ));
    }
    let expect = draft
        .expect
        .as_deref()
        .map_or(Ok(StatusSet::success()), StatusSet::parse);
    Ok(Endpoint {
        path: Template::parse(without_fragment(&draft.path).as_bytes()).with_context(context)?,
        headers: headers.into_iter().map(header).collect::<Result<_, _>>()?,
        body: draft
            .body
            .as_deref()
            .map(Template::parse)
            .transpose()
            .with_context(context)?,
        expect: expect.map_err(anyhow::Error::msg).with_context(context)?,
        rate: draft
            .rate
            .as_deref()
            .map(str::parse)
            .transpose()
            .with_context(context)?,
        targets: Vec::new(),
        name: draft.name,
        method: draft.method,
    })
}

/// Names and values that would break the request's own framing are refused.
fn header((name, value): (String, String)) -> anyhow::Result<(String, Template)> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(token) {
        let shown = name.bytes().take_while(|&b| token(b)).count();
        bail!("'{}…' is not a valid header name", &name[..shown.min(12)]);
    }
    if name.eq_ignore_ascii_case("content-length") || name.eq_ignore_ascii_case("transfer-encoding")
    {
        bail!("the header {name} is ours to set: it follows from the body");
    }
    if value.bytes().any(|b| b == b'\r' || b == b'\n' || b == 0) {
        bail!("the value of the header {name} has a line break or a zero byte");
    }
    let template = Template::parse(value.as_bytes()).with_context(|| format!("header {name}"))?;
    Ok((name, template))
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
