//! The live line on stderr: how far the run is, and what it has measured so far.

use std::io::{IsTerminal as _, Write as _};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::judge::gate::GateProgress;
use crate::printable::one_line;
use crate::probe::engine::{Live, LiveEndpoint};
use crate::run::plan::{Plan, Size};
use crate::stats::rank::Quantile;
use crate::units::{Pretty, grouped};

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressMode {
    /// One line that is redrawn, four times a second.
    Terminal,
    /// A line every ten seconds, for logs.
    Plain,
    /// Not at all (`--quiet`).
    Silent,
}

impl ProgressMode {
    /// What suits stderr.
    pub fn of_stderr() -> ProgressMode {
        if std::io::stderr().is_terminal() {
            ProgressMode::Terminal
        } else {
            ProgressMode::Plain
        }
    }

    fn period(self) -> Duration {
        match self {
            ProgressMode::Terminal => Duration::from_millis(250),
            ProgressMode::Plain | ProgressMode::Silent => Duration::from_secs(10),
        }
    }
}

/// How far the gates of an adaptive run are, kept up to date by the decider.
pub type Gates = Arc<Mutex<Vec<GateProgress>>>;

/// Draws on a thread of its own until it is finished.
#[derive(Debug)]
pub struct Progress {
    done: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

/// What the line speaks of.
#[derive(Debug, Clone)]
pub struct ProgressScope {
    /// Which part of a run it is; empty for a whole one.
    pub label: String,
    /// Names of the endpoints, in the order of the plan.
    pub endpoints: Vec<String>,
    /// Sent before the run.
    pub warmup: Duration,
    /// How long the plan takes; `None` where the answers decide it.
    pub span: Option<Duration>,
}

impl ProgressScope {
    /// Of a whole run.
    pub fn of(plan: &Plan) -> ProgressScope {
        let endpoints = plan.endpoints.iter();
        let longest = endpoints.clone().filter_map(|endpoint| match plan.size {
            Size::Requests(n) => {
                let rate = endpoint.rate?.as_per_second();
                Some(Duration::from_secs_f64(n as f64 / rate))
            }
            Size::Duration(_) => None,
        });
        ProgressScope {
            label: String::new(),
            endpoints: endpoints.map(|endpoint| endpoint.name.clone()).collect(),
            warmup: plan.warmup,
            span: match plan.size {
                Size::Duration(duration) => Some(duration),
                Size::Requests(_) => longest.max(),
            },
        }
    }
}

impl Progress {
    /// Begins to draw; of an adaptive run, how far its gates are from decided too.
    pub fn start(
        mode: ProgressMode,
        scope: ProgressScope,
        live: Arc<Live>,
        gates: Option<Gates>,
    ) -> Progress {
        Progress::drawing(mode, move |elapsed| {
            let gates = gates
                .as_ref()
                .map(|gates| gates.lock().unwrap_or_else(PoisonError::into_inner).clone());
            text(&scope, elapsed, &live.snapshot(), gates.as_deref())
        })
    }

    /// Says that the run is over and what it accepted is waited for.
    pub fn auditing(mode: ProgressMode) -> Progress {
        Progress::drawing(mode, |elapsed| {
            format!(
                "audit: waiting until what was accepted is done · {} s",
                elapsed.as_secs()
            )
        })
    }

    fn drawing(mode: ProgressMode, text: impl Fn(Duration) -> String + Send + 'static) -> Progress {
        let (done, finished) = channel();
        let draw = move || {
            let began = Instant::now();
            let line = LiveLine::new(mode);
            while let Err(RecvTimeoutError::Timeout) = finished.recv_timeout(mode.period()) {
                line.show(&text(began.elapsed()));
            }
            line.clear();
        };
        let thread = (mode != ProgressMode::Silent).then(|| std::thread::spawn(draw));
        Progress { done, thread }
    }

