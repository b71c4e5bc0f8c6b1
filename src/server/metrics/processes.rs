//! What the processes on the same store have reported of themselves: workers have no port of their own to be scraped at.

use std::collections::BTreeMap;

use super::BREAKER_STATES;
use super::exposition::{Exposition, Kind};
use crate::store::{Process, ProcessReport};

/// Role, host and process id.
type Name = (String, String, String);
/// A family: its name, its kind, its help and the number it takes from a report.
type Family = (&'static str, Kind, &'static str, fn(&ProcessReport) -> u64);

const FAMILIES: [Family; 5] = [
    (
        "a7probe_process_calls_in_flight",
        Kind::Gauge,
        "Calls of the provider that are under way, by process; all of these as they last reported.",
        |report| report.in_flight.into(),
    ),
    (
        "a7probe_process_attempts_total",
        Kind::Counter,
        "Attempts that ended, by process.",
        |report| report.done.attempts,
    ),
    (
        "a7probe_process_processed_total",
        Kind::Counter,
        "Events processed, by process.",
        |report| report.done.processed,
    ),
    (
        "a7probe_process_retries_total",
        Kind::Counter,
        "Failed attempts that another one follows, by process.",
        |report| report.done.retries,
    ),
    (
        "a7probe_process_dead_total",
        Kind::Counter,
        "Events given up, by process.",
        |report| report.done.dead,
    ),
];

/// Every process that has reported lately.
pub(super) fn processes(page: &mut Exposition, processes: Vec<Process>) {
    let processes = latest(processes);
    for (name, kind, help, number) in FAMILIES {
        page.family(name, kind, help);
        for (process, report) in &processes {
            page.sample(&labels(process), number(report));
        }
    }
    page.family(
        "a7probe_process_breaker",
        Kind::Gauge,
        "1 for the state of the circuit breaker, by process.",
    );
    for (process, report) in &processes {
        for state in BREAKER_STATES {
            let [role, host, pid] = labels(process);
            let labels = [role, host, pid, ("state", state)];
            page.sample(&labels, u8::from(report.breaker == state));
        }
    }
}

/// The latest report under each name: in containers, a worker that was started again is known by the same one.
fn latest(mut processes: Vec<Process>) -> BTreeMap<Name, ProcessReport> {
    processes.sort_by_key(|process| std::cmp::Reverse(process.seen_ms_ago));
    let named = processes.into_iter().map(|process| {
        let report = process.report;
        let name = (
            report.role.clone(),
            report.host.clone(),
            report.pid.to_string(),
        );
        (name, report)
    });
    named.collect()
}

fn labels((role, host, pid): &Name) -> [(&'static str, &str); 3] {
    [("role", role), ("host", host), ("pid", pid)]
}

#[cfg(test)]
mod tests {
    use super::processes;
    use crate::server::metrics::exposition::Exposition;
    use crate::store::{Process, ProcessReport, WorkDone};

    fn process(attempts: u64, seen_ms_ago: u64) -> Process {
        Process {
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
            seen_ms_ago,
        }
    }

    #[test]
    fn a_worker_that_was_started_again_under_the_same_name_is_there_once_with_its_latest_report() {
        let mut page = Exposition::new();
        processes(&mut page, vec![process(3, 10), process(900, 9000)]);
        let text = page.finish();
        let named = |name: &str| {
            let own = text.lines().filter(|line| line.starts_with(name));
            own.collect::<Vec<_>>()
        };
        let worker = r#"{role="worker",host="box",pid="1""#;
        assert_eq!(
            named("a7probe_process_attempts_total"),
            [format!("a7probe_process_attempts_total{worker}}} 3")]
        );
        assert_eq!(
            named("a7probe_process_breaker"),
            ["closed", "open", "half-open"].map(|state| format!(
                r#"a7probe_process_breaker{worker},state="{state}"}} {}"#,
                u8::from(state == "open")
            ))
        );
    }
}
