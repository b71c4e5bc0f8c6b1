//! From what was typed to what is meant: every rule between flags, variables, profile and file, each in a
//! function of its own. Order: flag, variable, profile, file, default.

mod ab;
mod diagnose;
mod endpoints;
mod url;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::audit;
use super::measure::MeasureArgs;
use super::output::OutputArgs;
use super::settings::{self, Levels, Settings};
use crate::judge::gate::{self, Gate, Planned};
use crate::run::plan::{
    Arrivals, AuditCapture, Auditing, ClientIdentity, ConnectionPolicy, Design, Endpoint, Guard,
    Keepalive, Model, Plan, Size, Trust,
};
use crate::run::schedule::Schedule;
use crate::units::{Rate, grouped};

pub use diagnose::{Diagnose, diagnose};

/// Longest that a run takes that says nothing else; it stops before when it is decided.
pub const DEFAULT_BUDGET: Duration = Duration::from_secs(120);
/// Length of a closed-model run that says nothing else: its size is not ours to decide, the answers do.
pub const DEFAULT_DURATION: Duration = Duration::from_secs(30);
/// Rate of each endpoint that says nothing else, a second.
pub const DEFAULT_RATE_PER_S: f64 = 20.0;
/// Limit of the default gates.
pub const DEFAULT_TARGET: Duration = Duration::from_millis(150);
/// Sent before a run that says nothing else.
pub const DEFAULT_WARMUP: Duration = Duration::from_secs(2);
/// Longest response time that is waited for.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// Most requests that are planned for one endpoint; each keeps a bit for every target.
pub const MAX_PLANNED: u64 = 100_000_000;
/// Requests in flight in an open model that says nothing else.
pub const DEFAULT_MAX_IN_FLIGHT: usize = 512;

pub use ab::{Ab, Sameness, ab};

/// What a `measure` means.
#[derive(Debug, Clone)]
pub struct Measure {
    /// What is sent.
    pub plan: Plan,
    /// What must hold; checked against the plan.
    pub gates: Vec<Gate>,
    /// Whether bursts are reckoned with.
    pub guard: Guard,
    /// Whether the size is fixed; if not, the plan's size is the budget.
    pub design: Design,
    /// What is asked after the run.
    pub auditing: Auditing,
    /// What the engine keeps and repeats for that.
    pub capture: AuditCapture,
    /// Where the run is saved.
    pub save: Option<PathBuf>,
    /// Whether the saved run keeps the bodies that were sent.
    pub save_bodies: bool,
    /// Whether every endpoint is asked once before the run.
    pub preflight: Checked,
    /// Whether the instrument is calibrated before the run.
    pub calibration: Checked,
    /// What `selftest` saved, to go into the run.
    pub certificate: Option<PathBuf>,
    /// How long to wait for the service to answer.
    pub wait_ready: Option<Duration>,
    /// Whether anything is sent at all.
    pub intent: Intent,
    /// How the result is shown.
    pub output: OutputArgs,
}

/// Whether something is tried before the service is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// The service: one request to every endpoint; what shows that the plan is wrong ends it there. The instrument: two
    /// seconds against a null server.
    First,
    /// Not at all (`--no-preflight`, `--no-calibration`).
    Never,
}

/// Whether the plan is carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// Measure.
    Run,
    /// Print the plan (`--dry-run`).
    Show,
}

/// Resolves the arguments of `measure` with the settings file and the environment.
///
/// # Errors
/// What was typed contradicts itself, or the settings cannot be read; the message says how to mend it.
pub fn measure(args: &MeasureArgs) -> anyhow::Result<Measure> {
    let levels = settings::load(args.config.as_deref(), args.profile.as_deref())?;
    resolve(args, &levels, &|name| std::env::var(name).ok())
}

/// The plan of the demo: the defaults of `measure`, no settings file, against this base URL, aimed at these gates.
pub fn demo_plan(base: &str, duration: Duration, gates: &[Gate]) -> anyhow::Result<Plan> {
    let args = MeasureArgs {
        url: Some(base.to_owned()),
        duration: Some(duration),
        ..MeasureArgs::default()
    };
    let (mut plan, ..) = resolve_unchecked(&args, &Levels::default(), &|_| None)?;
    aim(&mut plan, gates);
    Ok(plan)
}

