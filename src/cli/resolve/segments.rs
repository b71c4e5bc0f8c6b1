//! From rate profiles and replayed files to the segments of a plan: each is an endpoint of the plan with a schedule, a
//! recording and verdicts of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;

use crate::cli::defaults::{DEFAULT_DURATION, MAX_PLANNED};
use crate::cli::measure::MeasureArgs;
use crate::cli::rate_file::ReplayedFile;
use crate::cli::service::endpoints::Service;
use crate::cli::service::typed_rates::TypedProfile;
use crate::cli::settings_file::SettingsLayers;
use crate::judge::gate::{Gate, NamedSegment, of_segments};
use crate::run::plan::{Endpoint, Plan, Segment, Size, Template};
use crate::run::rate_profile::{MOST_PARTS, RatePart, RateParts, RateProfile, TypedPart};
use crate::run::replay::{
    LoggedPaths, PlannedReplay, ReplayFile, ReplaySource, ReplayedRequests, SkippedMethod,
};
use crate::run::replay_file::{LoggedRequest, TimedRequest};
use crate::run::schedule::Schedule;
use crate::units::grouped;

/// Methods that are replayed: they ask and do not write.
const REPLAYED: [(&str, &str); 2] = [("GET", "replay"), ("HEAD", "replay-head")];

/// The load of a plan whose length its profiles decide.
pub(super) struct ProfiledLoad {
    pub(super) size: Size,
    pub(super) replay: Option<ReplaySource>,
}

/// Puts the segments of profiles, or of a replayed file, in the place of the endpoints; `None` where there are neither.
///
/// # Errors
/// A flag about the size does not fit a profile, or a profile sends too much.
pub(super) fn put(
    args: &MeasureArgs,
    layers: &SettingsLayers,
    service: &mut Service,
    replayed: Option<ReplayedFile>,
) -> anyhow::Result<Option<ProfiledLoad>> {
    let has_profile = service.profiles.iter().any(Option::is_some);
    if replayed.is_none() && !has_profile {
        return Ok(None);
    }
    check_flags(args, replayed.as_ref())?;
    let replay = replayed.map(|file| put_replay(args, layers, service, &file));
    let replay = replay.transpose()?;
    if replay.is_none() {
        put_profiles(args, layers, service)?;
    }
    let lengths = service.endpoints.iter().filter_map(|endpoint| {
        let segment = endpoint.segment.as_ref()?;
        Some(match &segment.profile {
            RateProfile::Parts(parts) => parts.length(),
            RateProfile::Replay(replay) => replay.record.length(),
        })
    });
    let longest = lengths.max().unwrap_or(DEFAULT_DURATION);
    Ok(Some(ProfiledLoad {
        size: Size::Duration(longest),
        replay,
    }))
}

/// Flags that make a run end when it is decided, or say when requests are due.
fn check_flags(args: &MeasureArgs, replayed: Option<&ReplayedFile>) -> anyhow::Result<()> {
    let what = match replayed {
        Some(_) => "--rate-file",
        None => "a rate profile",
    };
    let early = [
        ("--quick", args.rules.quick),
        ("--budget", args.load.budget.budget.is_some()),
        ("--fail-fast", args.rules.fail_fast),
    ];
    if let Some((flag, _)) = early.into_iter().find(|(_, is_typed)| *is_typed) {
        bail!(
            "{flag} does not fit {what}, whose length is fixed\nhint: leave out {flag}; to end the run early on a bad service, use --abort-on"
        );
    }
    if replayed.is_some() && args.load.arrivals.is_some() {
        bail!(
            "--arrivals does not fit --rate-file, which has the instants themselves\nhint: leave out --arrivals"
        );
    }
    if replayed.is_some() && !args.service.rate.is_empty() {
        bail!(
            "--rate and --rate-file both say when requests are due\nhint: leave out one of them; --speed 2 replays twice as fast"
        );
    }
    Ok(())
}

