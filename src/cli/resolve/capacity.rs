//! What a `capacity` means: one endpoint, its gates, and the lengths of the trials that follow from them.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;

use super::counted_rows;
use super::gates::set_targets;
use super::segments;
use super::unchecked_plan::UncheckedPlan;
use crate::cli::audit;
use crate::cli::capacity::CapacityArgs;
use crate::cli::run_setup::Intent;
use crate::cli::service::is_this_machine;
use crate::cli::settings_file::{self, SettingsLayers};
use crate::cli::variables::LookUp;
use crate::judge::capacity::{CapacityGoal, CapacityOptions, TrialDurations};
use crate::judge::gate::{ALPHA, Condition, Gate, GateOrigin, Selector, Severity};
use crate::report::{AskedCapacity, InconclusivePolicy};
use crate::run::plan::{AuditCapture, Auditing, Endpoint, Guard, Model, Plan};
use crate::units::{Exact, Pretty, Rate};

const DEFAULT_FROM: f64 = 20.0;
const DEFAULT_TO: f64 = 10_000.0;
const DEFAULT_BUDGET: Duration = Duration::from_secs(15 * 60);
const DEFAULT_BLOCK: Duration = Duration::from_secs(30);

/// No search lasts longer.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// What a `capacity` means.
#[derive(Debug, Clone)]
pub(crate) struct Capacity {
    /// The endpoint at the lowest rate; each trial has its own rate and size.
    pub plan: Plan,
    /// What must hold at a rate.
    pub gates: Vec<Gate>,
    pub options: CapacityOptions,
    /// The gate `capacity >= RATE`, whose rate is tested instead of searched for.
    pub tested: Option<AskedCapacity>,
    /// How the work on accepted events is audited, if a gate is about it.
    pub work: Option<WorkAudit>,
    pub inconclusive: InconclusivePolicy,
    /// How long the service may need to answer again as at the lowest rate.
    pub recover: Duration,
    pub save: Option<PathBuf>,
    pub wait_ready: Option<Duration>,
    pub intent: Intent,
}

/// How the work on accepted events is audited after each trial.
#[derive(Debug, Clone)]
pub(crate) struct WorkAudit {
    pub auditing: Auditing,
    pub capture: AuditCapture,
}

/// Resolves the arguments of `capacity` with the settings file and the environment.
///
/// # Errors
/// The flags contradict each other, or the gates are not about the latency and errors of one endpoint. The message
/// ends with a hint.
pub(crate) fn capacity(args: &CapacityArgs) -> anyhow::Result<Capacity> {
    if !args.service.rate.is_empty() {
        bail!(
            "capacity chooses the rates\nhint: say where it begins and ends: --from 20/s --to 500/s"
        );
    }
    let look_up = |name: &str| std::env::var(name).ok();
    let layers = settings_file::load(&args.settings, &look_up)?;
    resolve(args, &layers, &look_up).map_err(|error| layers.variables.hide(error))
}

fn resolve(
    args: &CapacityArgs,
    layers: &SettingsLayers,
    look_up: LookUp<'_>,
) -> anyhow::Result<Capacity> {
    let (asked, gates) = split(&args.gates.gate)?;
    let tested = asked.as_ref().map(|gate| gate.asked);
    let from = args.search.from.or(Rate::per_second(DEFAULT_FROM));
    let Some(from) = from.or(tested.map(|tested| tested.rate)) else {
        bail!("no rate to begin with\nhint: give --from 20/s");
    };
    let rate = tested.map_or(from, |tested| tested.rate);
    let measure = args.as_measure(rate, gates);
    let resolved = UncheckedPlan::resolve(&measure, layers, look_up, &[])?;
    segments::refuse(&resolved.plan, "capacity")?;
    let (plan, gates) = of_one_endpoint(resolved)?;
    check_asked(asked.as_ref(), &plan)?;
    counted_rows::refuse_once(&plan, "capacity")?;
    let to = highest_rate(args, &plan, from, tested)?;
    let goal = goal(&gates, args.guard.guard(layers)?, rate.as_per_second())?;
    let width = args.search.width;
    let confirm = args.search.confirm.unwrap_or(DEFAULT_BLOCK);
    let options = CapacityOptions {
        from: from.as_per_second(),
        to,
        width,
        budget: args.budget.budget.unwrap_or(DEFAULT_BUDGET),
        alpha: ALPHA,
        goal,
        durations: TrialDurations::of(&goal, width, confirm),
    };
    check_timeout(&plan, &gates)?;
    check_lengths(&options, args.search.recover)?;
    check_budget(&options, tested)?;
    Ok(Capacity {
        work: work_audit(args, layers, look_up, &plan, &gates)?,
        plan,
        gates,
        options,
        tested,
        inconclusive: args.inconclusive.policy(),
        recover: args.search.recover,
        save: args.run.save.save.clone(),
        wait_ready: args.run.wait_ready,
        intent: args.run.intent(),
    })
}