/// Looks up an environment variable.
type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

fn resolve(args: &MeasureArgs, levels: &Levels, lookup: Lookup<'_>) -> anyhow::Result<Measure> {
    let (mut plan, gates, design) = resolve_unchecked(args, levels, lookup)?;
    let guard = guard(args, levels)?;
    check_gates(&plan, &gates, guard, design)?;
    aim(&mut plan, &gates);
    let settings = [&levels.profile.audit, &levels.file.audit];
    let (auditing, capture) = audit::resolve(&args.audit, settings, &plan, &gates)?;
    Ok(Measure {
        auditing,
        capture,
        plan,
        gates,
        guard,
        design,
        save: args.save.clone(),
        save_bodies: args.save_bodies,
        preflight: checked(args.no_preflight),
        calibration: checked(args.no_calibration),
        certificate: args.certificate.clone(),
        wait_ready: args.wait_ready,
        intent: if args.dry_run {
            Intent::Show
        } else {
            Intent::Run
        },
        output: args.output.clone(),
    })
}

fn checked(not: bool) -> Checked {
    match not {
        true => Checked::Never,
        false => Checked::First,
    }
}

/// Plan and gates that have not been held against each other.
fn resolve_unchecked(
    args: &MeasureArgs,
    levels: &Levels,
    lookup: Lookup<'_>,
) -> anyhow::Result<(Plan, Vec<Gate>, Design)> {
    let mut url = url::parse(&required_url(args, levels)?)?;
    let mut endpoints = endpoints::resolve(args, levels, &mut url, lookup)?;
    let model = model(args, levels);
    rates(&mut endpoints, args, levels, model)?;
    let target = setting(levels, args.target, |s| s.target).unwrap_or(DEFAULT_TARGET);
    if target.is_zero() {
        bail!(
            "a target of 0 is met by no answer\nhint: give the latency that is still good, such as target = \"150ms\""
        );
    }
    let gates = gates(args, levels, target)?;
    let (size, design) = size(args, levels, model, &gates)?;
    let plan = Plan {
        target: url.target,
        endpoints,
        model,
        size,
        warmup: setting(levels, args.warmup, |s| s.warmup).unwrap_or(DEFAULT_WARMUP),
        timeout: setting(levels, args.timeout, |s| s.timeout).unwrap_or(DEFAULT_TIMEOUT),
        seed: setting(levels, args.seed, |s| s.seed).unwrap_or_else(|| rand::random::<u64>() >> 11),
        connections: connections(args, levels)?,
    };
    Ok((plan, gates, design))
}

/// Tells every endpoint which exceedances the gates will ask for.
fn aim(plan: &mut Plan, gates: &[Gate]) {
    for endpoint in &mut plan.endpoints {
        endpoint.targets = gate::targets_for(gates, &endpoint.name);
    }
}

/// The first level that says something.
fn setting<T>(levels: &Levels, flag: Option<T>, get: impl Fn(&Settings) -> Option<T>) -> Option<T> {
    flag.or_else(|| get(&levels.profile))
        .or_else(|| get(&levels.file))
}

fn required_url(args: &MeasureArgs, levels: &Levels) -> anyhow::Result<String> {
    setting(levels, args.url.clone(), |s| s.url.clone()).context(
        "no URL\nhint: a7probe measure http://127.0.0.1:8080, or `url = \"…\"` in a7probe.toml, or A7PROBE_URL",
    )
}

