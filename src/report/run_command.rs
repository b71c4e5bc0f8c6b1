//! The command that repeats a run, from what its plan keeps; and what the plan cannot give.

use crate::judge::gate::Gate;
use crate::printable::one_line;
use crate::run::plan::{Arrivals, HttpVersion, Model, RedirectPolicy, Tracing};
use crate::run::run_file::{EndpointRecord, Gating, PlanRecord, ProfileRecord, Run, SizeRecord};
use crate::units::{Pretty, Rate};

/// The pair that a URL without a path means.
const PAIR: [(&str, &str, &str); 2] = [("health", "GET", "/health"), ("ingest", "POST", "/ingest")];

/// A command that repeats a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunCommand {
    /// The program with its URL, then one flag each.
    pub parts: Vec<String>,
    /// What must be added by hand, in sentences.
    pub lacks: Vec<String>,
}

impl RunCommand {
    /// `None` for a side of `ab`, which no single run repeats.
    pub fn of(run: &Run) -> Option<RunCommand> {
        if run.turns.is_some() {
            return None;
        }
        let plan = &run.plan;
        let mut parts = vec![format!("a7probe measure {}", quoted(&plan.target))];
        parts.extend(endpoints(plan));
        parts.extend(load(run));
        parts.extend(version(plan));
        parts.push(format!("--seed {}", plan.seed));
        parts.extend(gates(run));
        Some(RunCommand {
            parts,
            lacks: lacks(plan),
        })
    }
}

/// `--get NAME=PATH`, one each.
fn endpoints(plan: &PlanRecord) -> Vec<String> {
    let is_pair = plan.endpoints.len() == PAIR.len()
        && plan.endpoints.iter().zip(PAIR).all(|(endpoint, pair)| {
            endpoint.origin.is_none()
                && (
                    endpoint.name.as_str(),
                    endpoint.method.as_str(),
                    endpoint.path.as_str(),
                ) == pair
        });
    if is_pair {
        // A host that is not this machine is not sent a POST unasked.
        return vec!["--post ingest=/ingest --get health=/health".to_owned()]
            .into_iter()
            .filter(|_| !is_loopback(&plan.target))
            .collect();
    }
    let own = plan.endpoints.iter().filter(|endpoint| is_typed(endpoint));
    let typed = own.filter_map(|endpoint| {
        let flag = match endpoint.method.as_str() {
            "GET" => "--get",
            "POST" => "--post",
            _ => return None,
        };
        let at = match &endpoint.origin {
            Some(_) => return None,
            None => &endpoint.path,
        };
        Some(format!(
            "{flag} {}",
            quoted(&format!("{}={at}", endpoint.base_name()))
        ))
    });
    typed.collect()
}

/// Whether an endpoint is typed: of segments the first, and of a replayed log none.
fn is_typed(endpoint: &EndpointRecord) -> bool {
    let is_first = endpoint
        .segment
        .as_ref()
        .is_none_or(|segment| segment.number == 1);
    is_first && endpoint.path != LOGGED_PATH
}

/// The path of endpoints that a log names.
const LOGGED_PATH: &str = "{{log.path}}";

/// The profile or the replayed file in the place of a rate; each where endpoints have different ones.
fn profiles(plan: &PlanRecord) -> Vec<String> {
    let firsts = plan
        .endpoints
        .iter()
        .filter(|e| e.segment.as_ref().is_some_and(|s| s.number == 1));
    let mut parts: Vec<String> = Vec::new();
    let several = plan
        .endpoints
        .iter()
        .any(|e| e.base_name() != plan.endpoints[0].base_name());
    for endpoint in firsts {
        let Some(segment) = &endpoint.segment else {
            continue;
        };
        match &segment.profile {
            ProfileRecord::Parts { parts: own } if several => {
                parts.push(format!(
                    "--rate {}",
                    quoted(&format!("{}={own}", endpoint.base_name()))
                ));
            }
            ProfileRecord::Parts { parts: own } => {
                parts.push(format!("--rate {}", quoted(&own.to_string())));
            }
            ProfileRecord::Replay(replay) => {
                parts.push(format!("--rate-file {}", quoted(&replay.file)));
                parts.push(format!("--speed {}", replay.speed));
            }
        }
    }
    parts.dedup();
    if let [file, speed, ..] = parts.as_slice()
        && file.starts_with("--rate-file")
    {
        return vec![file.clone(), speed.clone()];
    }
    parts
}

fn is_loopback(target: &str) -> bool {
    ["://127.", "://localhost", "://[::1]"]
        .iter()
        .any(|host| target.contains(host))
}

