//! The headers of a request: those of every request, and what a header may hold.

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::url::BasicCredentials;
use crate::cli::settings_file::SettingsLayers;
use crate::cli::variables::{LookUp, expand_variables};
use crate::run::plan::Template;

/// Headers of every request. A typed header replaces one of the same name in the settings.
pub(super) fn common(
    typed: &[String],
    layers: &SettingsLayers,
    credentials: Option<&BasicCredentials>,
    look_up: LookUp<'_>,
) -> anyhow::Result<Vec<(String, String)>> {
    let mut headers: Vec<(String, String)> = Vec::new();
    if let Some(BasicCredentials { user, password }) = credentials {
        let pair = BASE64.encode(format!(
            "{}:{}",
            percent_decoded(user),
            percent_decoded(password)
        ));
        headers.push(("authorization".into(), format!("Basic {pair}")));
    }
    for (name, value) in layers.file.headers.iter().chain(&layers.profile.headers) {
        replace(&mut headers, name, expand_variables(value, look_up)?);
    }
    let mut own: Vec<(String, String)> = Vec::new();
    for text in typed {
        let (name, value) = text.split_once(':').with_context(|| {
            let length = text.chars().count();
            format!("a header of {length} characters has no colon\nhint: write -H 'NAME: VALUE'")
        })?;
        headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name.trim()));
        own.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    headers.extend(own);
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

/// Sets a header in place of those of the same name.
pub(super) fn replace(headers: &mut Vec<(String, String)>, name: &str, value: String) {
    headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
    headers.push((name.to_owned(), value));
}

/// Names and values that would break the request's own framing are refused.
pub(super) fn template(name: String, value: &str) -> anyhow::Result<(String, Template)> {
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
