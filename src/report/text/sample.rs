//! What a tested gate counts, in nouns: `600 requests`, `slower than 150 ms`, `P95`.

use crate::judge::gate::{Condition, LimitOperator, SampleUnit};
use crate::units::{Pretty, grouped};

/// `600 requests`; what another tool measured are samples.
pub(super) fn count(unit: SampleUnit, n: u64) -> String {
    format!("{} {}", grouped(n), noun(unit, n))
}

pub(super) fn noun(unit: SampleUnit, n: u64) -> &'static str {
    match (unit, n) {
        (SampleUnit::AcceptedEvent, 1) => "accepted event",
        (SampleUnit::AcceptedEvent, _) => "accepted events",
        (SampleUnit::Sample, 1) => "sample",
        (SampleUnit::Sample, _) => "samples",
        (SampleUnit::Request, 1) => "request",
        (SampleUnit::Request, _) => "requests",
    }
}

/// `slower than 150 ms`.
pub(super) fn beyond(condition: &Condition) -> String {
    match condition {
        Condition::Done { limit, .. } => format!("not processed within {}", Pretty(*limit)),
        Condition::Latency {
            operator, limit, ..
        } => match operator {
            LimitOperator::AtMost => format!("slower than {}", Pretty(*limit)),
            LimitOperator::Below => format!("not faster than {}", Pretty(*limit)),
        },
        _ => "failed".to_owned(),
    }
}

/// `P95`, `P95 of the time to completion`, `the error rate`.
pub(super) fn metric(condition: &Condition) -> String {
    match (condition.quantile(), condition.done_quantile()) {
        (Some(quantile), _) => quantile.to_string(),
        (None, Some(quantile)) => format!("{quantile} of the time to completion"),
        (None, None) => "the error rate".to_owned(),
    }
}
