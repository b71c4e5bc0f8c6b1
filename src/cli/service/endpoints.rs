//! Which endpoints are measured: typed ones, the URLs themselves, the settings', else health and ingest.

use std::collections::BTreeMap;

use anyhow::bail;

use super::endpoint_draft::{EndpointDraft, Origin};
use super::endpoint_name::is_name;
use super::typed_rates::{self, TypedProfile};
use super::url::{self, ParsedUrl};
use super::url_names::{self, NameCandidates};
use super::{ServiceArgs, SingleRequestArgs, headers, typed_values};
use crate::cli::settings::EndpointSettings;
use crate::cli::settings_file::SettingsLayers;
use crate::cli::variables::LookUp;
use crate::redact::{self, REDACTED};
use crate::run::plan::{Endpoint, Model, Target};

/// Services and their endpoints.
pub(in crate::cli) struct Service {
    /// Of the first URL.
    pub(in crate::cli) target: Target,
    /// What is sent, in an open model each at its rate.
    pub(in crate::cli) endpoints: Vec<Endpoint>,
    /// Of each endpoint, the profile that it has instead of a rate.
    pub(in crate::cli) profiles: Vec<Option<TypedProfile>>,
    /// The endpoints of the pair that is meant by a URL without a path: those that do not exist are left out.
    pub(in crate::cli) implied: Vec<String>,
    /// Endpoints of that pair that are left out, because their request writes and the host is not this machine.
    pub(in crate::cli) unasked: Vec<UnaskedEndpoint>,
}

/// An implied endpoint that is not sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnaskedEndpoint {
    pub(crate) name: String,
    pub(crate) method: String,
    pub(crate) path: String,
    /// Host and port.
    pub(crate) host: String,
}

/// What a command line and its settings say of endpoints.
pub(in crate::cli) struct ServiceInput<'a> {
    pub(in crate::cli) args: &'a ServiceArgs,
    pub(in crate::cli) single: &'a SingleRequestArgs,
    pub(in crate::cli) layers: &'a SettingsLayers,
    pub(in crate::cli) look_up: LookUp<'a>,
    /// Names of implied endpoints that do not exist.
    pub(in crate::cli) absent: &'a [String],
}

impl Service {
    /// The services of these flags over the settings.
    ///
    /// # Errors
    /// The flags or the settings contradict themselves, or a body cannot be read.
    pub(in crate::cli) fn resolve(
        input: &ServiceInput<'_>,
        model: Model,
    ) -> anyhow::Result<Service> {
        let ServiceInput {
            args,
            single,
            layers,
            look_up,
            ..
        } = *input;
        let mut urls = urls(args, layers)?;
        let (mut drafts, unasked) = input.drafts(&mut urls)?;
        let names = distinct_names(&drafts, &urls)?;
        typed_values::set_bodies(&mut drafts, args, single, &names)?;
        typed_values::set_statuses(&mut drafts, &args.expect, &names)?;
        typed_values::set_expected_bodies(&mut drafts, &args.expect_body, &names);
        let implied = drafts
            .iter()
            .filter(|draft| draft.origin == Origin::Implied);
        let implied = implied.map(|draft| draft.name.clone()).collect();
        let configured: Vec<Option<String>> = drafts.iter().map(|d| d.rate.clone()).collect();
        let main = urls[0].url.target.clone();
        let mut endpoints = Vec::new();
        for draft in drafts {
            let own = &urls[draft.url].url;
            let common = headers::common(args, layers, own.credentials.as_ref())?;
            let elsewhere = (own.target != main).then(|| own.target.clone());
            endpoints.push(Endpoint {
                elsewhere,
                ..draft.endpoint(&common, look_up)?
            });
        }
        let profiles =
            typed_rates::set_rates(&mut endpoints, &configured, &args.rate, model, layers)?;
        Ok(Service {
            target: main,
            endpoints,
            profiles,
            implied,
            unasked,
        })
    }
}

/// A URL and the name that was typed before it.
struct TypedUrl {
    name: Option<String>,
    url: ParsedUrl,
}

fn urls(args: &ServiceArgs, layers: &SettingsLayers) -> anyhow::Result<Vec<TypedUrl>> {
    let mut texts = args.url.clone();
    if texts.is_empty() {
        texts.extend(layers.first(None, |s| s.url.clone()));
    }
    if texts.is_empty() {
        bail!(
            "no URL\nhint: write one, such as http://127.0.0.1:8080/search, or set url in a7probe.toml or A7PROBE_URL"
        );
    }
    if args.name.is_some() && texts.len() > 1 {
        bail!(
            "--name names one URL, and there are {}\nhint: write NAME=URL for each",
            texts.len()
        );
    }
    if let Some(name) = args.name.as_deref().filter(|name| !is_name(name)) {
        bail!("--name '{name}' is not one word\nhint: use letters, digits, _ - . and /");
    }
    check_words(&texts, &args.headers.header)?;
    let mut urls = Vec::new();
    for text in &texts {
        refuse_empty(text)?;
        let (name, address) = url::named_url(text);
        let name = args.name.as_deref().or(name);
        urls.push(TypedUrl {
            name: name.map(str::to_owned),
            url: url::parse(address)?,
        });
    }
    Ok(urls)
}

