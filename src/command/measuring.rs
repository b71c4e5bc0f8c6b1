//! Carries out a plan: preflight, signals, live line, engine; the result is a [`Run`].

mod audit_warnings;
mod calibration;
mod decider;
mod no_answer;

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use uuid::Uuid;

use super::signals::Signals;
use crate::command::progress::{Mode, Progress, Subject};
use crate::judge::gate::{self, Gate};
use crate::probe::audit::{self, Early, EarlyLooks, Offered, Ran, Sent};
use crate::probe::engine::{self, Live, Measured, RunIds, StopSignal, Stopper, stop_switch};
use crate::redact;
use crate::report::Warning;
use crate::run::completion::Audit;
use crate::run::plan::{
    Auditing, Beside, Design, Endpoint, Guard, Model, Plan, Size, Source, Wish,
};
use crate::run::run_file::{
    AdaptiveRecord, Calibration, EndpointRun, Environment, Instrument, Judging, PlanRecord, Run,
    RunEnd, SelftestCertificate, Signal, StopReason,
};
use crate::run::sample::FailureKind;
use crate::units::Pretty;
use audit_warnings::audit_warnings;
pub(super) use calibration::calibrated;
use decider::Decider;
use no_answer::explain;

/// How long a service may take to say whether it lists its runs.
const OFFER: Duration = Duration::from_secs(2);

/// Runs plans; listens for signals as long as it lives.
pub(super) struct Measuring {
    stopper: Stopper,
    stop: StopSignal,
    pub(super) signals: Signals,
    mode: Mode,
    /// The flag that leaves the preflight out, if the command has one.
    no_preflight: Option<&'static str>,
}

/// The service cannot be measured: no byte of an answer arrives.
#[derive(Debug, thiserror::Error)]
#[error("{text}\nhint: {hint}")]
pub struct Unreachable {
    text: String,
    hint: String,
}

/// How the questions before the run were answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Preflight {
    /// The run may begin.
    Ready,
    /// A signal came first.
    Interrupted(Signal),
}

/// What a run is asked, and how the answer is judged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) gates: &'a [Gate],
    pub(super) guard: Guard,
    /// Whether the run may stop when it is decided.
    pub(super) design: Design,
    /// What is asked after the run, and what the engine keeps and repeats for it.
    pub(super) audit: Option<(&'a Auditing, &'a Beside)>,
    /// What the instrument measured of itself before.
    pub(super) calibration: &'a Calibration,
    /// What `selftest` said of it.
    pub(super) certificate: Option<&'a SelftestCertificate>,
}

/// How the calibration ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Calibrating {
    /// The run may begin.
    Done(Calibration),
    /// A signal came first.
    Interrupted(Signal),
}

/// A run and what its reader should know about it.
pub(super) struct Measurement {
    pub(super) run: Run,
    pub(super) warnings: Vec<Warning>,
}

impl Measuring {
    /// From now on a signal stops what is measured, in good order.
    ///
    /// A second one ends the process after the litter, a temporary folder, is removed.
    pub(super) fn new(mode: Mode, litter: Option<PathBuf>) -> anyhow::Result<Measuring> {
        let (stopper, stop): (Stopper, StopSignal) = stop_switch();
        let signals =
            Signals::listen(stopper.clone(), litter).context("cannot listen for signals")?;
        Ok(Measuring {
            stopper,
            stop,
            signals,
            mode,
            no_preflight: Some("--no-preflight"),
        })
    }

    /// The same for a command that always makes a preflight request.
    pub(super) fn always_asking(self) -> Measuring {
        Measuring {
            no_preflight: None,
            ..self
        }
    }