/// Closed where concurrency is said at a level above every rate: `-c 8` means eight at a time even if the
/// file has a rate for other runs. With a rate at the same level, concurrency caps what is in flight.
fn model(args: &MeasureArgs, levels: &Levels) -> Model {
    let arrivals = setting(levels, args.arrivals, |s| s.arrivals).unwrap_or(Arrivals::default());
    let said = |s: &Settings| {
        let rate = s.rate.is_some() || s.endpoints.values().any(|e| e.rate.is_some());
        (s.concurrency, rate)
    };
    let by_level = [
        (args.concurrency, !args.rate.is_empty()),
        said(&levels.profile),
        said(&levels.file),
    ];
    match by_level
        .into_iter()
        .find(|(concurrency, rate)| concurrency.is_some() || *rate)
    {
        Some((Some(concurrency), false)) => Model::Closed {
            concurrency: concurrency as usize,
        },
        _ => Model::Open { arrivals },
    }
}

/// Gives every endpoint of an open model its rate: its own, else the one for all.
fn rates(
    endpoints: &mut [Endpoint],
    args: &MeasureArgs,
    levels: &Levels,
    model: Model,
) -> anyhow::Result<()> {
    if let Model::Closed { .. } = model {
        endpoints
            .iter_mut()
            .for_each(|endpoint| endpoint.rate = None);
        return Ok(());
    }
    let names: Vec<String> = endpoints
        .iter()
        .map(|endpoint| endpoint.name.clone())
        .collect();
    let mut for_all: Option<Rate> = None;
    let mut typed: Vec<(String, Rate)> = Vec::new();
    for text in &args.rate {
        let (name, rate) = endpoints::split_named(text, &names);
        if name.is_none() && text.contains('=') {
            bail!(endpoints::unknown_name("--rate", text, &names));
        }
        let rate: Rate = rate.parse().with_context(|| format!("--rate {text}"))?;
        match name {
            Some(name) => typed.push((name.to_owned(), rate)),
            None => for_all = Some(rate),
        }
    }
    let below = levels.profile.rate.as_ref().or(levels.file.rate.as_ref());
    let below = below
        .map(|text| {
            text.to_string()
                .parse::<Rate>()
                .context("the setting 'rate'")
        })
        .transpose()?;
    let default = Rate::per_second(DEFAULT_RATE_PER_S);
    for endpoint in endpoints {
        let own = typed
            .iter()
            .find(|(name, _)| *name == endpoint.name)
            .map(|(_, rate)| *rate);
        endpoint.rate = own.or(for_all).or(endpoint.rate).or(below).or(default);
    }
    Ok(())
}

/// Requests, duration and budget exclude each other within a level; the higher level wins. Without any of the first
/// two, an open-model run is adaptive.
fn size(
    args: &MeasureArgs,
    levels: &Levels,
    model: Model,
    gates: &[Gate],
) -> anyhow::Result<(Size, Design)> {
    let said = |s: &Settings| (s.requests, s.duration, s.budget);
    let by_level = [
        ("the flags", (args.requests, args.duration, args.budget)),
        ("the profile", said(&levels.profile)),
        ("the settings file", said(&levels.file)),
    ];
    for (level, said) in by_level {
        match said {
            (None, None, None) => {}
            (Some(0), None, None) => {
                bail!("requests = 0 measures nothing\nhint: a P99 needs 299 requests to pass")
            }
            (Some(requests), None, None) => return Ok((Size::Requests(requests), Design::Fixed)),
            (None, Some(time), None) | (None, None, Some(time)) if time.is_zero() => {
                bail!("a duration of 0 measures nothing")
            }
            (None, Some(duration), None) => return Ok((Size::Duration(duration), Design::Fixed)),
            (None, None, Some(budget)) => return adaptive(budget, model),
            (Some(_), Some(_), _) => bail!(
                "{level} give both a number of requests and a duration\nhint: give one of them; the rate decides the other"
            ),
            _ => bail!(
                "{level} give both a fixed size and a budget\nhint: a budget is for runs that stop when they are decided; give one of them"
            ),
        }
    }
    // What the audit tells is known only when the run is over, so it never ends one; and a gate on the time to
    // completion needs its sample, whatever the others have decided by then.
    let watched =
        |gate: &Gate| gate.condition.allowed_share().is_some() && !gate.condition.needs_audit();
    let needs_sample = |gate: &Gate| gate.condition.done_quantile().is_some();
    let is_adaptive = gates.iter().any(watched) && !gates.iter().any(needs_sample);
    Ok(match model {
        Model::Open { .. } if is_adaptive => (Size::Duration(DEFAULT_BUDGET), Design::Adaptive),
        _ => (Size::Duration(DEFAULT_DURATION), Design::Fixed),
    })
}

