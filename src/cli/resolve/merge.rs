//! The audit that `merge` makes: the plan of the shards as far as their files keep it, and the flags.

use anyhow::{Context as _, anyhow, bail};

use crate::cli::audit::{self, AuditArgs};
use crate::cli::merge::MergeArgs;
use crate::cli::service;
use crate::cli::settings_file::SettingsLayers;
use crate::judge::gate::Gate;
use crate::run::plan::{AuditPolicy, Auditing, Endpoint, Plan, Size, StatusSet, Target, Template};
use crate::run::run_file::{EndpointRecord, PlanRecord, ShardAudit, ShardAuditSource};

/// An audit of shards, and the plan that says where to ask.
pub(crate) struct MergeAudit {
    pub auditing: Auditing,
    pub plan: Plan,
    /// Share of the requests that was sent twice on purpose.
    pub resend: Option<f64>,
}

/// The audit of these shards; `None` if there is none to make.
///
/// # Errors
/// The flags contradict what the shards were measured with, or cannot be read.
pub(crate) fn merge_audit(
    args: &MergeArgs,
    record: &PlanRecord,
    recorded: Option<ShardAudit>,
    gates: &[Gate],
) -> anyhow::Result<Option<MergeAudit>> {
    check_flags(args, recorded)?;
    let is_wanted = recorded.is_some() || args.audit.is_typed();
    if args.audit.no_audit || !is_wanted {
        return Ok(None);
    }
    let layers = SettingsLayers::default();
    let plan = plan(args, record, &layers)?;
    let asked = AuditArgs {
        audit: true,
        ..args.audit.clone()
    };
    let (auditing, _) = audit::resolve(&asked, &layers, &plan, &audited(gates))?;
    debug_assert_eq!(auditing.policy, AuditPolicy::Required);
    Ok(Some(MergeAudit {
        auditing,
        plan,
        resend: recorded.and_then(|audit| audit.resend),
    }))
}

fn audited(gates: &[Gate]) -> Vec<Gate> {
    let gates = gates.iter().filter(|gate| gate.condition.needs_audit());
    gates.cloned().collect()
}

fn check_flags(args: &MergeArgs, recorded: Option<ShardAudit>) -> anyhow::Result<()> {
    if args.audit.resend.is_some() || args.audit.audit_ttl.is_some() {
        bail!(
            "--resend and --audit-ttl have no use in merge\nhint: give --resend to a7probe measure --shard"
        );
    }
    let by_url = recorded.is_some_and(|audit| audit.source == ShardAuditSource::Url);
    if by_url && args.audit.audit_url.is_none() && !args.audit.no_audit {
        bail!(
            "the shards were measured with --audit-url, whose URL is not in their files\nhint: give merge the same --audit-url and its flags, or --no-audit"
        );
    }
    Ok(())
}

/// As far as an audit needs it: where the events are asked for, and with which headers.
fn plan(args: &MergeArgs, record: &PlanRecord, layers: &SettingsLayers) -> anyhow::Result<Plan> {
    let target = target(&record.target)?;
    let endpoints = record.endpoints.iter();
    let endpoints: anyhow::Result<Vec<Endpoint>> = endpoints
        .map(|endpoint| self::endpoint(args, endpoint))
        .collect();
    let mut connections = args.connection.policy(layers)?;
    connections.version = record.connections.version;
    Ok(Plan {
        target,
        endpoints: endpoints?,
        model: record.model,
        size: Size::from(record.size),
        warmup: record.warmup,
        timeout: record.timeout,
        seed: record.seed,
        connections,
        rows: None,
    })
}

fn target(text: &str) -> anyhow::Result<Target> {
    let parsed = service::parsed_proxy_url(text);
    let parsed = parsed.with_context(|| format!("the shards have the target {text}"))?;
    let prefix = parsed.path_and_query.trim_end_matches('/').to_owned();
    Ok(Target {
        prefix,
        ..parsed.target
    })
}

fn endpoint(args: &MergeArgs, record: &EndpointRecord) -> anyhow::Result<Endpoint> {
    let recorded = record
        .headers
        .iter()
        .filter(|header| !header.value.starts_with("[redacted"));
    let recorded = recorded.map(|header| (header.name.clone(), header.value.clone()));
    let typed = args.headers.header.iter().map(|text| {
        let (name, value) = text
            .split_once(':')
            .ok_or_else(|| anyhow!("-H '{text}' is not a header\nhint: write 'NAME: VALUE'"))?;
        Ok((name.trim().to_owned(), value.trim().to_owned()))
    });
    let typed: anyhow::Result<Vec<(String, String)>> = typed.collect();
    let mut headers: Vec<(String, Template)> = Vec::new();
    for (name, value) in recorded.chain(typed?) {
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
        headers.push((name, template(&value)?));
    }
    let placeholders = record.body.as_ref().map(|body| body.placeholders.concat());
    Ok(Endpoint {
        name: record.name.clone(),
        elsewhere: record.origin.as_deref().map(target).transpose()?,
        method: record.method.clone(),
        path: Template::literal(record.path.clone()),
        headers,
        body: placeholders.as_deref().map(template).transpose()?,
        expect: StatusSet::parse(&record.expect).map_err(|error| anyhow!(error))?,
        expect_body: None,
        rate: record.rate_per_s,
        segment: None,
        targets: Vec::new(),
    })
}

/// A template of which only the placeholders count.
fn template(text: &str) -> anyhow::Result<Template> {
    // Variables of the environment were those of the shards.
    let known = Template::parse(text.as_bytes());
    Ok(known.unwrap_or_else(|_| Template::literal(text)))
}
