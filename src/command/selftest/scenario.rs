//! One scenario: a script, the load on it, and what is compared afterwards.

use std::sync::Arc;
use std::time::Duration;

use super::script::{BurstPattern, Script, Stall};
use super::server_account::Handled;
use crate::run::histogram::RankedValues;
use crate::run::plan::{
    Arrivals, ConnectionPolicy, Endpoint, HttpVersion, Keepalive, Model, Plan, RedirectPolicy,
    Scheme, Size, StatusSet, Target, Template, Tracing, Trust,
};
use crate::run::recording::Recording;
use crate::run::replay::PlannedReplay;
use crate::run::run_file::{CheckUnit, SelftestCheck};
use crate::stats::cluster::Clusters;
use crate::stats::rank::Quantile;
use crate::units::{Pretty, Rate, millis};

/// Near that of the calibration, because a machine answers more slowly that has slept between two requests.
const RATE_PER_S: f64 = 200.0;

/// Opens connections and warms caches; not compared.
const WARMUP: Duration = Duration::from_millis(200);

/// Above it, the requests of a stall are counted: METHOD §6.
const STALLED: Duration = Duration::from_millis(150);

/// Between the slow and the fast requests of the bursts.
const BETWEEN: Duration = Duration::from_millis(40);

/// Requests of a burst over HTTP/2, and how often one is due: before the next, a server that serves one at a time is idle.
const BURST: usize = 8;
const BETWEEN_BURSTS: Duration = Duration::from_millis(200);

const ONE_STREAM: Script = Script::OneStream {
    burst: BURST,
    service: Duration::from_millis(10),
};

/// A script and the load on it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scenario {
    pub(super) script: Script,
    pub(super) version: HttpVersion,
    pub(super) rate_per_s: f64,
    pub(super) requests: u64,
}

/// The scenarios of the self-test.
pub(super) fn all(quick: bool) -> Vec<Scenario> {
    let ms = Duration::from_millis;
    let (delay_requests, seconds) = if quick { (200, 3) } else { (800, 10) };
    let delays = [0, 1, 5, 50, 163].map(|delay| Scenario {
        script: Script::Delay(ms(delay)),
        version: HttpVersion::Http1,
        rate_per_s: RATE_PER_S,
        requests: delay_requests,
    });
    let stall = Stall {
        period: ms(1_000),
        length: ms(250),
        base: ms(2),
    };
    let bursts = BurstPattern {
        every: 50,
        slow_ones: 5,
        slow: ms(80),
        fast: ms(1),
    };
    let scripts = [Script::Stall(stall), Script::Bursts(bursts)];
    let others = scripts.map(|script| Scenario {
        script,
        version: HttpVersion::Http1,
        rate_per_s: RATE_PER_S,
        requests: 200 * seconds,
    });
    let over_http2 = [
        (Script::Delay(ms(5)), delay_requests),
        (ONE_STREAM, delay_requests / 4),
    ];
    let over_http2 = over_http2.map(|(script, requests)| Scenario {
        script,
        version: HttpVersion::Http2 { streams: BURST },
        rate_per_s: RATE_PER_S,
        requests,
    });
    { delays.into_iter() }
        .chain(others)
        .chain(over_http2)
        .collect()
}

/// The plan of a load at this rate on a server of this machine.
pub(super) fn plan(port: u16, rate_per_s: f64, requests: u64, targets: Vec<Duration>) -> Plan {
    let path = Template::parse(b"/{{n}}").unwrap_or_else(|_| Template::literal("/"));
    Plan {
        target: Target {
            scheme: Scheme::Http,
            host: "127.0.0.1".to_owned(),
            port,
            prefix: String::new(),
        },
        endpoints: vec![Endpoint {
            elsewhere: None,
            name: "scripted".to_owned(),
            // POST, because its requests carry the id of the run.
            method: "POST".to_owned(),
            path,
            headers: Vec::new(),
            body: None,
            expect: StatusSet::success(),
            expect_body: None,
            rate: Rate::per_second(rate_per_s),
            segment: None,
            targets,
        }],
        model: Model::Open {
            arrivals: Arrivals::Jitter,
        },
        size: Size::Requests(requests),
        warmup: WARMUP,
        timeout: Duration::from_secs(10),
        seed: 1,
        connections: ConnectionPolicy {
            max_in_flight: 256,
            keepalive: Keepalive::Reuse,
            trust: Trust::System,
            identity: None,
            connect_to: Vec::new(),
            unix_socket: None,
            proxy: None,
            redirects: RedirectPolicy::Answer,
            tracing: Tracing::Off,
            version: HttpVersion::Http1,
        },
        rows: None,
    }
}