fn adaptive(budget: Duration, model: Model) -> anyhow::Result<(Size, Design)> {
    match model {
        Model::Open { .. } => Ok((Size::Duration(budget), Design::Adaptive)),
        Model::Closed { .. } => bail!(
            "a closed-model run has a fixed size, because the answers decide how many requests there are\nhint: give a rate with -q, or -z or -n instead of the budget"
        ),
    }
}

/// An episode and independence exclude each other within a level; the higher level wins.
fn guard(args: &MeasureArgs, levels: &Levels) -> anyhow::Result<Guard> {
    if let Some(typed) = args.guard.typed() {
        return Ok(typed);
    }
    for (level, settings) in [
        ("profile", &levels.profile),
        ("settings file", &levels.file),
    ] {
        match (settings.iid, settings.episode) {
            (Some(true), Some(_)) => bail!(
                "the {level} gives an episode and takes requests as independent\nhint: keep one of them"
            ),
            (_, Some(episode)) if episode.is_zero() => bail!(
                "an episode of 0 excludes nothing\nhint: iid = true takes requests as independent"
            ),
            (Some(true), None) => return Ok(Guard::Iid),
            (_, Some(episode)) => return Ok(Guard::Episode(episode)),
            (Some(false), None) => return Ok(Guard::default()),
            (None, None) => {}
        }
    }
    Ok(Guard::default())
}

/// The gates that were asked for, else the default ones; a target that was typed adds the default ones to them.
fn gates(args: &MeasureArgs, levels: &Levels, target: Duration) -> anyhow::Result<Vec<Gate>> {
    let typed = (!args.gate.is_empty()).then(|| args.gate.clone());
    let Some(texts) = setting(levels, typed, |s| s.gates.clone()) else {
        return Ok(gate::default_gates(target));
    };
    if texts.is_empty() {
        bail!(
            "the list of gates is empty, so nothing could pass\nhint: leave it out for the default gates"
        );
    }
    let mut gates: Vec<Gate> = texts
        .iter()
        .map(|text| Gate::parse(text))
        .collect::<Result<_, _>>()?;
    gates.extend(args.target.map(gate::default_gates).into_iter().flatten());
    Ok(gates)
}

/// Before anything is counted: a plan of more requests than bits can be kept for is a typing error.
fn check_length(plan: &Plan) -> anyhow::Result<()> {
    for endpoint in &plan.endpoints {
        let requests = match (plan.size, endpoint.rate) {
            (Size::Requests(n), _) => n as f64,
            (Size::Duration(duration), Some(rate)) => duration.as_secs_f64() * rate.as_per_second(),
            (Size::Duration(_), None) => 0.0,
        };
        if requests > MAX_PLANNED as f64 {
            bail!(
                "the plan sends {requests:.0} requests to {}, and {} are the most that are kept\nhint: lower -n, the rate or the duration",
                endpoint.name,
                grouped(MAX_PLANNED)
            );
        }
    }
    Ok(())
}

fn check_gates(plan: &Plan, gates: &[Gate], guard: Guard, design: Design) -> anyhow::Result<()> {
    check_length(plan)?;
    let endpoints = plan.endpoints.iter();
    let planned: Vec<Planned<'_>> = endpoints
        .map(|endpoint| planned(plan, endpoint, guard, design))
        .collect();
    if let Some(nothing) = planned.iter().find(|p| p.samples == Some(0)) {
        bail!(
            "the plan sends nothing to {}: its rate is too low for the duration\nhint: raise the rate, the duration, or give -n",
            nothing.endpoint
        );
    }
    Ok(gate::check(gates, &planned, Some(plan.timeout))?)
}

