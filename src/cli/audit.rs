//! The flags of the completion audit, and the policy that follows from them.

use std::time::Duration;

use anyhow::{anyhow, bail};
use clap::Args;

use super::plain_error;
use super::settings::AuditSettings;
use super::settings_file::SettingsLayers;
use super::value::positive_duration;
use super::variables::LookUp;
use crate::judge::gate::{Gate, Selector};
use crate::redact;
use crate::run::plan::{
    AuditCapture, AuditPolicy, AuditSource, Auditing, DEFAULT_AUDIT_QUIET, DEFAULT_AUDIT_TIMEOUT,
    Endpoint, Field, IdSource, Plan, Polls, RUN_HEADER,
};
use crate::units::{Pretty, parse_duration, parse_percentage};

/// State names that mean processed.
const DONE: &str = "state=processed,completed,complete,done,succeeded,success,successful,finished";

/// State names that mean dead.
const DEAD: &str = "state=dead,failed,failure,error,errored,cancelled,canceled,rejected,aborted";

/// State names that mean pending.
const PENDING: &str = "state=pending,queued,enqueued,accepted,received,created,new,submitted,scheduled,deferred,waiting,running,started,processing,in_progress,in-progress,in progress,inprogress,working,active,open,retry,retrying,leased,dispatched";

/// What is asked after the run.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Audit")]
pub struct AuditArgs {
    /// Audit accepted events after the run; gates on events that cannot be read are inconclusive [default: if the
    /// server lists its runs].
    #[arg(long, overrides_with = "no_audit")]
    pub audit: bool,

    /// Do not audit.
    #[arg(long)]
    pub no_audit: bool,

    /// Longest wait for accepted events after the last request; an event whose state cannot be read in the last quarter
    /// of it counts neither as processed nor as lost [default: 30s].
    #[arg(long, env = "A7PROBE_AUDIT_TIMEOUT", value_name = "TIME", value_parser = positive_duration())]
    pub audit_timeout: Option<Duration>,

    /// Pause before a second reading that looks for late duplicates; 0s for no second reading [default: 1s].
    #[arg(long, env = "A7PROBE_AUDIT_QUIET", value_name = "TIME", value_parser = parse_duration)]
    pub audit_quiet: Option<Duration>,

    /// URL or path of the state of one event, such as /status/{id}; with {{uuid}} in place of {id} the client's key is
    /// the id. Turns the audit on for servers that do not list their events.
    #[arg(
        long,
        env = "A7PROBE_AUDIT_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub audit_url: Option<String>,

    /// Place of the id in an accepted answer: a field, a JSON pointer, or 'location' for the last part of that header
    /// [default: event_id].
    #[arg(long, value_name = "FIELD")]
    pub audit_id: Option<String>,

    /// State field and the values that mean processed, such as state=processed,done (upper or lower case); a field
    /// alone means processed if it is present and neither null nor false; :status is the HTTP status, and 303 always
    /// means processed [default: state=processed, completed, done, succeeded and the like].
    #[arg(long, value_name = "FIELD[=VALUES]")]
    pub audit_done: Option<String>,

    /// State field and the values that mean dead [default: state=dead, failed, error, cancelled and the like].
    #[arg(long, value_name = "FIELD[=VALUES]")]
    pub audit_dead: Option<String>,

    /// Time that the service remembers an event, such as 10m: the audit then also reads states during the run. An event
    /// that the service has forgotten is unread, not lost [default: indefinitely].
    #[arg(long, env = "A7PROBE_AUDIT_TTL", value_name = "TIME", value_parser = positive_duration())]
    pub audit_ttl: Option<Duration>,

    /// Field with the time of completion [default: processed_at].
    #[arg(long, value_name = "FIELD")]
    pub audit_done_at: Option<String>,

    /// Field with the time of acceptance [default: accepted_at].
    #[arg(long, value_name = "FIELD")]
    pub audit_accepted_at: Option<String>,

    /// Send this share of the requests twice, with the same key and body, half of them at the same time as the original
    /// and half after it, and check that each had one effect; recorded apart. Turns the audit on.
    #[arg(long, value_name = "SHARE")]
    pub resend: Option<String>,
}

