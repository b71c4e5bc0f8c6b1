//! Which endpoints are measured: typed ones, the URL itself, the settings', else health and ingest.

use anyhow::{Context as _, bail};

use super::endpoint_draft::EndpointDraft;
use super::url::{self, ParsedUrl};
use super::{ServiceArgs, SingleRequestArgs, headers, typed_values};
use crate::cli::settings_file::SettingsLayers;
use crate::cli::variables::LookUp;
use crate::run::plan::{Endpoint, Model, Target};

/// A service and its endpoints.
pub(in crate::cli) struct Service {
    pub(in crate::cli) target: Target,
    /// What is sent, in an open model each at its rate.
    pub(in crate::cli) endpoints: Vec<Endpoint>,
}

impl Service {
    /// The service of these flags over the settings.
    ///
    /// # Errors
    /// The flags or the settings contradict themselves, or a body cannot be read.
    pub(in crate::cli) fn resolve(
        args: &ServiceArgs,
        single: &SingleRequestArgs,
        model: Model,
        layers: &SettingsLayers,
        look_up: LookUp<'_>,
    ) -> anyhow::Result<Service> {
        let typed = required_url(args, layers)?;
        let (name, address) = url::named_url(&typed);
        let mut url = url::parse(address)?;
        let mut drafts = drafts(args, single, layers, name, &mut url)?;
        let names = distinct_names(&drafts)?;
        typed_values::set_bodies(&mut drafts, args, single, &names)?;
        typed_values::set_statuses(&mut drafts, &args.expect, &names)?;
        let common = headers::common(&args.header, layers, url.credentials.as_ref(), look_up)?;
        let mut endpoints = drafts
            .into_iter()
            .map(|draft| draft.endpoint(&common, look_up))
            .collect::<Result<Vec<_>, _>>()?;
        typed_values::set_rates(&mut endpoints, &args.rate, model, layers)?;
        Ok(Service {
            target: url.target,
            endpoints,
        })
    }
}

fn required_url(args: &ServiceArgs, layers: &SettingsLayers) -> anyhow::Result<String> {
    layers.first(args.url.clone(), |s| s.url.clone()).context(
        "no URL\nhint: a7probe measure http://127.0.0.1:8080, or `url = \"…\"` in a7probe.toml, or A7PROBE_URL",
    )
}

fn drafts(
    args: &ServiceArgs,
    single: &SingleRequestArgs,
    layers: &SettingsLayers,
    name: Option<&str>,
    url: &mut ParsedUrl,
) -> anyhow::Result<Vec<EndpointDraft>> {
    let mut configured = layers.file.endpoints.clone();
    configured.extend(layers.profile.endpoints.clone());
    let has_own = !args.get.is_empty() || !args.post.is_empty();
    let is_of_pair = |name: &str| configured.is_empty() && !url.has_path && name == "ingest";
    let is_named = |text: &String| {
        let name = text.split_once('=').map(|(name, _)| name);
        name.is_some_and(|name| configured.contains_key(name) || is_of_pair(name))
    };
    let has_body = single.body_file.is_some() || !args.body.iter().all(is_named);
    let is_path_meant = url.has_path && configured.is_empty();
    if !has_own && (name.is_some() || single.method.is_some() || has_body || is_path_meant) {
        // The whole path is the endpoint's, so none of it is left to go before it.
        url.target.prefix.clear();
        let default = if has_body { "POST" } else { "GET" };
        let method = single.method.as_deref().unwrap_or(default);
        return Ok(vec![EndpointDraft::of_url(
            name,
            method,
            &url.path_and_query,
        )]);
    }
    if let Some(name) = name {
        bail!(
            "'{name}=' names a URL, which is the base of --get and --post here\nhint: leave the name out; --get NAME=PATH has its own"
        );
    }
    if url.path_and_query.contains('?') {
        bail!(
            "the base URL has a query, which no endpoint would carry\nhint: put it into the path of an endpoint, or measure the URL itself with -m GET"
        );
    }
    let get = args.get.iter().map(|text| ("GET", text));
    let post = args.post.iter().map(|text| ("POST", text));
    let typed: Vec<EndpointDraft> = get
        .chain(post)
        .map(|(method, text)| EndpointDraft::typed(method, text))
        .collect::<Result<_, _>>()?;
    if !typed.is_empty() {
        if single.method.is_some() {
            bail!(
                "--method is for the URL itself, and --get and --post name other endpoints\nhint: use one or the other; other methods go into a7probe.toml"
            );
        }
        return Ok(typed);
    }
    if configured.is_empty() {
        return Ok(EndpointDraft::defaults());
    }
    configured
        .into_iter()
        .map(|(name, settings)| EndpointDraft::configured(name, settings, &layers.folder))
        .collect()
}

fn distinct_names(drafts: &[EndpointDraft]) -> anyhow::Result<Vec<String>> {
    let names: Vec<String> = drafts.iter().map(|draft| draft.name.clone()).collect();
    for (i, name) in names.iter().enumerate() {
        if names[..i].contains(name) {
            bail!("two endpoints are called '{name}'\nhint: give each its own name");
        }
    }
    Ok(names)
}
