//! What the processes on the same store have reported of themselves: workers have no port of their own to be scraped at.

use crate::exposition::{Exposition, MetricKind};
use crate::reference::store::{Process, ProcessReport};
use crate::reference::worker::BREAKER_STATES;

/// What tells processes apart. In containers, role, host and process id may be those of another one too.
struct Name<'a> {
    role: &'a str,
    host: &'a str,
    pid: String,
    id: &'a str,
}

/// A family: its name, its kind, its help and the number that it reads from a report.
type Family = (
    &'static str,
    MetricKind,
    &'static str,
    fn(&ProcessReport) -> u64,
);

const FAMILIES: [Family; 5] = [
    (
        "a7probe_process_calls_in_flight",
        MetricKind::Gauge,
        "Calls of the provider in progress, by process, as last reported.",
        |report| report.in_flight.into(),
    ),
    (
        "a7probe_process_attempts_total",
        MetricKind::Counter,
        "Attempts that ended, by process.",
        |report| report.done.attempts,
    ),
    (
        "a7probe_process_processed_total",
        MetricKind::Counter,
        "Events processed, by process.",
        |report| report.done.processed,
    ),
    (
        "a7probe_process_retries_total",
        MetricKind::Counter,
        "Failed attempts that are retried, by process.",
        |report| report.done.retries,
    ),
    (
        "a7probe_process_dead_total",
        MetricKind::Counter,
        "Events that failed permanently (dead), by process.",
        |report| report.done.dead,
    ),
];

/// Every process that has reported lately.
pub(super) fn processes(page: &mut Exposition, processes: &[Process]) {
    let named: Vec<_> = processes.iter().map(|one| (Name::of(one), one)).collect();
    for (name, kind, help, number) in FAMILIES {
        page.family(name, kind, help);
        for (process, own) in &named {
            page.sample(&process.labels(), number(&own.report));
        }
    }
    page.family(
        "a7probe_process_breaker",
        MetricKind::Gauge,
        "1 for the state of the circuit breaker, by process.",
    );
    for (process, own) in &named {
        for state in BREAKER_STATES {
            let [role, host, pid, id] = process.labels();
            let labels = [role, host, pid, id, ("state", state)];
            page.sample(&labels, u8::from(own.report.breaker == state));
        }
    }
}

impl Name<'_> {
    fn of(process: &Process) -> Name<'_> {
        Name {
            role: &process.report.role,
            host: &process.report.host,
            pid: process.report.pid.to_string(),
            id: &process.id,
        }
    }

    fn labels(&self) -> [(&'static str, &str); 4] {
        [
            ("role", self.role),
            ("host", self.host),
            ("pid", &self.pid),
            ("id", self.id),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::processes;
    use crate::exposition::Exposition;
    use crate::reference::store::{Process, ProcessReport, WorkDone};

    fn process(id: &str, attempts: u64) -> Process {
        Process {
            id: id.to_owned(),
            report: ProcessReport {
                role: "worker".to_owned(),
                host: "box".to_owned(),
                pid: 1,
                in_flight: 2,
                done: WorkDone {
                    attempts,
                    ..WorkDone::default()
                },
                breaker: "open".to_owned(),
                breaker_reason: Some("503".into()),
            },
            seen_ms_ago: 10,
        }
    }

    #[test]
    fn two_workers_of_the_same_name_are_two_series() {
        let mut page = Exposition::new();
        processes(&mut page, &[process("a1", 3), process("b2", 900)]);
        let text = page.finish();
        let named = |name: &str| {
            let own = text.lines().filter(|line| line.starts_with(name));
            own.collect::<Vec<_>>()
        };
        let worker = r#"{role="worker",host="box",pid="1",id="#;
        assert_eq!(
            named("a7probe_process_attempts_total"),
            [
                format!("a7probe_process_attempts_total{worker}\"a1\"}} 3"),
                format!("a7probe_process_attempts_total{worker}\"b2\"}} 900"),
            ]
        );
        let breaker = |id| {
            ["closed", "open", "half-open"].map(|state| {
                let is = u8::from(state == "open");
                format!("a7probe_process_breaker{worker}\"{id}\",state=\"{state}\"}} {is}")
            })
        };
        assert_eq!(
            named("a7probe_process_breaker"),
            [breaker("a1"), breaker("b2")].concat()
        );
    }
}