impl Scenario {
    pub(super) fn plan(&self, port: u16) -> Plan {
        let targets = self.limit().into_iter().collect();
        let mut plan = plan(port, self.rate_per_s, self.requests, targets);
        plan.connections.version = self.version;
        if let Script::OneStream { burst, .. } = self.script {
            let bursts = self.requests / burst as u64;
            let replay = PlannedReplay::of_bursts(burst, BETWEEN_BURSTS, bursts);
            plan.endpoints[0].set_replay(Arc::new(replay));
            // One connection, which the server does not let carry more than one at a time.
            plan.connections.max_in_flight = burst;
            plan.warmup = Duration::ZERO;
        }
        plan
    }

    /// `delay 50 ms`, `HTTP/2, delay 5 ms`.
    pub(super) fn name(&self) -> String {
        self.over(&self.script_name())
    }

    /// What is measured, with the protocol where it is not HTTP/1.1.
    pub(super) fn over(&self, what: &str) -> String {
        match self.version {
            HttpVersion::Http1 => what.to_owned(),
            HttpVersion::Http2 { .. } => format!("{}, {what}", self.version.as_str()),
        }
    }

    fn script_name(&self) -> String {
        match self.script {
            Script::OneStream { burst, service } => {
                format!("1 stream for {burst} of {}", Pretty(service))
            }
            Script::Delay(Duration::ZERO) => "no delay".to_owned(),
            Script::Delay(delay) => format!("delay {}", Pretty(delay)),
            Script::Stall(stall) => format!(
                "stall {} every {}",
                Pretty(stall.length),
                Pretty(stall.period)
            ),
            Script::Bursts(bursts) => format!(
                "spells: {} of {} need {}",
                bursts.slow_ones,
                bursts.every,
                Pretty(bursts.slow)
            ),
        }
    }

    /// Above what requests are counted, if they are.
    fn limit(&self) -> Option<Duration> {
        match self.script {
            Script::Delay(_) | Script::OneStream { .. } => None,
            Script::Stall(_) => Some(STALLED),
            Script::Bursts(_) => Some(BETWEEN),
        }
    }

    /// The measured values compared with the server's actions; `own_error` is the instrument's e.
    ///
    /// Tolerances: the measurement overhead and the P99 of the send lag; where the truth is the law of a stall, also
    /// 1/λ, because requests sample a stall only at their own times, and the P99 of the server's lateness.
    pub(super) fn checks(
        &self,
        recording: &Recording,
        handled: &[Handled],
        own_error: Duration,
    ) -> Vec<SelftestCheck> {
        let lag = recording.send_lag.ranked_values();
        let instrument = own_error + at(&lag, Quantile::P99);
        let mut checks = vec![self.count_check(
            "answered",
            handled.len() as f64,
            recording.counts.ok as f64,
            0.0,
        )];
        let latency = recording.latency.ranked_values();
        let truth = Truth::of(self.script, handled);
        for quantile in [Quantile::P50, Quantile::P95, Quantile::P99] {
            let (true_value, tolerance) = match self.script {
                Script::Stall(stall) => (
                    stall.quantile(quantile.as_f64()),
                    instrument + self.interval() + at(&truth.late, Quantile::P99),
                ),
                _ => (at(&truth.held, quantile), instrument),
            };
            checks.push(SelftestCheck {
                scenario: self.name(),
                figure: quantile.to_string(),
                unit: CheckUnit::Ms,
                truth: millis(true_value),
                measured: millis(at(&latency, quantile)),
                tolerance: millis(tolerance),
            });
        }
        checks.extend(self.counts(recording, handled));
        checks.extend(self.slot_wait(recording, &truth, instrument));
        checks
    }