/// The rate or the concurrency, the size, and times that are not the usual ones.
fn load(run: &Run) -> Vec<String> {
    let plan = &run.plan;
    let mut parts = profiles(plan);
    let is_profiled = !parts.is_empty();
    match plan.model {
        Model::Closed { concurrency } => parts.push(format!("-c {concurrency}")),
        Model::Open { arrivals } => {
            let rates = plan
                .endpoints
                .iter()
                .filter_map(|endpoint| endpoint.rate_per_s);
            let rates: Vec<Rate> = rates.collect();
            let rate = rates.first().filter(|_| !is_profiled);
            parts.extend(rate.map(|rate| format!("--rate {rate}")));
            if arrivals != Arrivals::default() && !is_replay(plan) {
                parts.push(format!("--arrivals {}", arrivals.as_str()));
            }
        }
    }
    match (run.judging.adaptive, plan.size) {
        _ if is_profiled => {}
        (Some(adaptive), _) => parts.push(format!("--budget {}", time(adaptive.budget))),
        (None, SizeRecord::Duration { duration }) => parts.push(format!("-z {}", time(duration))),
        (None, SizeRecord::Requests { requests }) => parts.push(format!("-n {requests}")),
    }
    parts.push(format!("--warmup {}", time(plan.warmup)));
    parts.push(format!("-t {}", time(plan.timeout)));
    let connections = &plan.connections;
    if connections.redirects == RedirectPolicy::Follow {
        parts.push("-L".to_owned());
    }
    if connections.tracing == Tracing::On {
        parts.push("--trace".to_owned());
    }
    parts
}

/// `--http2 --streams 8`.
fn version(plan: &PlanRecord) -> Option<String> {
    match plan.connections.version {
        HttpVersion::Http1 => None,
        HttpVersion::Http2 { streams } => Some(format!("--http2 --streams {streams}")),
    }
}

fn is_replay(plan: &PlanRecord) -> bool {
    let mut segments = plan.endpoints.iter().filter_map(|e| e.segment.as_ref());
    segments.any(|segment| matches!(segment.profile, ProfileRecord::Replay(_)))
}

/// `120s`, `1.5s`, `250ms`.
fn time(time: std::time::Duration) -> String {
    Pretty(time)
        .to_string()
        .replace(' ', "")
        .replace("min", "m")
}

fn gates(run: &Run) -> Vec<String> {
    if run.gating != Gating::Gates {
        return vec!["--no-gates".to_owned()];
    }
    let asked = run
        .gates
        .iter()
        .filter(|gate| !run.implied_gates.contains(gate));
    let mut parts: Vec<String> = asked
        .map(|gate| format!("--gate {}", quoted(gate)))
        .collect();
    let implied = run
        .implied_gates
        .first()
        .and_then(|gate| Gate::parse(gate).ok());
    if parts.is_empty() {
        let limit = implied.and_then(|gate| gate.condition.latency_limit());
        parts.extend(limit.map(|limit| format!("--target {}", time(limit))));
    }
    parts
}

fn lacks(plan: &PlanRecord) -> Vec<String> {
    let mut lacks = Vec::new();
    for endpoint in plan.endpoints.iter().filter(|endpoint| is_typed(endpoint)) {
        let name = one_line(endpoint.base_name());
        if !matches!(endpoint.method.as_str(), "GET" | "POST") || endpoint.origin.is_some() {
            lacks.push(format!(
                "Add {name} by hand: {} {}{}.",
                endpoint.method,
                endpoint.origin.as_deref().unwrap_or_default(),
                endpoint.path
            ));
        }
        lacks.extend(body(endpoint));
        let headers = endpoint.headers.iter().map(|header| header.name.as_str());
        let headers: Vec<&str> = headers
            .filter(|name| !name.eq_ignore_ascii_case("content-type"))
            .collect();
        if !headers.is_empty() {
            lacks.push(format!(
                "The headers of {name} are not kept: {}.",
                headers.join(", ")
            ));
        }
    }
    if plan.data.is_some() {
        lacks.push("The rows are not kept: --data FILE.".to_owned());
    }
    lacks.dedup();
    lacks
}

/// The body, unless it is the event that the pair posts.
fn body(endpoint: &EndpointRecord) -> Option<String> {
    let body = endpoint.body.as_ref()?;
    let is_event = body.placeholders == ["{{uuid}}", "{{n}}", "{{now}}"];
    (!is_event).then(|| {
        format!(
            "The body of {} ({} bytes) is not kept: -d {}.",
            one_line(endpoint.base_name()),
            body.bytes,
            quoted(&format!("{}=@FILE", endpoint.base_name()))
        )
    })
}

/// As a shell reads it.
pub(crate) fn quoted(value: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "./-_:=@+".contains(c);
    let value = one_line(value);
    if !value.is_empty() && value.chars().all(is_plain) {
        value.into_owned()
    } else {
        format!("'{}'", value.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::{quoted, time};
    use std::time::Duration;

    #[test]
    fn a_shell_reads_the_same_value() {
        assert_eq!(quoted("https://a7.example/x"), "https://a7.example/x");
        assert_eq!(quoted("* p95 <= 150ms"), "'* p95 <= 150ms'");
        assert_eq!(quoted("it's $HOME"), "'it'\\''s $HOME'");
        assert_eq!(quoted("a\nb"), "'a\\nb'");
        assert_eq!(quoted(""), "''");
    }

    #[test]
    fn times_are_written_as_flags_read_them() {
        for (ms, text) in [
            (120_000, "120s"),
            (1_500, "1.5s"),
            (250, "250ms"),
            (1_200_000, "20m"),
        ] {
            assert_eq!(time(Duration::from_millis(ms)), text);
            let read = crate::units::parse_duration(text);
            assert_eq!(read, Ok(Duration::from_millis(ms)));
        }
    }
}
