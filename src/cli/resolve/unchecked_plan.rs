//! A plan and its gates, before they are checked against each other.

use anyhow::bail;

use crate::cli::defaults::{DEFAULT_TARGET, DEFAULT_TIMEOUT, DEFAULT_WARMUP, QUICK_BUDGET};
use crate::cli::measure::MeasureArgs;
use crate::cli::resolve::{gates, segments};
use crate::cli::service::endpoints::{Service, ServiceInput, UnaskedEndpoint};
use crate::cli::settings_file::SettingsLayers;
use crate::cli::variables::LookUp;
use crate::judge::gate::Gate;
use crate::run::plan::{
    ConnectTo, ConnectionPolicy, Design, HttpVersion, Keepalive, Model, Plan, Replaced, Scheme,
    Size, Target, Tracing,
};
use crate::run::replay::ReplaySource;
use crate::trace::TRACEPARENT;

/// Plan and gates that have not been checked against each other.
pub(super) struct UncheckedPlan {
    pub(super) plan: Plan,
    pub(super) gates: Vec<Gate>,
    pub(super) design: Design,
    /// Endpoints of the implied pair, which may be missing.
    pub(super) implied: Vec<String>,
    /// Endpoints of the implied pair that are not sent to.
    pub(super) unasked: Vec<UnaskedEndpoint>,
    /// The file that is replayed.
    pub(super) replay: Option<ReplaySource>,
}

impl UncheckedPlan {
    /// What the flags and the settings mean.
    ///
    /// # Errors
    /// A value cannot be read, or flags of one group contradict each other.
    pub(super) fn resolve(
        args: &MeasureArgs,
        layers: &SettingsLayers,
        look_up: LookUp<'_>,
        absent: &[String],
    ) -> anyhow::Result<UncheckedPlan> {
        let has_typed_rate = !args.service.rate.is_empty();
        let has_typed_load = has_typed_rate || args.load.concurrency.is_some();
        let rate_file = args.rate_file.path(has_typed_load, layers);
        let has_rate = has_typed_rate || args.rate_file.rate_file.is_some();
        let model = args.load.model(has_rate, layers);
        let input = ServiceInput {
            args: &args.service,
            single: &args.single,
            layers,
            look_up,
            absent,
        };
        let mut service = Service::resolve(&input, model)?;
        let replayed = args.rate_file.read(rate_file, layers)?;
        let profiled = segments::put(args, layers, &mut service, replayed)?;
        let rows = args.data.rows(layers, &service.endpoints)?;
        let target = layers.first(args.limit.target, |s| s.target);
        let target = target.unwrap_or(DEFAULT_TARGET);
        if target.is_zero() {
            bail!(
                "target = 0 cannot be met\nhint: set the highest acceptable latency, such as target = \"150ms\""
            );
        }
        let gates = gates::of_one_run(args, layers, target)?;
        let (size, design) = match &profiled {
            Some(profiled) => (profiled.size, Design::Fixed),
            None if args.rules.quick => quick(model)?,
            None => args.load.size(layers, model, &gates)?,
        };
        let warmup = layers.first(args.load.warmup, |s| s.warmup);
        let timeout = layers.first(args.timing.timeout, |s| s.timeout);
        let seed = layers.first(args.timing.seed, |s| s.seed);
        let mut plan = Plan {
            target: service.target,
            endpoints: service.endpoints,
            model,
            size,
            warmup: warmup.unwrap_or(DEFAULT_WARMUP),
            timeout: timeout.unwrap_or(DEFAULT_TIMEOUT),
            seed: seed.unwrap_or_else(|| rand::random::<u64>() >> 11),
            connections: connections(args, layers)?,
            rows,
        };
        check_origins(&plan)?;
        check_traces(&plan)?;
        check_http2(&plan)?;
        segments::number_requests(&mut plan);
        Ok(UncheckedPlan {
            gates: segments::gates(gates, &plan),
            plan,
            design,
            implied: service.implied,
            unasked: service.unasked,
            replay: profiled.and_then(|profiled| profiled.replay),
        })
    }
}