fn put_profiles(
    args: &MeasureArgs,
    layers: &SettingsLayers,
    service: &mut Service,
) -> anyhow::Result<()> {
    let profiles = std::mem::take(&mut service.profiles);
    let mut all = profiles.iter().flatten();
    let is_open_ended = all.clone().any(TypedProfile::is_open_ended);
    let typed_size = args.load.requests.is_some() || args.load.duration.is_some();
    if let Some(profile) = all.next().filter(|_| typed_size && !is_open_ended) {
        let flag = if args.load.requests.is_some() {
            "-n"
        } else {
            "-z"
        };
        bail!(
            "{flag} does not fit the profile {}, whose parts have their own times\nhint: leave out {flag}, or change the times behind the @",
            profile.text
        );
    }
    let size = args.load.fixed_size(layers);
    let size = size.unwrap_or(Size::Duration(DEFAULT_DURATION));
    let mut endpoints = Vec::new();
    for (endpoint, profile) in std::mem::take(&mut service.endpoints)
        .into_iter()
        .zip(profiles)
    {
        match profile {
            None => endpoints.push(endpoint),
            Some(profile) => endpoints.extend(segments(&endpoint, parts(&profile, size)?)),
        }
    }
    service.endpoints = endpoints;
    Ok(())
}

/// The parts with their lengths: of a ramp without one, the size of the run.
fn parts(profile: &TypedProfile, size: Size) -> anyhow::Result<RateParts> {
    let text = &profile.text;
    let length = |mean: f64| match size {
        Size::Duration(duration) => duration,
        Size::Requests(n) => Duration::try_from_secs_f64(n as f64 / mean).unwrap_or(Duration::MAX),
    };
    let parts = profile
        .parts
        .iter()
        .map(|part| part.with_length(part.length.unwrap_or_else(|| length(part.mean()))));
    let parts: Option<Vec<RatePart>> = parts.collect();
    let Some(parts) = parts.and_then(RateParts::new) else {
        bail!(
            "the profile {text} has no parts, or more than {MOST_PARTS}\nhint: write fewer steps"
        );
    };
    if parts.due() > MAX_PLANNED as f64 {
        bail!(
            "the profile {text} sends {:.0} requests, more than {}\nhint: lower its rates or its times",
            parts.due(),
            grouped(MAX_PLANNED)
        );
    }
    Ok(parts)
}

/// One endpoint a part. A single part keeps the name; of several, each is called by its rate.
fn segments(endpoint: &Endpoint, parts: RateParts) -> Vec<Endpoint> {
    let mut names: Vec<String> = Vec::new();
    for part in parts.parts() {
        let own = format!("{}@{part}", endpoint.name);
        let again = names.iter().filter(|name| is_numbered(name, &own)).count();
        names.push(match (parts.parts().len(), again) {
            (1, _) => endpoint.name.clone(),
            (_, 0) => own,
            (_, again) => format!("{own}#{}", again + 1),
        });
    }
    let named = names.into_iter().enumerate();
    named
        .map(|(number, name)| {
            let segment = Segment {
                endpoint: endpoint.name.clone(),
                number,
                profile: RateProfile::Parts(parts.clone()),
                first_request: 0,
            };
            Endpoint {
                name,
                rate: segment.highest_rate(),
                segment: Some(segment),
                ..endpoint.clone()
            }
        })
        .collect()
}

/// Whether a name is this one, or this one with a number.
fn is_numbered(name: &str, own: &str) -> bool {
    let rest = name.strip_prefix(own);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
}

