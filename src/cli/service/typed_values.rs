//! Bodies and statuses: values of flags for every endpoint or, as `NAME=VALUE`, for one.

use std::path::Path;

use anyhow::bail;

use super::endpoint_draft::{EndpointDraft, read_body};
use super::endpoint_name::is_name;
use super::{ServiceArgs, SingleRequestArgs};

/// A value for one endpoint, or for every one.
pub(super) struct NamedValue<'a> {
    pub(super) name: Option<&'a str>,
    pub(super) value: &'a str,
}

impl<'a> NamedValue<'a> {
    /// Splits `NAME=VALUE` where NAME is an endpoint; any other text is a value for every endpoint.
    fn split(text: &'a str, names: &[String]) -> NamedValue<'a> {
        match text.split_once('=') {
            Some((name, value)) if names.iter().any(|own| own == name) => NamedValue {
                name: Some(name),
                value,
            },
            _ => NamedValue {
                name: None,
                value: text,
            },
        }
    }

    /// The same for a flag whose values have no `=`.
    ///
    /// # Errors
    /// No endpoint has the name.
    pub(super) fn of_flag(
        flag: &str,
        text: &'a str,
        names: &[String],
    ) -> anyhow::Result<NamedValue<'a>> {
        let named = NamedValue::split(text, names);
        match text.split_once('=') {
            Some((name, _)) if named.name.is_none() => {
                // The text may be a secret if it does not begin with a name.
                let name = if is_name(name) { name } else { "…" };
                bail!(
                    "{flag} {name}=…: unknown endpoint '{name}'\nhint: endpoints: {}",
                    names.join(", ")
                );
            }
            _ => Ok(named),
        }
    }

    fn is_for(&self, endpoint: &str) -> bool {
        self.name.is_none_or(|name| name == endpoint)
    }
}

/// A body goes to the endpoint that it names, else to every endpoint that sends a body.
pub(super) fn set_bodies(
    drafts: &mut [EndpointDraft],
    args: &ServiceArgs,
    single: &SingleRequestArgs,
    names: &[String],
) -> anyhow::Result<()> {
    if let Some(file) = &single.body_file {
        set_body(drafts, None, &read_body(file)?)?;
    }
    for text in &args.body {
        let NamedValue { name, value } = NamedValue::split(text, names);
        set_body(drafts, name, &inline_or_file(value)?)?;
    }
    if args.content_type.is_some() {
        for draft in drafts.iter_mut().filter(|draft| draft.body.is_some()) {
            draft.content_type = args.content_type.clone();
        }
    }
    Ok(())
}

fn set_body(drafts: &mut [EndpointDraft], name: Option<&str>, body: &[u8]) -> anyhow::Result<()> {
    let is_single = drafts.len() == 1;
    let fits = |draft: &EndpointDraft| match name {
        Some(name) => draft.name == name,
        None => is_single || !matches!(draft.method.as_str(), "GET" | "HEAD"),
    };
    if !drafts.iter().any(fits) {
        let names: Vec<&str> = drafts.iter().map(|draft| draft.name.as_str()).collect();
        bail!(
            "no endpoint sends a body\nhint: name one: --body NAME=TEXT; endpoints: {}",
            names.join(", ")
        );
    }
    for draft in drafts.iter_mut().filter(|draft| fits(draft)) {
        draft.body = Some(body.to_vec());
    }
    Ok(())
}

fn inline_or_file(text: &str) -> anyhow::Result<Vec<u8>> {
    match text.strip_prefix('@') {
        Some(file) => read_body(Path::new(file)),
        None => Ok(text.as_bytes().to_vec()),
    }
}

pub(super) fn set_statuses(
    drafts: &mut [EndpointDraft],
    typed: &[String],
    names: &[String],
) -> anyhow::Result<()> {
    for text in typed {
        let expect = NamedValue::of_flag("--expect", text, names)?;
        for draft in drafts.iter_mut().filter(|draft| expect.is_for(&draft.name)) {
            draft.expect = Some(expect.value.to_owned());
        }
    }
    Ok(())
}

pub(super) fn set_expected_bodies(
    drafts: &mut [EndpointDraft],
    typed: &[String],
    names: &[String],
) {
    for text in typed {
        let expect = NamedValue::split(text, names);
        for draft in drafts.iter_mut().filter(|draft| expect.is_for(&draft.name)) {
            draft.expect_body = Some(expect.value.to_owned());
        }
    }
}