/// `health=`, and a word without a sign.
fn refuse_empty(text: &str) -> anyhow::Result<()> {
    let name = text.trim().strip_suffix('=').filter(|name| is_name(name));
    match name {
        Some(name) => bail!("{name}= has no URL\nhint: write {name}=http://HOST/PATH"),
        None if text.trim().is_empty() => bail!(
            "a URL is empty\nhint: check the variable that it comes from, or write http://HOST/PATH"
        ),
        None => Ok(()),
    }
}

/// Words behind the first URL are URLs too, unless a value with spaces was not quoted. They are not shown: the value may
/// be a secret.
fn check_words(texts: &[String], headers: &[String]) -> anyhow::Result<()> {
    let more = texts.get(1..).unwrap_or_default();
    if more.is_empty() {
        return Ok(());
    }
    let is_empty = |header: &&String| header.trim_end().ends_with(':');
    if let Some(header) = headers.iter().find(is_empty) {
        bail!(
            "the header {} has no value, and {} words follow it\nhint: quote a header with its value: -H 'NAME: VALUE'",
            header.trim_end().trim_end_matches(':'),
            more.len()
        );
    }
    let is_url = |text: &String| text.contains(['.', ':', '/']) || text == "localhost";
    match more.iter().position(|text| !is_url(text)) {
        Some(place) => bail!(
            "word {} on the command line is not a URL: it has no dot, port or path\nhint: quote values with spaces; write http://HOST for a host alone",
            place + 2
        ),
        None => Ok(()),
    }
}

impl ServiceInput<'_> {
    /// The endpoints, and those of the pair that are not sent to.
    fn drafts(
        &self,
        urls: &mut [TypedUrl],
    ) -> anyhow::Result<(Vec<EndpointDraft>, Vec<UnaskedEndpoint>)> {
        let mut configured = self.layers.file.endpoints.clone();
        configured.extend(self.layers.profile.endpoints.clone());
        let has_own = !self.args.get.is_empty() || !self.args.post.is_empty();
        let has_unnamed_body = self.has_unnamed_body(urls, &configured);
        let is_request = |typed: &TypedUrl| {
            let is_path_meant = typed.url.has_path && configured.is_empty();
            typed.name.is_some()
                || self.single.method.is_some()
                || has_unnamed_body
                || is_path_meant
        };
        if !has_own && (configured.is_empty() || urls.iter().any(is_request)) {
            let requests: Vec<bool> = urls.iter().map(is_request).collect();
            return self.of_urls(urls, &requests, has_unnamed_body);
        }
        let drafts = self.below_base(urls, configured)?;
        Ok((drafts, Vec::new()))
    }

    /// Whether a body is there that names no endpoint, so that it is that of the URLs themselves.
    fn has_unnamed_body(
        &self,
        urls: &[TypedUrl],
        configured: &BTreeMap<String, EndpointSettings>,
    ) -> bool {
        let paths = of_paths(urls);
        let is_name = |name: &str| {
            let is_of_pair = configured.is_empty()
                && name == "ingest"
                && urls.iter().any(|typed| !typed.url.has_path);
            configured.contains_key(name) || is_of_pair || paths.iter().any(|own| own == name)
        };
        let is_named = |text: &String| {
            let several = urls.len() > 1 || !urls[0].url.has_path;
            text.split_once('=').is_some_and(|(name, _)| {
                configured.contains_key(name) || (several && is_name(name))
            })
        };
        self.single.body_file.is_some() || !self.args.body.iter().all(is_named)
    }

    /// Each URL is an endpoint, or the pair.
    fn of_urls(
        &self,
        urls: &mut [TypedUrl],
        requests: &[bool],
        has_unnamed_body: bool,
    ) -> anyhow::Result<(Vec<EndpointDraft>, Vec<UnaskedEndpoint>)> {
        let default = if has_unnamed_body { "POST" } else { "GET" };
        let method = self.single.method.as_deref().unwrap_or(default);
        let (mut drafts, mut candidates, mut unasked) = (Vec::new(), Vec::new(), Vec::new());
        for (number, (typed, &is_request)) in urls.iter_mut().zip(requests).enumerate() {
            let target = &mut typed.url.target;
            if is_request {
                // The whole path is the endpoint's, so none of it is left to go before it.
                target.prefix.clear();
                let path = &typed.url.path_and_query;
                candidates.push(match &typed.name {
                    Some(name) => NameCandidates::fixed(name),
                    None => NameCandidates::of_path(path, target),
                });
                drafts.push(EndpointDraft::of_url(number, method, path));
                continue;
            }
            let pair = EndpointDraft::defaults(number);
            let (sent, withheld): (Vec<_>, Vec<_>) = pair
                .into_iter()
                .partition(|draft| draft.method == "GET" || url::is_this_machine(target));
            unasked.extend(withheld.into_iter().map(|draft| UnaskedEndpoint {
                host: target.authority(),
                name: draft.name,
                method: draft.method,
                path: draft.path,
            }));
            candidates.extend(
                sent.iter()
                    .map(|draft| NameCandidates::of_name(&draft.name, target)),
            );
            drafts.extend(sent);
        }
        for (draft, name) in drafts.iter_mut().zip(url_names::distinct(&candidates)) {
            draft.name = name;
        }
        let mut drafts = self.that_exist(drafts);
        if self.single.method.is_none() {
            drafts.iter_mut().for_each(|draft| {
                if self.args.body.iter().any(|text| is_body_of(text, draft)) {
                    draft.method = "POST".to_owned();
                }
            });
        }
        Ok((drafts, unasked))
    }

    /// Without the endpoints of the pair that the service does not have; `GET /` where it has neither.
    fn that_exist(&self, drafts: Vec<EndpointDraft>) -> Vec<EndpointDraft> {
        let is_absent = |draft: &EndpointDraft| {
            draft.origin == Origin::Implied && self.absent.contains(&draft.name)
        };
        let mut kept: Vec<EndpointDraft> = Vec::new();
        for draft in &drafts {
            if !is_absent(draft) {
                kept.push(draft.clone());
                continue;
            }
            let mut own = drafts.iter().filter(|other| other.url == draft.url);
            let is_first = own.clone().next().is_some_and(|o| o.name == draft.name);
            if is_first && own.all(is_absent) {
                let mut root = EndpointDraft::of_url(draft.url, "GET", "/");
                root.name = draft.name.replace("health", "root");
                kept.push(root);
            }
        }
        kept
    }

    /// The endpoints of the flags or of the settings, below one URL.
    fn below_base(
        &self,
        urls: &[TypedUrl],
        configured: BTreeMap<String, EndpointSettings>,
    ) -> anyhow::Result<Vec<EndpointDraft>> {
        let [TypedUrl { name, url }] = urls else {
            bail!(
                "{} URLs, but --get, --post and the settings need one base URL\nhint: give one URL, or write each endpoint as a URL",
                urls.len()
            );
        };
        if let Some(name) = name {
            bail!(
                "'{name}=' cannot name the base URL of --get and --post\nhint: leave the name out; --get NAME=PATH has its own"
            );
        }
        if url.path_and_query.contains('?') {
            bail!(
                "the base URL has a query, which no endpoint would send\nhint: put the query into the path of an endpoint, or measure the URL with -X GET"
            );
        }
        if url.target.prefix.contains("{{") {
            bail!(
                "the base URL has a template in its path, and a base is the same for every request\nhint: put it into the path of each endpoint, as in --get NAME=/{{{{row.COLUMN}}}}/PATH"
            );
        }
        let get = self.args.get.iter().map(|text| ("GET", text));
        let post = self.args.post.iter().map(|text| ("POST", text));
        let typed: Vec<EndpointDraft> = get
            .chain(post)
            .map(|(method, text)| EndpointDraft::typed(method, text))
            .collect::<Result<_, _>>()?;
        if typed.is_empty() {
            return configured
                .into_iter()
                .map(|(name, settings)| {
                    EndpointDraft::configured(name, settings, &self.layers.folder)
                })
                .collect();
        }
        if self.single.method.is_some() {
            bail!(
                "--method cannot be combined with --get and --post\nhint: use one of them; set other methods in a7probe.toml"
            );
        }
        Ok(typed)
    }
}

