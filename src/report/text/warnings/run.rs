//! What a run says against itself and the load on its endpoints, in words.

use std::time::Duration;

use super::super::failure_hints::{failed_requests, unexpected_status};
use crate::judge::failure_hints::UnexpectedStatus;
use crate::judge::warning::{LoadWarning, RunWarning};
use crate::report::text::machine_difference;
use crate::report::text::warning_text::WarningText;
use crate::run::sample::FailureKind;
use crate::units::{Pretty, grouped, plural, trimmed};

pub(super) fn warning(warning: &RunWarning) -> WarningText {
    match warning {
        RunWarning::Aborted { rule } => WarningText::new(
            format!(
                "--abort-on '{rule}' ended the run; it is judged on the requests that were due until then"
            ),
            "find out why the service slowed down, or lower the rate",
        ),
        RunWarning::Interrupted { is_adaptive } => WarningText::new(
            if *is_adaptive {
                "the run was interrupted before it was decided"
            } else {
                "the run was interrupted; the verdict is about the requests due until then"
            },
            "let the run finish, or plan a shorter one",
        ),
        RunWarning::DiagnosisInterrupted => WarningText::new(
            "the diagnosis was interrupted; it uses the requests sent until then",
            "let it finish, or give a smaller --budget",
        ),
        RunWarning::ProcessorBusy { cpu_share, threads } => WarningText::new(
            format!(
                "a7probe used {}% of the processor time of its {threads} threads, so it may have sent late",
                trimmed(cpu_share * 100.0, 0)
            ),
            "lower the rate, or measure from a larger machine; a result close to its limit is INCONCLUSIVE, not FAIL",
        ),
        RunWarning::Throttled { time, periods } => WarningText::new(
            format!(
                "the container's CPU limit stopped a7probe for {} in {} periods",
                Pretty(*time),
                grouped(*periods)
            ),
            "raise the CPU limit of its container; a result close to its limit is INCONCLUSIVE, not FAIL",
        ),
        RunWarning::CertifiedElsewhere { differences } => WarningText::new(
            {
                let differences: Vec<String> = differences.iter().map(machine_difference).collect();
                format!(
                    "the certificate was made on another machine: {}",
                    differences.join(", ")
                )
            },
            "run a7probe selftest --save FILE on this machine",
        ),
        RunWarning::RequestsFailed {
            endpoint,
            kind,
            requests,
            first,
            status,
        } => requests_failed(endpoint, *kind, *requests, first, status.as_ref()),
        RunWarning::RequestsTimedOut {
            endpoint,
            requests,
            timeout,
        } => requests_timed_out(endpoint, *requests, *timeout),
        RunWarning::ClosedModel => WarningText::new(
            "closed model: service time only; nothing is sent while the service stalls, so stalls hardly show",
            "give a rate (-q 20) for response time, the time that users wait",
        ),
        RunWarning::EpisodeWithoutRate { files } => WarningText::new(
            format!(
                "--spell has no effect on {}: no rate is known, so a slow spell is 1 sample",
                files.join(", ")
            ),
            "leave it out, or judge a run that a7probe measured, whose rate is in its file",
        ),
    }
}

fn requests_failed(
    endpoint: &str,
    kind: FailureKind,
    requests: u64,
    first: &str,
    status: Option<&UnexpectedStatus>,
) -> WarningText {
    WarningText::new(
        format!(
            "{endpoint}: {requests} failed ({}), the first: {first}",
            kind.as_str()
        ),
        match status {
            Some(unexpected) => unexpected_status(endpoint, unexpected),
            None => failed_requests(kind).to_owned(),
        },
    )
}

fn requests_timed_out(endpoint: &str, requests: u64, timeout: Duration) -> WarningText {
    WarningText::new(
        format!(
            "{endpoint}: {requests} had no complete answer within {}",
            Pretty(timeout)
        ),
        "check the service's log for that time; if it may take that long, raise --timeout",
    )
}

pub(super) fn load(warning: &LoadWarning) -> WarningText {
    match warning {
        LoadWarning::Unsent {
            endpoint,
            unsent,
            planned,
        } => WarningText::new(
            format!(
                "{} of {} requests to {endpoint} were never sent",
                grouped(*unsent),
                grouped(*planned)
            ),
            "a verdict that depends on them is INCONCLUSIVE",
        ),
        LoadWarning::SentLate { endpoint, p99, max } => WarningText::new(
            format!(
                "this machine was late: requests to {endpoint} had a send lag of P99 {}, max {}",
                Pretty(*p99),
                Pretty(*max)
            ),
            "lower the rate, or measure from a quieter machine; a failure that depends on the lag is INCONCLUSIVE",
        ),
        LoadWarning::LoadNotReached {
            endpoint,
            achieved_per_s,
            offered_per_s,
        } => WarningText::new(
            format!(
                "{endpoint} did not get the full load: {}/s of {}/s",
                trimmed(*achieved_per_s, 2),
                trimmed(*offered_per_s, 2)
            ),
            "lower the rate, or raise the in-flight cap: -c together with -q",
        ),
        LoadWarning::PoolLimited { endpoint, waited } => WarningText::new(
            format!(
                "{} requests to {endpoint} waited for a connection, at the in-flight cap; the wait counts in their response time",
                grouped(*waited)
            ),
            "to allow more at once, raise the cap: -c together with -q",
        ),
        LoadWarning::StreamLimited {
            endpoint,
            waited,
            p95,
            allowed,
            planned,
        } => WarningText::new(
            format!(
                "{} requests to {endpoint} waited for a stream, P95 {}: the server allows {} {} a connection, and the plan has {}; the wait counts in their response time",
                grouped(*waited),
                Pretty(*p95),
                grouped(*allowed),
                plural(*allowed, "stream"),
                grouped(*planned)
            ),
            format!(
                "to open more connections: --streams {}; else raise the server's limit (nginx: http2_max_concurrent_streams)",
                (*allowed).max(1)
            ),
        ),
    }
}
