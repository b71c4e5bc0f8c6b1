//! The headers of a request: those of every request, and what a header may hold.

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::ServiceArgs;
use super::url::BasicCredentials;
use crate::cli::command_line::flag_or_variable;
use crate::cli::settings_file::SettingsLayers;
use crate::cli::variables::LookUp;
use crate::run::plan::{Piece, Template};

const AUTHORIZATION: &str = "authorization";
const COOKIE: &str = "cookie";

/// Headers of every request. A typed header replaces one of the same name in the settings, and credentials or cookies of
/// its own kind.
pub(super) fn common(
    args: &ServiceArgs,
    layers: &SettingsLayers,
    credentials: Option<&BasicCredentials>,
) -> anyhow::Result<Vec<(String, String)>> {
    let mut headers: Vec<(String, String)> = Vec::new();
    if let Some(credentials) = credentials {
        headers.push((AUTHORIZATION.into(), basic_authorization(credentials)));
    }
    for (name, value) in layers.file.headers.iter().chain(&layers.profile.headers) {
        replace(&mut headers, name, value.clone());
    }
    if let Some(pair) = credentials_of(args, layers)? {
        replace(&mut headers, AUTHORIZATION, basic(&pair));
    }
    if let Some(cookies) = cookies_of(args, layers)? {
        replace(&mut headers, COOKIE, cookies);
    }
    let mut own: Vec<(String, String)> = Vec::new();
    for text in &args.headers.header {
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

/// The credentials of a URL as the value of a header.
pub(in crate::cli) fn basic_authorization(credentials: &BasicCredentials) -> String {
    let BasicCredentials { user, password } = credentials;
    basic(&format!(
        "{}:{}",
        percent_decoded(user),
        percent_decoded(password)
    ))
}

fn basic(pair: &str) -> String {
    format!("Basic {}", BASE64.encode(pair))
}

/// User and password of `-a` or the settings. Messages do not show them.
fn credentials_of(args: &ServiceArgs, layers: &SettingsLayers) -> anyhow::Result<Option<String>> {
    if args.auth.is_some() {
        refuse_twice(args, AUTHORIZATION, "-a")?;
    }
    let pair = match &args.auth {
        Some(pair) => Some(pair.clone()),
        None => layers.first(None, |s| s.auth.clone()),
    };
    if pair.as_ref().is_some_and(|pair| !pair.contains(':')) {
        let set = pair.as_deref().unwrap_or_default();
        bail!(
            "{} needs USER:PASS\nhint: write USER: for a user without a password",
            flag_or_variable("-a", "A7PROBE_AUTH", set)
        );
    }
    Ok(pair)
}

/// Cookies of `-b` or the settings.
fn cookies_of(args: &ServiceArgs, layers: &SettingsLayers) -> anyhow::Result<Option<String>> {
    let cookies = if args.cookie.is_empty() {
        layers.first(None, |s| s.cookie.clone())
    } else {
        refuse_twice(args, COOKIE, "-b")?;
        Some(args.cookie.join("; "))
    };
    let is_cookie = |cookie: &str| cookie.contains('=') || cookie.trim().is_empty();
    if cookies
        .as_ref()
        .is_some_and(|all| !all.split(';').all(is_cookie))
    {
        let set = cookies.as_deref().unwrap_or_default();
        bail!(
            "{} needs NAME=VALUE\nhint: write cookies as 'a=1; b=2'; they are not read from a file",
            flag_or_variable("-b", "A7PROBE_COOKIE", set)
        );
    }
    Ok(cookies)
}

/// A header that is also given by a flag of its own.
fn refuse_twice(args: &ServiceArgs, header: &str, flag: &str) -> anyhow::Result<()> {
    let names = args
        .headers
        .header
        .iter()
        .filter_map(|text| text.split_once(':'));
    let mut names = names.map(|(name, _)| name.trim());
    if names.any(|name| name.eq_ignore_ascii_case(header)) {
        bail!("{flag} and -H both give the header {header}\nhint: keep one of them");
    }
    Ok(())
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
pub(super) fn template(
    name: String,
    value: &str,
    look_up: LookUp<'_>,
) -> anyhow::Result<(String, Template)> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(token) {
        let shown = name.bytes().take_while(|&b| token(b)).count();
        bail!(
            "'{}…' is not a valid header name\nhint: write -H 'NAME: VALUE'; a name has no spaces",
            &name[..shown.min(12)]
        );
    }
    if name.eq_ignore_ascii_case("content-length") || name.eq_ignore_ascii_case("transfer-encoding")
    {
        bail!("the header {name} cannot be set; it follows from the body\nhint: leave it out");
    }
    if value.bytes().any(|b| b == b'\r' || b == b'\n' || b == 0) {
        bail!(
            "the value of the header {name} has a line break or a zero byte\nhint: write it as one line"
        );
    }
    let context = || format!("header {name}");
    let template = Template::parse_with(value.as_bytes(), look_up).with_context(context)?;
    check_variables(&template).with_context(context)?;
    Ok((name, template))
}

/// A header and a path are one line.
pub(super) fn check_variables(template: &Template) -> anyhow::Result<()> {
    for piece in template.pieces() {
        if let Piece::Env(variable) = piece
            && variable.value.contains(['\r', '\n', '\0'])
        {
            bail!(
                "the variable {} holds a line break or a zero byte\nhint: export it as one line",
                variable.name
            );
        }
    }
    Ok(())
}