/// The names of URLs that have a path.
fn of_paths(urls: &[TypedUrl]) -> Vec<String> {
    let with_path = urls.iter().filter(|typed| typed.url.has_path);
    let candidates: Vec<NameCandidates> = with_path
        .map(|typed| match &typed.name {
            Some(name) => NameCandidates::fixed(name),
            None => NameCandidates::of_path(&typed.url.path_and_query, &typed.url.target),
        })
        .collect();
    url_names::distinct(&candidates)
}

/// Whether a body names an endpoint that has been a GET until now.
fn is_body_of(text: &str, draft: &EndpointDraft) -> bool {
    draft.method == "GET"
        && draft.origin == Origin::Asked
        && text
            .split_once('=')
            .is_some_and(|(name, _)| name == draft.name)
}

fn distinct_names(drafts: &[EndpointDraft], urls: &[TypedUrl]) -> anyhow::Result<Vec<String>> {
    let names: Vec<String> = drafts.iter().map(|draft| draft.name.clone()).collect();
    for (i, name) in names.iter().enumerate() {
        let Some(first) = names[..i].iter().position(|other| other == name) else {
            continue;
        };
        let (one, other) = (drafts[first].url, drafts[i].url);
        let is_typed = |number: usize| urls[number].name.is_some();
        if one != other && !is_typed(one) && !is_typed(other) {
            let url = |draft: &EndpointDraft| {
                redact::url(&format!("{}{}", urls[draft.url].url.target, draft.path))
            };
            let (one, other) = (url(&drafts[first]), url(&drafts[i]));
            if one == other && !one.contains(REDACTED) {
                bail!("{one} is given twice\nhint: name each: first={one} second={other}");
            }
            bail!("two URLs have the same path\nhint: name each: first=URL second=URL");
        }
        bail!("two endpoints are named '{name}'\nhint: give each a name of its own");
    }
    Ok(names)
}