/// Stops when it is decided, after [`QUICK_BUDGET`] at most.
fn quick(model: Model) -> anyhow::Result<(Size, Design)> {
    match model {
        Model::Open { .. } => Ok((Size::Duration(QUICK_BUDGET), Design::Adaptive)),
        Model::Closed { .. } => bail!(
            "--quick does not fit a closed-model run (-c without a rate)\nhint: give a rate with -q, or -z 10s instead of --quick"
        ),
    }
}

/// One other place to connect to cannot stand for several origins.
fn check_origins(plan: &Plan) -> anyhow::Result<()> {
    let policy = &plan.connections;
    let is_for_all = |rule: &ConnectTo| rule.instead_of == Replaced::Plan;
    let flag = if policy.unix_socket.is_some() {
        "--unix-socket"
    } else if policy.connect_to.iter().any(is_for_all) {
        "--connect-to HOST:PORT"
    } else {
        return Ok(());
    };
    match plan.origins().as_slice() {
        [first, second, ..] => bail!(
            "{flag} fits one service, and the URLs name several: {first}, {second}\nhint: measure one service at a time"
        ),
        _ => Ok(()),
    }
}

/// A request has one `traceparent`.
fn check_traces(plan: &Plan) -> anyhow::Result<()> {
    let mut endpoints = plan.endpoints.iter();
    if plan.connections.tracing == Tracing::On
        && let Some(endpoint) = endpoints.find(|e| e.header(TRACEPARENT).is_some())
    {
        bail!(
            "--trace and a header of {} both give {TRACEPARENT}\nhint: leave out one of them",
            endpoint.name
        );
    }
    Ok(())
}

/// Headers of a connection, which HTTP/2 does not have (RFC 9113 §8.2.2).
const OF_CONNECTIONS: [&str; 5] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "transfer-encoding",
    "upgrade",
];

/// Requests that HTTP/2 does not have are refused before anything is sent.
fn check_http2(plan: &Plan) -> anyhow::Result<()> {
    let policy = &plan.connections;
    if policy.version == HttpVersion::Http1 {
        return Ok(());
    }
    let is_plain = |target: &&Target| target.scheme == Scheme::Http;
    if policy.proxy.is_some() && plan.origins().iter().any(is_plain) {
        bail!(
            "a proxy passes HTTP/2 on for https:// only\nhint: use an https URL, or leave out --http2"
        );
    }
    for endpoint in &plan.endpoints {
        let name = &endpoint.name;
        if endpoint.method == "CONNECT" {
            bail!("CONNECT of {name} opens a tunnel\nhint: measure a request, such as GET");
        }
        if let Some(header) = OF_CONNECTIONS.iter().find(|h| endpoint.header(h).is_some()) {
            bail!(
                "HTTP/2 has no header {header}, which {name} sends\nhint: leave it out, or leave out --http2"
            );
        }
        let te = endpoint.header("te").map(|value| value.source());
        if te.is_some_and(|te| !te.trim().eq_ignore_ascii_case("trailers")) {
            bail!(
                "HTTP/2 allows the header TE of {name} with the value trailers only\nhint: write -H 'TE: trailers', or leave it out"
            );
        }
    }
    Ok(())
}

fn connections(args: &MeasureArgs, layers: &SettingsLayers) -> anyhow::Result<ConnectionPolicy> {
    let mut policy = args.connection.policy(layers)?;
    if let Some(cap) = args.load.concurrency {
        policy.max_in_flight = cap as usize;
    }
    if args.disable_keepalive {
        policy.keepalive = Keepalive::PerRequest;
    }
    if policy.keepalive == Keepalive::PerRequest && args.connection.streams.is_some() {
        bail!(
            "--streams shares a connection, and --disable-keepalive opens one for every request\nhint: leave out one of them"
        );
    }
    Ok(policy)
}
