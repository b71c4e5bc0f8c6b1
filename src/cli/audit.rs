//! What can be typed about the completion audit, and what it means.

use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;

use super::settings::AuditSettings;
use super::settings_file::SettingsLayers;
use super::value::positive_duration;
use crate::judge::gate::{Gate, Selector};
use crate::redact;
use crate::run::plan::{
    AuditCapture, AuditPolicy, AuditSource, Auditing, DEFAULT_AUDIT_QUIET, DEFAULT_AUDIT_TIMEOUT,
    Endpoint, Field, IdSource, Plan, Polls, RUN_HEADER,
};
use crate::units::{Pretty, parse_duration, parse_percentage};

/// What services call an event that is done.
const DONE: &str = "state=processed,completed,complete,done,succeeded,success,successful,finished";

/// What they call one that they have given up.
const DEAD: &str = "state=dead,failed,failure,error,errored,cancelled,canceled,rejected,aborted";

/// What they call one that is under way.
const PENDING: &str = "state=pending,queued,enqueued,accepted,received,created,new,submitted,scheduled,deferred,waiting,running,started,processing,in_progress,in-progress,in progress,inprogress,working,active,open,retry,retrying,leased,dispatched";

/// What is asked after the run.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Audit")]
pub struct AuditArgs {
    /// Ask after the run what became of everything that was accepted; if that cannot be read, gates on it are
    /// inconclusive [default: if the server lists its runs].
    #[arg(long, overrides_with = "no_audit")]
    pub audit: bool,

    /// Do not ask.
    #[arg(long)]
    pub no_audit: bool,

    /// How long accepted work may take to be done once nothing more comes in; an event whose state cannot be read in the
    /// last quarter of that is taken neither for done nor for lost [default: 30s].
    #[arg(long, env = "A7PROBE_AUDIT_TIMEOUT", value_name = "TIME", value_parser = positive_duration())]
    pub audit_timeout: Option<Duration>,

    /// How long after everything is done it is all read once more, for duplicates that come late; 0s for not at all
    /// [default: 1s].
    #[arg(long, env = "A7PROBE_AUDIT_QUIET", value_name = "TIME", value_parser = parse_duration)]
    pub audit_quiet: Option<Duration>,

    /// URL or path that tells the state of one event, as /status/{id}; with {{uuid}} for {id} the client's own key is
    /// the id. Turns the audit on for servers that list no runs.
    #[arg(
        long,
        env = "A7PROBE_AUDIT_URL",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub audit_url: Option<String>,

    /// Where an accepted answer has the id: a field, a JSON pointer, or 'location' for the last part of that header
    /// [default: event_id].
    #[arg(long, value_name = "FIELD")]
    pub audit_id: Option<String>,

    /// Field of the state and the values that mean done: state=processed,done, in any case; a field alone is done
    /// when it is there and neither null nor false; :status is that of HTTP, and 303 is done in any case [default:
    /// state=processed, completed, done, succeeded and the like].
    #[arg(long, value_name = "FIELD[=VALUES]")]
    pub audit_done: Option<String>,

    /// The same for given up [default: state=dead, failed, error, cancelled and the like].
    #[arg(long, value_name = "FIELD[=VALUES]")]
    pub audit_dead: Option<String>,

    /// How long the service remembers an event, as 10m: it is asked during the run, at half of that and again. An event
    /// that it does not know afterwards has an unknown state and is not lost [default: indefinitely].
    #[arg(long, env = "A7PROBE_AUDIT_TTL", value_name = "TIME", value_parser = positive_duration())]
    pub audit_ttl: Option<Duration>,

    /// Field with the time of completion [default: processed_at].
    #[arg(long, value_name = "FIELD")]
    pub audit_done_at: Option<String>,

    /// Field with the time of acceptance [default: accepted_at].
    #[arg(long, value_name = "FIELD")]
    pub audit_accepted_at: Option<String>,

    /// Send this share of the requests twice, with the same key and body, half with the original and half after it, and
    /// check that each had one effect; recorded apart. Turns the audit on.
    #[arg(long, value_name = "SHARE")]
    pub resend: Option<String>,
}

impl AuditArgs {
    /// Whether anything was typed, but that there be no audit.
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

/// What is asked after a run of this plan, and what the engine keeps and repeats for it.
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
        bail!("--resend is checked by the audit, and that is off\nhint: leave --no-audit out");
    }
    check_gates(gates, plan, &auditing)?;
    let capture = capture(plan, &auditing, resend)?;
    Ok((auditing, capture))
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
            "--audit-url takes the key that the client sends, and {} sends none\nhint: put {{{{uuid}}}} into its body or its Idempotency-Key header",
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
            "--audit-url '{shown}' has no {{id}}, so it names no event\nhint: put {{id}} where the id goes, as in /status/{{id}}"
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
            "--audit-url takes the client's own key, and --audit-id '{id}' another id\nhint: give one of them"
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
        Some((flag, _)) if auditing.source == AuditSource::Listing => bail!(
            "{flag} is about --audit-url, which is not given\nhint: say where the state of an event is, as in --audit-url '/status/{{id}}'"
        ),
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
            "the header {RUN_HEADER}: {} names a run for each request, so no one listing has what was sent\nhint: leave it out, or give it one name",
            name.source()
        ),
        _ => Ok(()),
    }
}

fn check_gates(gates: &[Gate], plan: &Plan, auditing: &Auditing) -> anyhow::Result<()> {
    for gate in gates.iter().filter(|gate| gate.condition.needs_audit()) {
        if auditing.policy == AuditPolicy::Never {
            bail!(
                "gate '{gate}' needs the completion audit, and that is off\nhint: leave --no-audit out, or the gate"
            );
        }
        check_endpoints(gate, plan)?;
        if let Some(target) = gate.condition.done_target()
            && auditing.patience < target
        {
            bail!(
                "gate '{gate}': the audit's deadline of {} is below the target\nhint: raise --audit-timeout or lower the target",
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
        "measure an endpoint that accepts work, as with --post ingest=/ingest".to_owned()
    } else {
        format!("gate one of: {}", known.join(", "))
    };
    bail!("gate '{gate}': {who} asks nothing of the service that could be done later\nhint: {hint}")
}

fn accepting(plan: &Plan) -> impl Iterator<Item = &Endpoint> {
    plan.endpoints.iter().filter(|e| e.is_accepting())
}

/// What the engine keeps: ids where the service names its events, answers' instants where the probe's clock counts.
fn capture(plan: &Plan, auditing: &Auditing, resend: Option<f64>) -> anyhow::Result<AuditCapture> {
    if resend.is_some() && accepting(plan).next().is_none() {
        bail!("--resend has nothing to send twice\nhint: measure an endpoint that accepts work");
    }
    if resend.is_some()
        && let Some(endpoint) = accepting(plan).find(|endpoint| !endpoint.carries_key())
    {
        bail!(
            "--resend needs a key that tells a repetition from a new event, and {} sends none\nhint: put {{{{uuid}}}} into its body or its Idempotency-Key header",
            endpoint.name
        );
    }
    let keep = |endpoint: &Endpoint| -> Option<IdSource> {
        if !endpoint.is_accepting() || auditing.policy == AuditPolicy::Never {
            return None;
        }
        match &auditing.source {
            // Its answers name the event, so a repetition can be held against the original.
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
    let share = parse_percentage(text).with_context(|| format!("--resend {text}"))?;
    if !(share > 0.0 && share <= 1.0) {
        bail!("--resend {text} is no share\nhint: give more than 0% and at most 100%, such as 5%");
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