/// What the plan sends to an endpoint, for its gates.
pub fn planned<'a>(
    plan: &Plan,
    endpoint: &'a Endpoint,
    guard: Guard,
    design: Design,
) -> Planned<'a> {
    Planned {
        endpoint: &endpoint.name,
        samples: planned_samples(plan, endpoint),
        rate_per_s: endpoint.rate.map(|rate| rate.as_per_second()),
        guard,
        design,
    }
}

/// Requests that the plan sends to an endpoint; `None` where time alone bounds it, as in a closed model.
pub fn planned_samples(plan: &Plan, endpoint: &Endpoint) -> Option<u64> {
    match (plan.size, plan.model, endpoint.rate) {
        (Size::Requests(n), _, _) => Some(n),
        (Size::Duration(_), Model::Open { arrivals }, Some(rate)) => {
            let stream = plan
                .endpoints
                .iter()
                .position(|e| e.name == endpoint.name)
                .unwrap_or(0) as u64;
            Some(Schedule::new(arrivals, rate, plan.size, plan.seed, stream).planned())
        }
        _ => None,
    }
}

fn connections(args: &MeasureArgs, levels: &Levels) -> anyhow::Result<ConnectionPolicy> {
    let insecure = args.insecure || setting(levels, None, |s| s.insecure).unwrap_or(false);
    let trust = match setting(levels, args.cacert.clone(), |s| s.cacert.clone()) {
        _ if insecure => Trust::Anything,
        Some(file) => Trust::File(file),
        None => Trust::System,
    };
    let cert = setting(levels, args.cert.clone(), |s| s.cert.clone());
    let key = setting(levels, args.key.clone(), |s| s.key.clone());
    if cert.is_some() != key.is_some() {
        bail!(
            "a client certificate needs its key, and the key its certificate\nhint: give both --cert and --key"
        );
    }
    let connect_to = setting(levels, args.connect_to.clone(), |s| s.connect_to.clone());
    let per_request =
        args.disable_keepalive || setting(levels, None, |s| s.disable_keepalive).unwrap_or(false);
    let cap = setting(levels, args.concurrency, |s| s.concurrency);
    Ok(ConnectionPolicy {
        max_in_flight: cap.map_or(DEFAULT_MAX_IN_FLIGHT, |cap| cap as usize),
        keepalive: if per_request {
            Keepalive::PerRequest
        } else {
            Keepalive::Reuse
        },
        trust,
        identity: cert
            .zip(key)
            .map(|(chain, key)| ClientIdentity { chain, key }),
        connect_to: connect_to
            .map(|text| url::host_and_port(&text))
            .transpose()?,
        unix_socket: setting(levels, args.unix_socket.clone(), |s| s.unix_socket.clone()),
    })
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use clap::Parser;

    use super::{Levels, Measure, MeasureArgs, resolve};
    use crate::cli::settings::Settings;
    use crate::run::plan::{Arrivals, Design, Guard, Model, Size};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: MeasureArgs,
    }

    fn levels(file: &str, profile: &str) -> Levels {
        let read = |text: &str| toml::from_str::<Settings>(text).unwrap();
        Levels {
            profile: read(profile),
            file: read(file),
            folder: PathBuf::new(),
        }
    }

    fn with(line: &str, levels: &Levels) -> anyhow::Result<Measure> {
        let words = std::iter::once("measure").chain(line.split_whitespace());
        let line = Line::try_parse_from(words).map_err(|e| anyhow::anyhow!(e.to_string()))?;
        resolve(&line.args, levels, &|_| None)
    }

    fn meant(line: &str) -> Measure {
        with(line, &Levels::default()).unwrap()
    }

    fn refusal(line: &str) -> String {
        format!(
            "{:#}",
            with(line, &Levels::default())
                .map(|_| line.to_owned())
                .unwrap_err()
        )
    }

    #[test]
    fn a_url_alone_means_health_and_ingest_at_20_a_second_until_it_is_decided() {
        let measure = meant("http://127.0.0.1:8080");
        let plan = &measure.plan;
        assert_eq!(
            plan.model,
            Model::Open {
                arrivals: Arrivals::Jitter
            }
        );
        assert_eq!(plan.size, Size::Duration(Duration::from_secs(120)));
        assert_eq!(measure.design, Design::Adaptive);
        assert_eq!(measure.guard, Guard::Episode(Duration::from_millis(100)));
        let lines: Vec<String> = plan
            .endpoints
            .iter()
            .map(|e| {
                format!(
                    "{} {} {} {}",
                    e.name,
                    e.method,
                    e.path.source(),
                    e.rate.unwrap()
                )
            })
            .collect();
        assert_eq!(
            lines,
            ["health GET /health 20/s", "ingest POST /ingest 20/s"]
        );
        let body = plan.endpoints[1].body.as_ref().unwrap().source();
        assert!(body.contains("{{uuid}}"), "every event is new: {body}");
        assert_eq!(plan.endpoints[0].targets, [Duration::from_millis(150)]);
        assert_eq!(measure.gates.len(), 3);
    }

    #[test]
    fn concurrency_without_a_rate_is_the_closed_model_and_with_one_a_cap() {
        assert_eq!(
            meant("http://h -c 8").plan.model,
            Model::Closed { concurrency: 8 }
        );
        let capped = meant("http://h -c 8 -q 50").plan;
        assert_eq!(
            capped.model,
            Model::Open {
                arrivals: Arrivals::Jitter
            }
        );
        assert_eq!(capped.connections.max_in_flight, 8);
        let file_rate = levels("rate = 50", "");
        assert_eq!(
            with("http://h -c 8", &file_rate).unwrap().plan.model,
            Model::Closed { concurrency: 8 }
        );
        let file_both = levels("rate = 50\nconcurrency = 4", "");
        assert!(matches!(
            with("http://h", &file_both).unwrap().plan.model,
            Model::Open { .. }
        ));
    }

    #[test]
    fn a_flag_beats_the_profile_and_the_profile_beats_the_file() {
        let levels = levels(
            "duration = '60s'\ntarget = '300ms'\nurl = 'http://file'",
            "duration = '40s'",
        );
        let profile = with("", &levels).unwrap();
        assert_eq!(profile.plan.size, Size::Duration(Duration::from_secs(40)));
        assert_eq!(profile.plan.target.host, "file");
        let flag = with("http://flag -n 700", &levels).unwrap();
        assert_eq!(
            (flag.plan.size, flag.design),
            (Size::Requests(700), Design::Fixed)
        );
        assert_eq!(flag.plan.endpoints[0].targets, [Duration::from_millis(300)]);
    }

    #[test]
    fn a_run_is_adaptive_unless_its_size_is_given_or_its_model_closed() {
        let design = |line: &str| meant(line).design;
        assert_eq!(design("http://h --budget 60s"), Design::Adaptive);
        assert_eq!(design("http://h -z 60s"), Design::Fixed);
        assert_eq!(design("http://h --samples 700"), Design::Fixed);
        assert_eq!(design("http://h -c 8"), Design::Fixed);
        // What the audit tells can end no run.
        let done = meant("http://h --gate p95<=1s --gate done.p95<=2s");
        assert_eq!(done.design, Design::Fixed);
        assert_eq!(done.plan.size, Size::Duration(Duration::from_secs(30)));
        assert_eq!(design("http://h --gate lost<=0"), Design::Fixed);
        assert_eq!(
            design("http://h --gate p95<=1s --gate lost<=0"),
            Design::Adaptive
        );
        // Each level decides for those below it.
        let file = levels("duration = '60s'", "budget = '90s'");
        assert_eq!(with("http://h", &file).unwrap().design, Design::Adaptive);
        assert_eq!(
            with("http://h -z 60s", &file).unwrap().design,
            Design::Fixed
        );
        assert_eq!(meant("http://h --iid -z 20s").guard, Guard::Iid);
        let guards = levels("iid = true", "episode = '50ms'");
        let guard = |line| with(line, &guards).unwrap().guard;
        assert_eq!(guard("http://h"), Guard::Episode(Duration::from_millis(50)));
        assert_eq!(guard("http://h --iid"), Guard::Iid);
    }

    #[test]
    fn a_typed_target_adds_the_default_gates_to_those_that_were_typed() {
        let gate = "http://h --gate p90<=1s";
        assert_eq!(meant(gate).gates.len(), 1);
        let both = meant(&format!("{gate} --target 200ms"));
        let texts: Vec<String> = both.gates.iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            [
                "* p90 <= 1s",
                "* p50 <= 200ms",
                "* p95 <= 200ms",
                "* p99 <= 200ms"
            ]
        );
    }

    #[test]
    fn each_endpoint_may_have_its_own_rate_body_and_statuses() {
        let measure = meant(
            "http://h --get a=/a --post b=/b -q 10 -q b=2/s --body b={\"x\":1} --expect b=202 -H X-K:v -z 300s",
        );
        let [a, b] = &measure.plan.endpoints[..] else {
            panic!("two endpoints")
        };
        assert_eq!(
            (
                a.rate.unwrap().as_per_second(),
                b.rate.unwrap().as_per_second()
            ),
            (10.0, 2.0)
        );
        assert_eq!(b.body.as_ref().unwrap().source(), "{\"x\":1}");
        assert_eq!(
            (a.expect.to_string(), b.expect.to_string()),
            ("2xx".into(), "202".into())
        );
        assert_eq!(a.headers[0].0, "X-K");
        assert!(
            b.headers
                .iter()
                .any(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        );
    }

    #[test]
    fn method_or_body_alone_mean_the_url_itself() {
        let plan = meant("http://h:81/v1/search?q=x -m PUT -d hello -T text/plain -q 10").plan;
        assert_eq!(plan.endpoints.len(), 1);
        let only = &plan.endpoints[0];
        assert_eq!(
            (only.method.as_str(), only.path.source()),
            ("PUT", "/v1/search?q=x".to_owned())
        );
        assert_eq!(only.name, "search");
        assert_eq!(plan.target.prefix, "");
    }

    #[test]
    fn what_contradicts_itself_is_refused_with_the_mend() {
        for (line, message) in [
            ("", "no URL"),
            ("ftp://h", "'ftp'"),
            ("http://", "has no host"),
            ("http://h -q 0", "out of range"),
            ("http://h -q x=5", "'x'"),
            ("http://h -t 100ms", "timeout of 100 ms is below the target"),
            ("http://h -n 100", "it takes 299"),
            ("http://h --gate helth_p95<=1ms", "helth_p95"),
            ("http://h -q 0.001", "sends nothing to health"),
            (
                "http://h -n 18446744073709551615",
                "100 000 000 are the most",
            ),
            (
                "http://h -q 1000000 -z 24h --arrivals poisson",
                "100 000 000 are the most",
            ),
            ("http://h/base?q=1", "the base URL has a query"),
            ("http://h --get a", "NAME=PATH"),
            ("http://h --get a=x", "begin with /"),
            (
                "http://h --get a=/x --post a=/y",
                "two endpoints are called 'a'",
            ),
            ("http://h --get a=/x --body a={{uid}}", "not a placeholder"),
            ("http://h --expect 7xx", "no set of statuses"),
            ("http://h -H nocolon", "NAME: VALUE"),
            ("http://h --connect-to nowhere", "HOST:PORT"),
            ("http://h -z 0s", "must be above 0"),
            ("http://h -z 5", "has no unit"),
            ("http://h -n 5 -z 5s", "cannot be used with"),
            ("http://h --budget 60s -z 60s", "cannot be used with"),
            ("http://h --iid --episode 1s", "cannot be used with"),
            (
                "http://h -c 8 --budget 60s",
                "closed-model run has a fixed size",
            ),
            (
                "http://h -z 20s",
                "to exclude slow episodes of 100 ms takes 30 s; run longer",
            ),
            (
                "http://h --gate p99.9<=150ms",
                "cannot pass with 2 400 planned requests",
            ),
            (
                "http://h --gate p99.9<=150ms -q 100",
                "takes 299.6 s; let it run (--budget) longer",
            ),
            ("http://h -c 0", "0 is not in 1..=65535"),
        ] {
            let refused = refusal(line);
            assert!(refused.contains(message), "{line}: {refused}");
        }
    }
}