/// Sends at the instants of a file: to the endpoints of the plan, or what the file says where the URL has no path.
fn put_replay(
    args: &MeasureArgs,
    layers: &SettingsLayers,
    service: &mut Service,
    file: &ReplayedFile,
) -> anyhow::Result<ReplaySource> {
    let size = args.load.fixed_size(layers).filter(|_| {
        // A size of the settings is that of other runs.
        args.load.requests.is_some() || args.load.duration.is_some()
    });
    let replayed = Replayed { file, size };
    let has_requests = file
        .read
        .requests
        .iter()
        .any(|timed| is_stated(&timed.request));
    let is_pair = !service.implied.is_empty()
        && service
            .endpoints
            .iter()
            .all(|e| service.implied.contains(&e.name));
    let requests = if has_requests && is_pair {
        replayed.put_logged(service)?
    } else {
        replayed.put_times(service);
        ReplayedRequests::OfPlan {
            file_has_some: has_requests,
        }
    };
    let sent =
        service
            .endpoints
            .iter()
            .filter_map(|endpoint| match &endpoint.segment.as_ref()?.profile {
                RateProfile::Replay(replay) => Some(replay.record.requests),
                RateProfile::Parts(_) => None,
            });
    let sent: u64 = sent.sum();
    if sent > MAX_PLANNED {
        bail!(
            "--rate-file {} has {} requests, more than {}\nhint: replay a part of it: -n {}",
            file.name,
            grouped(sent),
            grouped(MAX_PLANNED),
            MAX_PLANNED
        );
    }
    let read = &file.read;
    Ok(ReplaySource {
        file: file.name.clone(),
        format: read.format.as_str(),
        timed: read.requests.len() as u64,
        sent,
        requests,
        unreadable: read.unreadable,
        is_cut: read.is_cut,
        out_of_order: read.out_of_order,
        is_spread: read.is_spread,
    })
}

fn is_stated(request: &LoggedRequest) -> bool {
    matches!(request, LoggedRequest::Stated { .. })
}

/// A file, and how much of it is replayed.
struct Replayed<'a> {
    file: &'a ReplayedFile,
    size: Option<Size>,
}

impl Replayed<'_> {
    /// Every request of the file goes to each endpoint of the plan.
    fn put_times(&self, service: &mut Service) {
        let all: Vec<&TimedRequest> = self.file.read.requests.iter().collect();
        let replay = Arc::new(self.replay(&all, None));
        for endpoint in &mut service.endpoints {
            endpoint.set_replay(Arc::clone(&replay));
        }
    }

    /// GET and HEAD of the file take the place of the endpoints; the first of them gives its headers.
    fn put_logged(&self, service: &mut Service) -> anyhow::Result<ReplayedRequests> {
        if service
            .endpoints
            .iter()
            .any(|endpoint| endpoint.elsewhere.is_some())
        {
            bail!(
                "--rate-file {} has paths, and there are several URLs\nhint: replay it to one service at a time",
                self.file.name
            );
        }
        let model = service.endpoints[0].clone();
        let (mut endpoints, mut paths) = (Vec::new(), 0);
        for (method, name) in REPLAYED {
            let own: Vec<&TimedRequest> = self.of_method(method).collect();
            if own.is_empty() {
                continue;
            }
            let logged = LoggedPaths::of(own.iter().map(|timed| path(timed)));
            paths += logged.distinct() as u64;
            let mut endpoint = Endpoint {
                name: name.to_owned(),
                method: method.to_owned(),
                path: Template::logged_path(),
                body: None,
                ..model.clone()
            };
            let replay = self.replay(&own, Some(logged));
            endpoint.set_replay(Arc::new(replay));
            endpoints.push(endpoint);
        }
        let (skipped, unusable) = (self.skipped(), self.unusable());
        if endpoints.is_empty() {
            let methods: Vec<&str> = skipped.iter().map(|own| own.method.as_str()).collect();
            bail!(
                "--rate-file {} has no GET or HEAD request to send, only {}; a log has no bodies\nhint: to replay its times alone, name the request: -X POST -d BODY URL/PATH",
                self.file.name,
                methods.join(", ")
            );
        }
        service.endpoints = endpoints;
        service.implied.clear();
        service.unasked.clear();
        Ok(ReplayedRequests::OfFile {
            paths,
            skipped,
            unusable,
        })
    }

    fn of_method<'a>(&'a self, wanted: &'a str) -> impl Iterator<Item = &'a TimedRequest> {
        let requests = self.file.read.requests.iter();
        requests.filter(move |timed| match &timed.request {
            LoggedRequest::Stated { method, .. } => method == wanted,
            _ => false,
        })
    }

    fn skipped(&self) -> Vec<SkippedMethod> {
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for timed in &self.file.read.requests {
            if let LoggedRequest::Stated { method, .. } = &timed.request
                && REPLAYED.iter().all(|(replayed, _)| replayed != method)
            {
                *counts.entry(method).or_default() += 1;
            }
        }
        let skipped = counts.into_iter().map(|(method, requests)| SkippedMethod {
            method: method.to_owned(),
            requests,
        });
        skipped.collect()
    }

    fn unusable(&self) -> u64 {
        let requests = self.file.read.requests.iter();
        requests.filter(|timed| !is_stated(&timed.request)).count() as u64
    }

    /// At the speed of the replay, as far as its size allows.
    fn replay(&self, requests: &[&TimedRequest], paths: Option<LoggedPaths>) -> PlannedReplay {
        let speed = self.file.speed;
        let offsets = requests
            .iter()
            .map(|timed| (timed.at_ns as f64 / speed) as u64);
        let offsets_ns: Vec<u64> = match self.size {
            None => offsets.collect(),
            Some(Size::Requests(n)) => offsets
                .take(usize::try_from(n).unwrap_or(usize::MAX))
                .collect(),
            Some(Size::Duration(duration)) => {
                let end_ns = duration.as_nanos() as u64;
                offsets.take_while(|&at_ns| at_ns < end_ns).collect()
            }
        };
        let file = ReplayFile {
            name: self.file.name.clone(),
            sha256: self.file.read.sha256.clone(),
            speed,
        };
        PlannedReplay::new(file, offsets_ns, paths)
    }
}

