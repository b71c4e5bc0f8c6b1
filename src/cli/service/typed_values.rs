//! Bodies, statuses and rates: values of flags for every endpoint or, as `NAME=VALUE`, for one.

use std::path::Path;

use anyhow::{Context as _, bail};

use super::endpoint_draft::{EndpointDraft, is_name, read_body};
use super::{ServiceArgs, SingleRequestArgs};
use crate::cli::defaults::DEFAULT_RATE_PER_S;
use crate::cli::settings_file::SettingsLayers;
use crate::run::plan::{Endpoint, Model};
use crate::units::Rate;

/// A value for one endpoint, or for every one.
struct NamedValue<'a> {
    name: Option<&'a str>,
    value: &'a str,
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
    fn of_flag(flag: &str, text: &'a str, names: &[String]) -> anyhow::Result<NamedValue<'a>> {
        let named = NamedValue::split(text, names);
        match text.split_once('=') {
            Some((name, _)) if named.name.is_none() => {
                // The text may be a secret if it does not begin with a name.
                let name = if is_name(name) { name } else { "…" };
                bail!(
                    "{flag} {name}=…: there is no endpoint '{name}'; there are: {}",
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
            "no endpoint takes the body\nhint: name one as --body NAME=TEXT; there are: {}",
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

/// An endpoint's own rate wins over the one for all; a typed rate over the settings'. In a closed model there is none.
pub(super) fn set_rates(
    endpoints: &mut [Endpoint],
    typed: &[String],
    model: Model,
    layers: &SettingsLayers,
) -> anyhow::Result<()> {
    if let Model::Closed { .. } = model {
        endpoints.iter_mut().for_each(|e| e.rate = None);
        return Ok(());
    }
    let names: Vec<String> = endpoints.iter().map(|e| e.name.clone()).collect();
    let mut for_all: Option<Rate> = None;
    let mut named: Vec<(&str, Rate)> = Vec::new();
    for text in typed {
        let NamedValue { name, value } = NamedValue::of_flag("--rate", text, &names)?;
        let rate: Rate = value.parse().with_context(|| format!("--rate {text}"))?;
        match name {
            Some(name) => named.push((name, rate)),
            None => for_all = Some(rate),
        }
    }
    let below = layers.first(None, |s| s.rate.as_ref().map(ToString::to_string));
    let below = below.map(|text| text.parse::<Rate>().context("the setting 'rate'"));
    let below = below.transpose()?;
    let default = Rate::per_second(DEFAULT_RATE_PER_S);
    for endpoint in endpoints {
        let own = named.iter().find(|(name, _)| *name == endpoint.name);
        let own = own.map(|&(_, rate)| rate);
        endpoint.rate = own.or(for_all).or(endpoint.rate).or(below).or(default);
    }
    Ok(())
}