    /// Clears the line; what follows on stderr starts on a clean one.
    pub fn finish(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.done.send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

enum LiveLine {
    Drawn(ProgressBar),
    Printed,
}

impl LiveLine {
    fn new(mode: ProgressMode) -> LiveLine {
        if mode != ProgressMode::Terminal {
            return LiveLine::Printed;
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(
            ProgressStyle::with_template("{spinner} {wide_msg}")
                .unwrap_or_else(|_| ProgressStyle::default_spinner()),
        );
        LiveLine::Drawn(bar)
    }

    fn show(&self, text: &str) {
        let text = &*one_line(text);
        match self {
            LiveLine::Drawn(bar) => {
                bar.set_message(text.to_owned());
                bar.tick();
            }
            // Progress that cannot be written is no reason to end a measurement.
            LiveLine::Printed => drop(writeln!(std::io::stderr(), "{text}")),
        }
    }

    fn clear(&self) {
        if let LiveLine::Drawn(bar) = self {
            bar.finish_and_clear();
        }
    }
}

/// `12 s of 30 s · health 240: P50 1.2 ms, P95 3.4 ms, P99 5 ms · ingest …`
///
/// Of an adaptive run, `12 s of at most 120 s · health 240: P50 1.2 ms, … (p50 PASS, p95 PASS, p99 40 %)`.
fn text(
    scope: &ProgressScope,
    elapsed: Duration,
    endpoints: &[LiveEndpoint],
    gates: Option<&[GateProgress]>,
) -> String {
    let label = match scope.label.as_str() {
        "" => String::new(),
        label => format!("{label}: "),
    };
    let mut parts = vec![format!("{label}{}", time(scope, elapsed, gates))];
    for (index, (name, endpoint)) in scope.endpoints.iter().zip(endpoints).enumerate() {
        if endpoint.ended == 0 {
            continue;
        }
        let levels = endpoint.latency.ranked_values();
        let at = |quantile: Quantile| {
            // Failures are above every number, as in the verdict.
            levels.at_rank(quantile.rank(endpoint.ended)).map_or_else(
                || "failed".to_owned(),
                |ns| Pretty(Duration::from_nanos(ns)).to_string(),
            )
        };
        let failed = if endpoint.not_ok > 0 {
            format!(", {} not ok", grouped(endpoint.not_ok))
        } else {
            String::new()
        };
        let (p50, p95, p99) = (at(Quantile::P50), at(Quantile::P95), at(Quantile::P99));
        let decided = gates.map(|gates| decided(index, gates)).unwrap_or_default();
        parts.push(format!(
            "{name} {}: P50 {p50}, P95 {p95}, P99 {p99}{failed}{decided}",
            grouped(endpoint.ended)
        ));
    }
    parts.join(" · ")
}

/// ` (p50 PASS, p95 80 %, p99 client-limited)`: how far each gate of an endpoint is from decided.
fn decided(endpoint: usize, gates: &[GateProgress]) -> String {
    let own = gates.iter().filter(|gate| gate.endpoint == endpoint);
    let each: Vec<String> = own
        .map(|gate| {
            let metric = gate.gate.condition.metric();
            let is_open = gate.progress < 1.0;
            if is_open && gate.held_by.is_some() {
                format!("{metric} client-limited")
            } else if is_open {
                format!("{metric} {} %", (gate.progress * 100.0).floor())
            } else {
                format!("{metric} {}", gate.verdict)
            }
        })
        .collect();
    if each.is_empty() {
        String::new()
    } else {
        format!(" ({})", each.join(", "))
    }
}

fn time(scope: &ProgressScope, elapsed: Duration, gates: Option<&[GateProgress]>) -> String {
    let all = |gates: &[GateProgress]| gates.iter().all(|gate| gate.progress >= 1.0);
    if gates.is_some_and(all) {
        return "decided, waiting for the last answers".to_owned();
    }
    let of = match gates {
        Some(_) => "of at most",
        None => "of",
    };
    let seconds = |d: Duration| format!("{} s", d.as_secs());
    match (elapsed.checked_sub(scope.warmup), scope.span) {
        (None, _) => format!("warm-up, {} of {}", seconds(elapsed), seconds(scope.warmup)),
        (Some(ran), Some(span)) if ran >= span => "waiting for the last answers".to_owned(),
        (Some(ran), Some(span)) => format!("{} {of} {}", seconds(ran), seconds(span)),
        (Some(ran), None) => seconds(ran),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ProgressScope, text};
    use crate::probe::engine::LiveEndpoint;
    use crate::run::histogram::{Histogram, Precision};

    fn scope(span: Option<u64>) -> ProgressScope {
        ProgressScope {
            label: String::new(),
            endpoints: vec!["health".into(), "ingest".into()],
            warmup: Duration::from_secs(2),
            span: span.map(Duration::from_secs),
        }
    }

    fn endpoint(values_ms: &[u64], not_ok: u64) -> LiveEndpoint {
        let mut latency = Histogram::new(Precision::Two);
        values_ms
            .iter()
            .for_each(|ms| latency.record(ms * 1_000_000));
        LiveEndpoint {
            ended: values_ms.len() as u64 + not_ok,
            not_ok,
            latency,
        }
    }

    #[test]
    fn the_line_tells_time_and_percentiles_with_failures_above_every_number() {
        let endpoints = [endpoint(&[1; 100], 0), endpoint(&[1; 90], 10)];
        let line = text(&scope(Some(30)), Duration::from_secs(14), &endpoints, None);
        assert_eq!(
            line,
            "12 s of 30 s · health 100: P50 1 ms, P95 1 ms, P99 1 ms · \
             ingest 100: P50 1 ms, P95 failed, P99 failed, 10 not ok"
        );
    }

    #[test]
    fn warm_up_and_the_wait_at_the_end_are_named() {
        let idle = [endpoint(&[], 0), endpoint(&[], 0)];
        let at = |span, seconds| text(&scope(span), Duration::from_secs(seconds), &idle, None);
        assert_eq!(at(Some(30), 1), "warm-up, 1 s of 2 s");
        assert_eq!(at(Some(30), 33), "waiting for the last answers");
        assert_eq!(at(None, 33), "31 s");
    }
}