impl AuditArgs {
    /// Whether any flag was typed besides --no-audit.
    pub(crate) fn is_typed(&self) -> bool {
        let texts = [
            &self.audit_url,
            &self.audit_id,
            &self.audit_done,
            &self.audit_dead,
            &self.audit_done_at,
            &self.audit_accepted_at,
            &self.resend,
        ];
        let times = [self.audit_timeout, self.audit_quiet, self.audit_ttl];
        self.audit || times.iter().any(Option::is_some) || texts.iter().any(|text| text.is_some())
    }

    /// The same of the command line alone: a variable is for every command that can use it.
    pub(super) fn is_on_the_command_line(&self, look_up: LookUp<'_>) -> bool {
        let typed = |variable: &str| look_up(variable).is_none();
        let mut own = self.clone();
        own.audit_timeout = own.audit_timeout.filter(|_| typed("A7PROBE_AUDIT_TIMEOUT"));
        own.audit_ttl = own.audit_ttl.filter(|_| typed("A7PROBE_AUDIT_TTL"));
        own.audit_url = own.audit_url.filter(|_| typed("A7PROBE_AUDIT_URL"));
        own.is_typed()
    }

    /// A typed flag that means nothing where the audit follows from a gate and no duplicate is counted.
    pub(super) fn useless_in_a_search(&self) -> Option<&'static str> {
        let typed = [
            ("--audit", self.audit),
            ("--no-audit", self.no_audit),
            ("--audit-quiet", self.audit_quiet.is_some()),
            ("--resend", self.resend.is_some()),
        ];
        let mut typed = typed.into_iter().filter(|(_, is_typed)| *is_typed);
        typed.next().map(|(flag, _)| flag)
    }
}

impl AuditArgs {
    /// Flags over settings. Whether the audit is on is left to [`AuditArgs::policy`].
    fn over(&self, layers: &SettingsLayers) -> AuditSettings {
        let text = |flag: &Option<String>, get: fn(&AuditSettings) -> &Option<String>| {
            layers.first(flag.clone(), |s| get(&s.audit).clone())
        };
        AuditSettings {
            enabled: layers.first(None, |s| s.audit.enabled),
            timeout: layers.first(self.audit_timeout, |s| s.audit.timeout),
            quiet: layers.first(self.audit_quiet, |s| s.audit.quiet),
            url: text(&self.audit_url, |s| &s.url),
            id: text(&self.audit_id, |s| &s.id),
            done: text(&self.audit_done, |s| &s.done),
            dead: text(&self.audit_dead, |s| &s.dead),
            ttl: layers.first(self.audit_ttl, |s| s.audit.ttl),
            done_at: text(&self.audit_done_at, |s| &s.done_at),
            accepted_at: text(&self.audit_accepted_at, |s| &s.accepted_at),
            resend: text(&self.resend, |s| &s.resend),
        }
    }

    /// A URL, a gate on completion, or requests that are sent twice turn the audit on.
    fn policy(&self, settings: &AuditSettings, gates: &[Gate]) -> AuditPolicy {
        let needs_it = || {
            settings.url.is_some()
                || settings.resend.is_some()
                || gates.iter().any(|gate| gate.condition.needs_audit())
        };
        let typed = (self.audit || self.no_audit).then_some(self.audit);
        match typed.or(settings.enabled) {
            Some(true) => AuditPolicy::Required,
            Some(false) => AuditPolicy::Never,
            None if needs_it() => AuditPolicy::Required,
            None => AuditPolicy::IfOffered,
        }
    }
}

/// The audit after a run of this plan, and the responses that the engine keeps and repeats for it.
///
/// # Errors
/// The flags contradict each other or the plan, or a gate needs an audit that is off. The message ends with a hint.
pub(super) fn resolve(
    args: &AuditArgs,
    layers: &SettingsLayers,
    plan: &Plan,
    gates: &[Gate],
) -> anyhow::Result<(Auditing, AuditCapture)> {
    let settings = args.over(layers);
    let resend = settings.resend.as_deref().map(share).transpose()?;
    let auditing = Auditing {
        policy: args.policy(&settings, gates),
        patience: settings.timeout.unwrap_or(DEFAULT_AUDIT_TIMEOUT),
        quiet: settings.quiet.unwrap_or(DEFAULT_AUDIT_QUIET),
        source: match &settings.url {
            Some(url) => AuditSource::Polls(polls(url, &settings, plan)?),
            None => AuditSource::Listing,
        },
    };
    check_unused(args, &auditing)?;
    check_run_header(plan, &auditing)?;
    if resend.is_some() && auditing.policy == AuditPolicy::Never {
        bail!("--resend needs the audit, and --no-audit turns it off\nhint: leave --no-audit out");
    }
    check_gates(gates, plan, &auditing)?;
    let capture = capture(plan, &auditing, resend)?;
    Ok((auditing, capture))
}