/// Latencies beyond the timeout are not measured.
fn check_timeout(plan: &Plan, gates: &[Gate]) -> anyhow::Result<()> {
    let limits = gates.iter().filter_map(|gate| gate.condition.target());
    match limits.max() {
        Some(limit) if plan.timeout < limit => bail!(
            "a timeout of {} ends requests before the limit of {}\nhint: use --timeout {}",
            Pretty(plan.timeout),
            Pretty(limit),
            Exact(10 * limit)
        ),
        _ => Ok(()),
    }
}

/// Times that no search has are typing errors.
fn check_lengths(options: &CapacityOptions, recover: Duration) -> anyhow::Result<()> {
    let lengths = [
        ("--budget", options.budget),
        ("--confirm", options.durations.block),
        ("--recover", recover),
    ];
    match lengths.iter().find(|(_, length)| *length > LONGEST) {
        Some((flag, length)) => bail!(
            "{flag} {} is longer than a day\nhint: give it in minutes or hours: {flag} 30m",
            Pretty(*length)
        ),
        None => Ok(()),
    }
}

/// The audit of the work, which no flag turns on or off: a gate on the work needs it, and nothing else does.
fn work_audit(
    args: &CapacityArgs,
    layers: &SettingsLayers,
    look_up: LookUp<'_>,
    plan: &Plan,
    gates: &[Gate],
) -> anyhow::Result<Option<WorkAudit>> {
    if let Some(flag) = args.audit.useless_in_a_search() {
        bail!(
            "{flag} has no use in a capacity search\nhint: a gate on the work is audited: --gate 'ingest done.p95 <= 2s'"
        );
    }
    if !gates.iter().any(|gate| gate.condition.needs_audit()) {
        if args.audit.is_on_the_command_line(look_up) {
            bail!(
                "no gate is about the work, so nothing is audited\nhint: leave the audit's flags out, or gate the time to completion: --gate 'ingest done.p95 <= 2s'"
            );
        }
        return Ok(None);
    }
    let (mut auditing, mut capture) = audit::resolve(&args.audit, layers, plan, gates)?;
    if args.audit.audit_timeout.is_none() {
        auditing.patience = auditing.patience.max(args.search.recover);
    }
    // The goal does not count late duplicates.
    auditing.quiet = Duration::ZERO;
    capture.resend = None;
    Ok(Some(WorkAudit { auditing, capture }))
}

/// A gate on the capacity.
struct TypedCapacityGate {
    asked: AskedCapacity,
    /// The endpoint that it names.
    endpoint: Option<String>,
    text: String,
}

/// `capacity >= RATE` apart from the gates that must hold at a rate.
fn split(texts: &[String]) -> anyhow::Result<(Option<TypedCapacityGate>, Vec<String>)> {
    let (mut asked, mut gates) = (None, Vec::new());
    for text in texts {
        match capacity_gate(text)? {
            None => gates.push(text.clone()),
            Some(gate) => {
                if asked.replace(gate).is_some() {
                    bail!(
                        "two gates on the capacity\nhint: keep the higher one; it implies the other"
                    );
                }
            }
        }
    }
    Ok((asked, gates))
}

