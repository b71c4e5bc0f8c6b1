//! Measures a server that answers at once: the measurement overhead, known before the run.
//!
//! The same connections, pacing and code as those of the run, against [`NullServer`] on loopback: the measured service
//! is not touched. Two seconds: at the rate of a common run, 40 a second, a P99 would need 7.5 s, so the rate is that
//! of the run within [`LEAST_PER_S`] and [`MOST_PER_S`]. A machine that sleeps between rarer requests may wake more
//! slowly: on a 2-core virtual machine the null P99 was 0.16 to 0.19 ms at 1 000/s, 0.20 to 0.38 ms at 200/s and 0.37
//! ms at 40/s. The version of HTTP is that of the run. It is plain: TLS comes on top.

use std::time::Duration;

use super::null_server::NullServer;
use super::run;
use super::run_spec::{RunIds, RunSpec};
use super::stop::StopSignal;
use super::thread_slot::{thread_count, total_rate};
use crate::run::plan::{
    Arrivals, ConnectionPolicy, Endpoint, Model, Plan, RedirectPolicy, Scheme, Size, StatusSet,
    Target, Template, Trust,
};
use crate::run::recording::Recording;
use crate::units::Rate;

/// How long an open-model calibration sends.
const LENGTH: Duration = Duration::from_millis(1_900);

/// Before that: opens connections, warms caches.
const WARMUP: Duration = Duration::from_millis(100);

/// After this time an open-model calibration has ended, threads and server included.
pub const CALIBRATION_LENGTH: Duration = Duration::from_millis(2_100);

/// Starts a second at the least: 475 in all, so that the bound of the P99 is the second largest, not the largest.
const LEAST_PER_S: f64 = 250.0;

/// Starts a second at the most: above that, the null server itself would take time.
const MOST_PER_S: f64 = 20_000.0;

/// Highest rate of a run whose warm-up the calibration may run alongside: it needs as many starts again.
const MOST_PER_S_BESIDE: f64 = 1_000.0;

/// Requests of a closed-model calibration: the minimum, and the number per connection.
const CLOSED: (u64, u64) = (2_000, 4);

/// Far longer than a null server takes.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The measurements of the null server.
#[derive(Debug)]
pub struct Calibrated {
    /// Null latencies: response times, in the closed model service times.
    pub recording: Recording,
    /// At which rate; `None` in the closed model.
    pub rate: Option<Rate>,
}

/// Calibrates the instrument for a plan; blocks for about 2 s. `None` if it was interrupted.
///
/// # Errors
/// No port, threads or descriptors to run on.
pub fn calibrate(plan: &Plan, stop: &StopSignal) -> anyhow::Result<Option<Calibrated>> {
    let server = NullServer::start(plan.connections.version)?;
    let null = null_plan(plan, server.address().port());
    let mut finished = run(&RunSpec::new(&null, RunIds::fresh(), stop))?;
    if stop.is_interrupted() {
        return Ok(None);
    }
    let endpoint = finished.endpoints.pop();
    Ok(endpoint.map(|endpoint| Calibrated {
        recording: endpoint.recording,
        rate: null.endpoints[0].rate,
    }))
}

/// Whether a calibration may run alongside the warm-up of this plan: one more processor than it has sending threads, a
/// rate that leaves them idle for the most part, and a calibration whose length does not depend on the answers. Both
/// together can only make the null latencies larger.
pub fn has_core_to_spare(plan: &Plan) -> bool {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let is_open = matches!(plan.model, Model::Open { .. });
    let rate = total_rate(plan);
    is_open && cores > thread_count(plan, rate) && rate <= MOST_PER_S_BESIDE
}

/// The plan with another target: how requests are paced and connections kept stays, what is sent does not.
fn null_plan(plan: &Plan, port: u16) -> Plan {
    let (rate, size) = match plan.model {
        Model::Open { .. } => {
            let per_s = total_rate(plan).clamp(LEAST_PER_S, MOST_PER_S);
            (Rate::per_second(per_s), Size::Duration(LENGTH))
        }
        Model::Closed { concurrency } => {
            let requests = CLOSED.0.max(CLOSED.1 * concurrency as u64);
            (None, Size::Requests(requests))
        }
    };
    Plan {
        target: Target {
            scheme: Scheme::Http,
            host: "127.0.0.1".to_owned(),
            port,
            prefix: String::new(),
        },
        endpoints: vec![Endpoint {
            elsewhere: None,
            name: "null".to_owned(),
            method: "GET".to_owned(),
            path: Template::literal("/"),
            headers: Vec::new(),
            body: None,
            expect: StatusSet::success(),
            expect_body: None,
            rate,
            segment: None,
            targets: Vec::new(),
        }],
        model: match plan.model {
            // Bursts of Poisson arrivals would measure how the null server queues.
            Model::Open { .. } => Model::Open {
                arrivals: Arrivals::Jitter,
            },
            closed => closed,
        },
        size,
        warmup: WARMUP,
        timeout: TIMEOUT,
        seed: plan.seed,
        connections: ConnectionPolicy {
            max_in_flight: plan.connections.max_in_flight,
            keepalive: plan.connections.keepalive,
            trust: Trust::System,
            identity: None,
            connect_to: Vec::new(),
            unix_socket: None,
            proxy: None,
            redirects: RedirectPolicy::Answer,
            tracing: plan.connections.tracing,
            version: plan.connections.version,
        },
        rows: None,
    }
}