/// No audit.
pub(super) fn none() -> Auditing {
    Auditing {
        policy: AuditPolicy::Never,
        patience: DEFAULT_AUDIT_TIMEOUT,
        quiet: DEFAULT_AUDIT_QUIET,
        source: AuditSource::Listing,
    }
}

fn polls(url: &str, settings: &AuditSettings, plan: &Plan) -> anyhow::Result<Polls> {
    let by_key = url.contains("{{uuid}}");
    let url = url.replace("{{uuid}}", "{id}");
    check_url(&url)?;
    let id = id_source(by_key, settings.id.as_deref())?;
    if id == IdSource::Key
        && let Some(endpoint) = accepting(plan).find(|endpoint| !endpoint.carries_key())
    {
        bail!(
            "--audit-url with {{{{uuid}}}} needs a client key, and {} sends none\nhint: put {{{{uuid}}}} into its body or its Idempotency-Key header",
            endpoint.name
        );
    }
    let field = |text: &Option<String>, default| field(text.as_deref().unwrap_or(default));
    let at = |text: &Option<String>, default| pointer(text.as_deref().unwrap_or(default));
    Ok(Polls {
        url,
        id,
        // Where done is named, every other state is under way.
        pending: settings.done.is_none().then(|| self::field(PENDING)),
        done: field(&settings.done, DONE),
        dead: Some(field(&settings.dead, DEAD)),
        ttl: settings.ttl,
        done_at: Some(at(&settings.done_at, "processed_at")),
        accepted_at: Some(at(&settings.accepted_at, "accepted_at")),
    })
}

fn check_url(url: &str) -> anyhow::Result<()> {
    let shown = redact::typed_url(url);
    if !url.contains("{id}") {
        bail!(
            "--audit-url '{shown}' has no {{id}}\nhint: put {{id}} in place of the event's id, as in /status/{{id}}"
        );
    }
    if !["/", "http://", "https://"]
        .iter()
        .any(|begin| url.starts_with(begin))
    {
        bail!("--audit-url '{shown}' is neither a path nor a URL\nhint: begin with / or http://");
    }
    Ok(())
}

/// The client's own key, a header, or a field of the answer.
fn id_source(by_key: bool, typed: Option<&str>) -> anyhow::Result<IdSource> {
    Ok(match typed {
        Some(id) if by_key => bail!(
            "--audit-url uses the client's key, and --audit-id '{id}' another id\nhint: give one of them"
        ),
        _ if by_key => IdSource::Key,
        Some(id) if id.eq_ignore_ascii_case("location") => IdSource::Location,
        id => IdSource::Answer(pointer(id.unwrap_or("event_id"))),
    })
}

/// The flags that say how to ask for an event have no use without a URL.
fn check_unused(args: &AuditArgs, auditing: &Auditing) -> anyhow::Result<()> {
    let typed = [
        ("--audit-id", args.audit_id.is_some()),
        ("--audit-done", args.audit_done.is_some()),
        ("--audit-dead", args.audit_dead.is_some()),
        ("--audit-done-at", args.audit_done_at.is_some()),
        ("--audit-accepted-at", args.audit_accepted_at.is_some()),
        ("--audit-ttl", args.audit_ttl.is_some()),
    ];
    match typed.iter().find(|(_, is_typed)| *is_typed) {
        Some((flag, _)) if auditing.source == AuditSource::Listing => {
            bail!("{flag} needs --audit-url\nhint: name a status URL: --audit-url '/status/{{id}}'")
        }
        _ => Ok(()),
    }
}

/// A listing is of one run.
fn check_run_header(plan: &Plan, auditing: &Auditing) -> anyhow::Result<()> {
    let listed =
        auditing.policy == AuditPolicy::Required && auditing.source == AuditSource::Listing;
    let mut names = accepting(plan).filter_map(|endpoint| endpoint.header(RUN_HEADER));
    match names.find(|name| !name.is_fixed()) {
        Some(name) if listed => bail!(
            "the header {RUN_HEADER}: {} differs per request, so no one listing has every request\nhint: leave it out, or give it one value",
            name.source()
        ),
        _ => Ok(()),
    }
}