/// Reads `[ENDPOINT] capacity >= RATE [warn]`; `None` if it is another gate.
fn capacity_gate(text: &str) -> anyhow::Result<Option<TypedCapacityGate>> {
    let words = text.trim();
    let begins = |words: &str| {
        let rest = words.strip_prefix("capacity");
        rest.filter(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || "_-.".contains(c)))
            .map(str::to_owned)
    };
    let (endpoint, rest) = match begins(words) {
        Some(rest) => (None, rest),
        None => match words.split_once(char::is_whitespace) {
            Some((name, rest)) => match begins(rest.trim_start()) {
                Some(rest) => (Some(name.to_owned()), rest),
                None => return Ok(None),
            },
            None => return Ok(None),
        },
    };
    let rest = rest.trim();
    let (rest, severity) = match rest.strip_suffix("warn") {
        Some(rest) => (rest.trim_end(), Severity::Warns),
        None => (rest, Severity::Decides),
    };
    let rate = rest.strip_prefix(">=").map(str::trim);
    let rate = rate.filter(|rate| rate.contains('/'));
    let Some(rate) = rate.and_then(|rate| rate.parse::<Rate>().ok()) else {
        bail!("cannot read the gate '{text}'\nhint: write 'capacity >= 400/s'");
    };
    Ok(Some(TypedCapacityGate {
        asked: AskedCapacity { rate, severity },
        endpoint: endpoint.filter(|name| name != "*"),
        text: text.to_owned(),
    }))
}

/// The gates of a saved search: one on the capacity, or none.
///
/// # Errors
/// Another gate, or one on another endpoint; the message ends with a hint.
pub(crate) fn capacity_asked_of_saved(
    texts: &[String],
    endpoint: &str,
) -> anyhow::Result<Option<AskedCapacity>> {
    let (asked, others) = split(texts)?;
    if let Some(gate) = others.first() {
        bail!(
            "gate '{gate}' cannot be judged: a saved search has no latencies, only its trials\nhint: gate the capacity: --gate 'capacity >= 400/s'; or search again with this gate"
        );
    }
    if let Some(gate) = &asked
        && gate
            .endpoint
            .as_deref()
            .is_some_and(|name| name != endpoint)
    {
        bail!(
            "gate '{}' names an endpoint that the search does not have\nhint: the endpoint is {endpoint}",
            gate.text
        );
    }
    Ok(asked.map(|gate| gate.asked))
}

/// The gate is about the endpoint of the search.
fn check_asked(asked: Option<&TypedCapacityGate>, plan: &Plan) -> anyhow::Result<()> {
    let own = plan
        .endpoints
        .first()
        .map(|endpoint| endpoint.name.as_str());
    let named = asked.and_then(|gate| gate.endpoint.as_deref());
    match (asked, named, own) {
        (Some(gate), Some(named), Some(own)) if named != own => bail!(
            "gate '{}' is about {named}, and the other gates are about {own}\nhint: write '{own} capacity >= {}'",
            gate.text,
            gate.asked.rate
        ),
        _ => Ok(()),
    }
}

/// A search needs gates that decide, on a share of the requests or of the accepted events.
fn check_gates(gates: &[Gate]) -> anyhow::Result<()> {
    if gates.iter().any(|gate| gate.origin == GateOrigin::Implied) {
        bail!(
            "capacity needs a gate that the service must hold\nhint: add one, such as --gate 'p95 <= 150ms'"
        );
    }
    if let Some(gate) = gates
        .iter()
        .find(|gate| gate.condition.allowed_share().is_none())
    {
        bail!(
            "capacity cannot search with the gate '{gate}'\nhint: use a percentile of the response time, an error rate, the time to completion, or the backlog: 'p95 <= 150ms', 'error_rate <= 0.1%', 'done.p95 <= 2s', 'backlog.p95 <= 200'"
        );
    }
    if let Some(gate) = gates.iter().find(|gate| gate.severity == Severity::Warns) {
        bail!(
            "gate '{gate}' only warns, and a search needs gates that decide\nhint: leave out warn"
        );
    }
    Ok(())
}