    /// Sends one request to every endpoint; with patience, again until all answer as expected.
    ///
    /// A service that fails is measured all the same; a plan that does not fit the service is not.
    ///
    /// # Errors
    /// [`Unreachable`] if there is no answer; if an answer shows that the plan is wrong (404, 401, …), what to mend.
    pub(super) fn preflight(
        &self,
        plan: &Plan,
        patience: Option<Duration>,
        stderr: &mut dyn Write,
    ) -> anyhow::Result<Preflight> {
        let began = Instant::now();
        loop {
            let asked = engine::preflight(plan, &self.stop);
            if let Some(signal) = self.signals.received() {
                say_interrupted(stderr)?;
                return Ok(Preflight::Interrupted(signal));
            }
            let ready = asked
                .as_ref()
                .is_ok_and(|statuses| unexpected(plan, statuses).next().is_none());
            if ready {
                return Ok(Preflight::Ready);
            }
            if patience.is_none_or(|patience| began.elapsed() >= patience) {
                let statuses = asked.map_err(|e| explain(plan, e, patience))?;
                return self.accept(plan, &statuses, stderr);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Measures a server that takes no time, as the plan's service will be measured: about two seconds.
    pub(super) fn calibrate(
        &self,
        plan: &Plan,
        stderr: &mut dyn Write,
    ) -> anyhow::Result<Calibrating> {
        let calibration = calibration::calibrated(plan, &self.stop);
        match (calibration, self.signals.received()) {
            (Some(calibration), None) => Ok(Calibrating::Done(calibration)),
            (calibration, signal) => {
                let Some(signal) = signal else {
                    return Ok(Calibrating::Done(calibration.unwrap_or_default()));
                };
                say_interrupted(stderr)?;
                Ok(Calibrating::Interrupted(signal))
            }
        }
    }

    /// Decides about answers of which at least one was not expected.
    fn accept(
        &self,
        plan: &Plan,
        statuses: &[u16],
        stderr: &mut dyn Write,
    ) -> anyhow::Result<Preflight> {
        for (endpoint, status) in unexpected(plan, statuses) {
            let text = format!(
                "{} {}{} answers {status} where {} is expected",
                endpoint.method,
                redact::url(&plan.target.to_string()),
                redact::url(&endpoint.path.source()),
                endpoint.expect
            );
            let hint = status_hint(endpoint, status);
            if shows_a_wrong_plan(status) {
                match self.no_preflight {
                    Some(flag) => bail!("{text}\nhint: {hint}; {flag} measures it as it is"),
                    None => bail!("{text}\nhint: {hint}"),
                }
            }
            if self.mode != Mode::Silent {
                writeln!(
                    stderr,
                    "warning: {text}; it is measured all the same\nhint: {hint}"
                )?;
            }
        }
        Ok(Preflight::Ready)
    }

    /// Carries out the plan; blocks until it has ended, was decided or was stopped.
    pub(super) fn run(&self, plan: &Plan, asked: &Asked<'_>) -> anyhow::Result<Measurement> {
        let own_error = asked.calibration.own_error();
        let live = Arc::new(Live::new(plan).with_own_error(own_error));
        let decider = (asked.design == Design::Adaptive)
            .then(|| Decider::start(plan, asked, Arc::clone(&live), self.stopper.clone()));
        let needed = self.mode != Mode::Silent || decider.is_some();
        let progress = Progress::start(
            self.mode,
            subject(plan),
            Arc::clone(&live),
            decider.as_ref().map(Decider::state),
        );
        let ids = RunIds::fresh();
        let audit = asked
            .audit
            .map(|(auditing, beside)| self.auditing(plan, auditing, beside, ids.run));
        let beside = match &audit {
            Some((_, _, beside)) => beside.clone(),
            None => Beside::default(),
        };
        let early = audit
            .as_ref()
            .and_then(|(auditing, _, _)| early(plan, auditing, ids.run, &live));
        let accepted = Arc::clone(&live);
        let live = (needed || early.is_some()).then_some(live);
        let measured = engine::run_keeping(plan, &beside, (ids, own_error), &self.stop, live);
        progress.finish();
        let decided = decider.is_some_and(Decider::finish);
        accepted.end_accepted();
        let early = early.map(Early::finish);
        let measured = measured?;
        let mut warnings = warnings(plan, &measured);
        let audits = match &audit {
            Some((auditing, offered, beside)) => {
                let audit = (auditing, *offered, beside);
                self.audits(plan, asked.gates, audit, ids, (&measured, early.as_ref()))
            }
            None => Vec::new(),
        };
        let mut run = self.run_of(plan, asked, ids, measured, decided);
        for (endpoint, audit) in run.endpoints.iter_mut().zip(audits) {
            endpoint.audit = audit;
        }
        warnings.extend(audit_warnings(&run));
        Ok(Measurement { run, warnings })
    }

    /// Whether the service lists its runs, asked before anything can go wrong with it; what that makes of an audit, and
    /// what is kept for it: nothing of a service that will not be asked.
    fn auditing(
        &self,
        plan: &Plan,
        auditing: &Auditing,
        beside: &Beside,
        run: Uuid,
    ) -> (Auditing, Offered, Beside) {
        let (mut auditing, mut beside) = (auditing.clone(), beside.clone());
        let asks = plan.endpoints.iter().any(Endpoint::is_accepting);
        let listing = auditing.wish != Wish::Never && auditing.source == Source::Listing;
        let offered = match asks && listing && audit::is_offered(plan, run, OFFER) {
            true => Offered::Seen,
            false => Offered::NotSeen,
        };
        if auditing.wish == Wish::IfOffered {
            auditing.wish = match offered {
                Offered::Seen => Wish::Asked,
                Offered::NotSeen => Wish::Never,
            };
        }
        if auditing.wish == Wish::Never {
            beside.keep.clear();
        }
        (auditing, offered, beside)
    }

    /// Asks what became of what was accepted; a signal ends the wait, and what is known by then is told.
    fn audits(
        &self,
        plan: &Plan,
        gates: &[Gate],
        (auditing, offered, beside): (&Auditing, Offered, &Beside),
        ids: RunIds,
        (measured, early): (&Measured, Option<&EarlyLooks>),
    ) -> Vec<Option<Audit>> {
        let targets: Vec<Vec<Duration>> = plan
            .endpoints
            .iter()
            .map(|endpoint| gate::done_targets_for(gates, &endpoint.name))
            .collect();
        let sent: Vec<Sent<'_>> = measured
            .endpoints
            .iter()
            .zip(&targets)
            .map(|(endpoint, targets)| Sent {
                recording: &endpoint.recording,
                answers: &endpoint.answers,
                targets,
                resent: beside.resend,
            })
            .collect();
        let ran = Ran {
            plan,
            id: ids.run,
            started_at: measured.started_at,
            offered,
            early,
            endpoints: &sent,
        };
        let progress = Progress::auditing(self.mode);
        let audits = audit::audit(auditing, &ran, self.stop.clone().interrupted());
        progress.finish();
        audits
    }

    /// Carries out one block of a run. A signal ends it at its current point.
    pub(super) fn block(
        &self,
        plan: &Plan,
        ids: RunIds,
        own_error: Duration,
        label: &str,
    ) -> anyhow::Result<Measured> {
        let live = Arc::new(Live::new(plan).with_own_error(own_error));
        let subject = Subject {
            label: label.to_owned(),
            ..subject(plan)
        };
        let progress = Progress::start(self.mode, subject, Arc::clone(&live), None);
        let needed = (self.mode != Mode::Silent).then_some(live);
        let measured = engine::run_calibrated(plan, ids, own_error, &self.stop, needed);
        progress.finish();
        measured
    }

    /// What blocks of fixed number add up to, as a run of this plan.
    pub(super) fn of_blocks(
        &self,
        plan: &Plan,
        asked: &Asked<'_>,
        ids: RunIds,
        measured: Measured,
    ) -> Measurement {
        let warnings = warnings(plan, &measured);
        Measurement {
            run: self.run_of(plan, asked, ids, measured, false),
            warnings,
        }
    }

    fn run_of(
        &self,
        plan: &Plan,
        asked: &Asked<'_>,
        ids: RunIds,
        measured: Measured,
        decided: bool,
    ) -> Run {
        let ended = match self.signals.received() {
            Some(signal) if measured.stopped => RunEnd::Interrupted { signal },
            _ => RunEnd::Complete,
        };
        let stopped = match (ended, decided) {
            (RunEnd::Interrupted { .. }, _) => StopReason::Interrupted,
            (RunEnd::Complete, true) => StopReason::Decided,
            (RunEnd::Complete, false) => StopReason::Budget,
        };
        let endpoints =
            plan.endpoints
                .iter()
                .zip(measured.endpoints)
                .map(|(endpoint, measured)| EndpointRun {
                    name: endpoint.name.clone(),
                    recording: measured.recording,
                    warmup: measured.warmup,
                    audit: None,
                });
        Run {
            id: ids.run,
            plan: PlanRecord::of(plan),
            environment: Environment::here(),
            started_at: measured.started_at,
            ended,
            endpoints: endpoints.collect(),
            instrument: Instrument {
                threads: measured.threads,
                pacer: measured
                    .pacing
                    .map_or("none: closed model", |pacing| pacing.as_str())
                    .to_owned(),
                cpu: measured.cpu.unwrap_or_default(),
                wall: measured.wall,
                calibration: asked.calibration.clone(),
                throttled: measured.throttled,
                certificate: asked.certificate.cloned(),
            },
            gates: asked.gates.iter().map(Gate::to_string).collect(),
            judging: Judging {
                guard: asked.guard.into(),
                adaptive: match (asked.design, plan.size) {
                    (Design::Adaptive, Size::Duration(budget)) => {
                        Some(AdaptiveRecord { budget, stopped })
                    }
                    _ => None,
                },
            },
            turns: None,
        }
    }
}

/// Asks about events during the run if the service forgets them.
fn early(plan: &Plan, auditing: &Auditing, run: Uuid, live: &Live) -> Option<Early> {
    let Source::Polls(polls) = &auditing.source else {
        return None;
    };
    let ttl = polls.ttl.filter(|_| auditing.wish != Wish::Never)?;
    let (sender, accepted) = tokio::sync::mpsc::unbounded_channel();
    live.tell_accepted(sender);
    Some(Early::start(plan, polls, ttl, run, accepted))
}

fn say_interrupted(stderr: &mut dyn Write) -> std::io::Result<()> {
    writeln!(
        stderr,
        "interrupted before the run began; nothing was measured"
    )
}

fn subject(plan: &Plan) -> Subject {
    let longest = plan
        .endpoints
        .iter()
        .filter_map(|endpoint| match (plan.size, endpoint.rate) {
            (Size::Requests(n), Some(rate)) => {
                Some(Duration::from_secs_f64(n as f64 / rate.as_per_second()))
            }
            _ => None,
        });
    Subject {
        label: String::new(),
        endpoints: plan
            .endpoints
            .iter()
            .map(|endpoint| endpoint.name.clone())
            .collect(),
        warmup: plan.warmup,
        span: match plan.size {
            Size::Duration(duration) => Some(duration),
            Size::Requests(_) => longest.max(),
        },
    }
}

/// Endpoints that answer, but not as planned.
fn unexpected<'a>(
    plan: &'a Plan,
    statuses: &'a [u16],
) -> impl Iterator<Item = (&'a Endpoint, u16)> {
    let pairs = plan.endpoints.iter().zip(statuses.iter().copied());
    pairs.filter(|(endpoint, status)| !endpoint.expect.contains(*status))
}

/// Redirects and most 4xx say that the request is wrong; 5xx, 408 and 429 that the service is unwell.
fn shows_a_wrong_plan(status: u16) -> bool {
    matches!(status, 300..=499) && !matches!(status, 408 | 425 | 429)
}

/// A 304 answers a conditional request: its client has the document already.
fn not_modified_hint(endpoint: &Endpoint) -> String {
    let name = &endpoint.name;
    let conditions = ["If-None-Match", "If-Modified-Since"];
    let sent: Vec<&str> = { conditions.into_iter() }
        .filter(|condition| endpoint.header(condition).is_some())
        .collect();
    let first = match sent.is_empty() {
        true if endpoint.header("Cache-Control").is_some() => {
            "the service answers it without a condition; look at it, or at a cache before it"
                .to_owned()
        }
        true => "a cache answers; ask past it with -H 'Cache-Control: no-cache'".to_owned(),
        false => format!(
            "the client's cache is asked about; leave out {}",
            sent.join(" and ")
        ),
    };
    format!("{first}, or accept it with --expect {name}=304")
}

fn status_hint(endpoint: &Endpoint, status: u16) -> String {
    let name = &endpoint.name;
    match status {
        404 | 405 => format!("name the right path with --get {name}=/path or --post {name}=/path"),
        401 | 403 => "send credentials with -H 'Authorization: Bearer …'".to_owned(),
        400 if endpoint.body.is_none() => {
            "look at its answer with curl -v. If the service speaks TLS, use https".to_owned()
        }
        400 | 415 | 422 => format!("give the body that the service expects with --body '{name}=…'"),
        304 => not_modified_hint(endpoint),
        426 => "the service asks for another protocol (see Upgrade in curl -v). For TLS use https; a WebSocket endpoint cannot be measured; else enable HTTP/1.1 there".to_owned(),
        505 => "the service does not accept HTTP/1.1: enable it there, or measure it through a proxy that accepts HTTP/1.1".to_owned(),
        300..=399 => "redirects are not followed: measure the address that it points to".to_owned(),
        _ => format!("if that is right, say so with --expect {name}={status}"),
    }
}

/// What the reader should know about how the run went.
fn warnings(plan: &Plan, measured: &Measured) -> Vec<Warning> {
    let mut warnings = Vec::new();
    for (endpoint, result) in plan.endpoints.iter().zip(&measured.endpoints) {
        for (kind, message) in &result.errors {
            let count = result
                .recording
                .counts
                .failed
                .get(kind)
                .copied()
                .unwrap_or(0);
            if count > 0 {
                warnings.push(Warning::new(
                    format!(
                        "{}: {count} failed ({}), the first: {message}",
                        endpoint.name,
                        kind.as_str()
                    ),
                    kind_hint(endpoint, *kind, &result.recording.statuses),
                ));
            }
        }
        let timeouts = result.recording.counts.timeout;
        if timeouts > 0 {
            warnings.push(Warning::new(
                format!(
                    "{}: {timeouts} had no complete answer within {}",
                    endpoint.name,
                    Pretty(plan.timeout)
                ),
                "look at what the service does meanwhile; if it may take that long, raise --timeout",
            ));
        }
    }
    if matches!(plan.model, Model::Closed { .. }) {
        warnings.push(Warning::new(
            "closed model: service time only; while the service stalls, nothing is sent, so stalls are hardly seen",
            "give a rate (-q 20) for response time, which is what users wait",
        ));
    }
    warnings
}

fn kind_hint(
    endpoint: &Endpoint,
    kind: FailureKind,
    statuses: &std::collections::BTreeMap<u16, u64>,
) -> String {
    match kind {
        FailureKind::Status => {
            let wrong = statuses.iter().filter(|(status, _)| !endpoint.expect.contains(**status));
            let most = wrong.max_by_key(|(_, count)| **count).map_or(0, |(status, _)| *status);
            return status_hint(endpoint, most);
        }
        FailureKind::Connect => "the service refused or dropped connections; look at its listen backlog and its log",
        FailureKind::Reset => "the service closed connections under way; look for crashes, restarts or an idle timeout",
        FailureKind::Tls => "the TLS handshake failed under load; look at the service's TLS log",
        FailureKind::Protocol | FailureKind::Body => "look at what the service answers with curl -v",
        FailureKind::Client => "this machine ran out of files or ports: raise `ulimit -n`, keep connections alive",
    }
    .to_owned()
}