fn check_gates(gates: &[Gate], plan: &Plan, auditing: &Auditing) -> anyhow::Result<()> {
    for gate in gates.iter().filter(|gate| gate.condition.needs_audit()) {
        if auditing.policy == AuditPolicy::Never {
            bail!(
                "gate '{gate}' needs an audit, and --no-audit turns it off\nhint: leave out --no-audit or the gate"
            );
        }
        check_endpoints(gate, plan)?;
        if let Some(target) = gate.condition.done_target()
            && auditing.patience < target
        {
            bail!(
                "gate '{gate}': the audit waits {}, less than the limit\nhint: raise --audit-timeout or lower the limit",
                Pretty(auditing.patience)
            );
        }
    }
    Ok(())
}

/// A gate on completion needs an endpoint that accepts work.
fn check_endpoints(gate: &Gate, plan: &Plan) -> anyhow::Result<()> {
    if accepting(plan).any(|endpoint| gate.selector.selects(&endpoint.name)) {
        return Ok(());
    }
    let known: Vec<&str> = accepting(plan).map(|e| e.name.as_str()).collect();
    let who = match &gate.selector {
        Selector::Named(name) => name,
        Selector::Every => "the plan",
    };
    let hint = if known.is_empty() {
        "measure an endpoint that accepts events, as with --post ingest=/ingest".to_owned()
    } else {
        format!("gate one of: {}", known.join(", "))
    };
    bail!("gate '{gate}': {who} creates no event to audit\nhint: {hint}")
}

fn accepting(plan: &Plan) -> impl Iterator<Item = &Endpoint> {
    plan.endpoints.iter().filter(|e| e.is_accepting())
}

/// What the engine keeps: ids where the service names its events, answers' instants where the probe's clock counts.
fn capture(plan: &Plan, auditing: &Auditing, resend: Option<f64>) -> anyhow::Result<AuditCapture> {
    if resend.is_some() && accepting(plan).next().is_none() {
        bail!(
            "--resend: no endpoint accepts events\nhint: measure one, as with --post ingest=/ingest"
        );
    }
    if resend.is_some()
        && let Some(endpoint) = accepting(plan).find(|endpoint| !endpoint.carries_key())
    {
        bail!(
            "--resend needs a client key, and {} sends none\nhint: put {{{{uuid}}}} into its body or its Idempotency-Key header",
            endpoint.name
        );
    }
    let keep = |endpoint: &Endpoint| -> Option<IdSource> {
        if !endpoint.is_accepting() || auditing.policy == AuditPolicy::Never {
            return None;
        }
        match &auditing.source {
            // Its answers name the event, so a repetition can be compared with the original.
            _ if resend.is_some() => Some(match &auditing.source {
                AuditSource::Polls(polls) if polls.id != IdSource::Key => polls.id.clone(),
                _ => IdSource::of_the_reference_server(),
            }),
            AuditSource::Polls(polls) => Some(polls.id.clone()),
            // A key that is carried need not be the event's name, so the answers say what that is.
            AuditSource::Listing => Some(IdSource::of_the_reference_server()),
        }
    };
    Ok(AuditCapture {
        keep: plan.endpoints.iter().map(keep).collect(),
        resend,
    })
}

fn share(text: &str) -> anyhow::Result<f64> {
    let share = parse_percentage(text).map_err(|e| {
        anyhow!(
            "{}",
            plain_error::of_value("--resend", text, &e.to_string())
        )
    })?;
    if !(share > 0.0 && share <= 1.0) {
        bail!(
            "--resend {text}: not a valid share\nhint: use more than 0% and at most 100%, such as 5%"
        );
    }
    Ok(share)
}

/// `event_id` and `data.id` as JSON pointers; what begins with / is one.
fn pointer(text: &str) -> String {
    if text.starts_with('/') {
        text.to_owned()
    } else {
        format!("/{}", text.replace('.', "/"))
    }
}

/// `state=done,sent`, or a field alone.
fn field(text: &str) -> Field {
    let (name, values) = match text.split_once('=') {
        Some((name, values)) => (
            name,
            values.split(',').map(|v| v.trim().to_owned()).collect(),
        ),
        None => (text, Vec::new()),
    };
    Field {
        pointer: pointer(name.trim()),
        values,
    }
}