/// The endpoint that the gates are about, alone in the plan, and its gates.
fn of_one_endpoint(resolved: UncheckedPlan) -> anyhow::Result<(Plan, Vec<Gate>)> {
    let UncheckedPlan {
        mut plan,
        gates,
        unasked,
        ..
    } = resolved;
    check_gates(&gates)?;
    let is_named = |name: &str| {
        let mut named = gates.iter();
        named.any(|gate| gate.selector == Selector::Named(name.to_owned()))
    };
    if let Some(endpoint) = unasked.iter().find(|endpoint| is_named(&endpoint.name)) {
        bail!(
            "{} {} is not sent to {} unasked\nhint: ask for it: --post {}={}",
            endpoint.method,
            endpoint.path,
            endpoint.host,
            endpoint.name,
            endpoint.path
        );
    }
    let any_named = plan
        .endpoints
        .iter()
        .any(|endpoint| is_named(&endpoint.name));
    plan.endpoints
        .retain(|endpoint| !any_named || is_named(&endpoint.name));
    // Gates on the work alone are about the endpoint that accepts it.
    let is_of_work = gates.iter().all(|gate| gate.condition.needs_audit());
    if is_of_work && plan.endpoints.iter().any(Endpoint::is_accepting) {
        plan.endpoints.retain(Endpoint::is_accepting);
    }
    let [endpoint] = plan.endpoints.as_slice() else {
        let names: Vec<&str> = plan.endpoints.iter().map(|e| e.name.as_str()).collect();
        bail!(
            "capacity searches one endpoint; the plan has {}: {}\nhint: name one in the gate: --gate '{} p95 <= 150ms'",
            names.len(),
            names.join(", "),
            names.first().copied().unwrap_or_default()
        );
    };
    let selected = |gate: &&Gate| gate.selector.selects(&endpoint.name);
    let own: Vec<Gate> = gates.iter().filter(selected).cloned().collect();
    if own.is_empty() {
        bail!(
            "no gate is about the endpoint {}\nhint: write '{} p95 <= 150ms'",
            endpoint.name,
            endpoint.name
        );
    }
    if !matches!(plan.model, Model::Open { .. }) {
        bail!(
            "capacity needs a schedule, which a closed model has not\nhint: leave the concurrency out of the settings"
        );
    }
    set_targets(&mut plan, &own);
    Ok((plan, own))
}

/// The highest rate of the search. A service on another machine is not loaded without a bound.
fn highest_rate(
    args: &CapacityArgs,
    plan: &Plan,
    from: Rate,
    tested: Option<AskedCapacity>,
) -> anyhow::Result<f64> {
    if let Some(tested) = tested {
        return Ok(tested.rate.as_per_second().max(from.as_per_second()));
    }
    let is_here = plan
        .endpoints
        .iter()
        .all(|endpoint| is_this_machine(plan.target_of(endpoint)));
    let to = match args.search.to {
        Some(to) => to.as_per_second(),
        None if is_here => DEFAULT_TO.max(from.as_per_second()),
        None => bail!(
            "{} is on another machine, and nothing bounds the rate\nhint: give the highest rate that it may get: --to 500/s",
            plan.target
        ),
    };
    if to < from.as_per_second() {
        bail!("--to {to}/s is below --from {from}\nhint: raise --to, or lower --from");
    }
    Ok(to)
}

/// The strictest share, the slowest limit, and the slow spell that a PASS excludes. A backlog of N events is a time of N/rate
/// (Little's law), the longest at the lowest rate.
pub(super) fn goal(gates: &[Gate], guard: Guard, from_per_s: f64) -> anyhow::Result<CapacityGoal> {
    let shares = gates
        .iter()
        .filter_map(|gate| gate.condition.allowed_share());
    let limits = gates.iter().filter_map(|gate| match gate.condition {
        Condition::Backlog { at_most, .. } => {
            let seconds = at_most as f64 / from_per_s;
            Duration::try_from_secs_f64(seconds).ok()
        }
        condition => condition.target().or(condition.done_target()),
    });
    let theta0 = shares.fold(1.0, f64::min);
    if theta0 <= 0.0 || theta0 >= 1.0 {
        bail!("a gate allows no share of slow requests\nhint: write 'p95 <= 150ms'");
    }
    Ok(CapacityGoal {
        theta0,
        limit: limits.max().unwrap_or_default(),
        spell: match guard {
            Guard::Episode(spell) => Some(spell),
            Guard::Iid => None,
        },
    })
}

/// A budget that holds no confirmation is an error before anything is sent.
fn check_budget(options: &CapacityOptions, tested: Option<AskedCapacity>) -> anyhow::Result<()> {
    let durations = &options.durations;
    let least = match tested {
        Some(_) => 2 * (durations.warm_up + options.pair_block()),
        None => durations.least_budget(),
    };
    if least > options.budget {
        // Room for the trials before the confirmation.
        let minutes = (least.as_secs_f64() * 1.1 / 60.0).ceil() as u64;
        bail!(
            "--budget {} is too short to confirm a rate (blocks of {} each)\nhint: use --budget {minutes}m, or gate a lower percentile",
            Exact(options.budget),
            Pretty(durations.block)
        );
    }
    Ok(())
}