fn path(timed: &TimedRequest) -> &str {
    match &timed.request {
        LoggedRequest::Stated { path, .. } => path,
        LoggedRequest::Unstated | LoggedRequest::Unusable => "/",
    }
}

/// Tells every segment the number of its first request. Schedules of other endpoints are not drawn: their length is not
/// checked yet.
pub(super) fn number_requests(plan: &mut Plan) {
    for place in 0..plan.endpoints.len() {
        if plan.endpoints[place].segment.is_none() {
            continue;
        }
        let first = Schedule::of_plan(plan, place).map_or(0, |schedule| schedule.first());
        if let Some(segment) = &mut plan.endpoints[place].segment {
            segment.first_request = first;
        }
    }
}

/// The gates of a plan, with one on an endpoint as one of each of its segments.
pub(super) fn gates(gates: Vec<Gate>, plan: &Plan) -> Vec<Gate> {
    let segments = plan.endpoints.iter().map(|endpoint| NamedSegment {
        name: &endpoint.name,
        endpoint: endpoint.base_name(),
        shape: endpoint.shape(),
    });
    of_segments(gates, &segments.collect::<Vec<_>>())
}

/// Refuses a profile or a replay where a command has loads of its own.
///
/// # Errors
/// The plan has one.
pub(super) fn refuse(plan: &Plan, command: &str) -> anyhow::Result<()> {
    if plan
        .endpoints
        .iter()
        .any(|endpoint| endpoint.segment.is_some())
    {
        bail!("{}", own_load(command));
    }
    Ok(())
}

/// The same before anything else of the load is looked at.
///
/// # Errors
/// A flag, or without one a setting, gives a profile.
pub(super) fn refuse_typed(
    args: &MeasureArgs,
    layers: &SettingsLayers,
    command: &str,
) -> anyhow::Result<()> {
    let below = layers.first(None, |s| s.rate.as_ref().map(ToString::to_string));
    let typed = &args.service.rate;
    let texts = typed
        .iter()
        .chain(below.iter().filter(|_| typed.is_empty()));
    let has_file = args.rate_file.rate_file.is_some();
    if has_file || texts.into_iter().any(|text| TypedPart::is_meant(text)) {
        bail!("{}", own_load(command));
    }
    Ok(())
}

fn own_load(command: &str) -> String {
    format!(
        "{command} chooses its own load, and the plan has a rate profile or a file to replay\nhint: give one rate here, such as --rate 20/s; a7probe measure takes profiles"
    )
}