    /// How many requests were beyond the limit, and in how many bursts.
    fn counts(&self, recording: &Recording, handled: &[Handled]) -> Vec<SelftestCheck> {
        let Some(counted) = self.limit().and_then(|l| recording.exceedances_of(l)) else {
            return Vec::new();
        };
        let measured = counted.bits.count_ones() as f64;
        // What only our own lag brought above the limit, the instrument knows of.
        let doubtful = measured - counted.certain.count_ones() as f64;
        let figure = format!("above {}", Pretty(counted.target));
        match self.script {
            Script::Delay(_) | Script::OneStream { .. } => Vec::new(),
            Script::Stall(stall) => {
                let periods = (self.requests as f64 / self.rate_per_s).round();
                let truth = stall.above(counted.target, self.rate_per_s, periods as u32);
                // One request a period, and what the server and we were late.
                let late = at(&Truth::of(self.script, handled).late, Quantile::P99).as_secs_f64();
                let tolerance = periods * (1.0 + late * self.rate_per_s) + doubtful;
                vec![self.count_check(&figure, truth, measured, tolerance)]
            }
            Script::Bursts(bursts) => {
                let slow = handled.iter().filter(|h| h.held > counted.target).count();
                let seen = Clusters::of(counted.bits.iter()).slow.count as f64;
                let truth = self.requests.div_ceil(bursts.every) as f64;
                vec![
                    self.count_check(&figure, slow as f64, measured, doubtful),
                    self.count_check("bursts", truth, seen, doubtful),
                ]
            }
        }
    }

    /// METHOD §13: with one stream, a request of a burst waits for it until all before it are answered.
    fn slot_wait(
        &self,
        recording: &Recording,
        truth: &Truth,
        instrument: Duration,
    ) -> Vec<SelftestCheck> {
        if truth.slot.count() == 0 {
            return Vec::new();
        }
        let measured = recording.phases.slot.ranked_values();
        let check = |quantile: Quantile| SelftestCheck {
            scenario: self.name(),
            figure: format!("slot wait {quantile}"),
            unit: CheckUnit::Ms,
            truth: millis(at(&truth.slot, quantile)),
            measured: millis(at(&measured, quantile)),
            tolerance: millis(instrument),
        };
        [Quantile::P50, Quantile::P99].map(check).to_vec()
    }

    fn count_check(
        &self,
        figure: &str,
        truth: f64,
        measured: f64,
        tolerance: f64,
    ) -> SelftestCheck {
        SelftestCheck {
            scenario: self.name(),
            figure: figure.to_owned(),
            unit: CheckUnit::Requests,
            truth,
            measured,
            tolerance,
        }
    }

    /// 1/λ.
    fn interval(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.rate_per_s)
    }
}

/// What the server did, sorted.
struct Truth {
    /// With one stream, from the moment at which the first of the burst was read.
    held: RankedValues,
    /// How long all but the first of a burst waited for the one stream, the same.
    slot: RankedValues,
    late: RankedValues,
}

impl Truth {
    fn of(script: Script, handled: &[Handled]) -> Truth {
        let levels = |times: Vec<Duration>| {
            let ns = times.iter().map(|time| time.as_nanos() as u64);
            RankedValues::from_values(ns.collect())
        };
        let burst = match script {
            Script::OneStream { burst, .. } => burst,
            Script::Delay(_) | Script::Stall(_) | Script::Bursts(_) => 1,
        };
        let (mut held, mut slot) = (Vec::new(), Vec::new());
        // One connection, so they stand in the order in which they were read.
        for burst in handled.chunks(burst) {
            let waits = burst.iter().map(|own| own.read_at - burst[0].read_at);
            held.extend(waits.clone().zip(burst).map(|(wait, own)| wait + own.held));
            slot.extend(waits.skip(1));
        }
        Truth {
            held: levels(held),
            slot: levels(slot),
            late: levels(handled.iter().map(|own| own.late).collect()),
        }
    }
}

fn at(levels: &RankedValues, quantile: Quantile) -> Duration {
    let ns = levels.at_rank(quantile.rank(levels.count()));
    Duration::from_nanos(ns.unwrap_or(0))
}
