//! How one request ended, before it is recorded.

use std::time::Duration;

use super::connection::{Response, RetainedContent};
use crate::run::plan::StatusSet;
use crate::run::sample::{FailureKind, Outcome};

pub(super) struct RequestEnd {
    pub(super) outcome: Outcome,
    pub(super) finished_ns: u64,
    pub(super) status: Option<u16>,
    pub(super) body_bytes: u64,
    pub(super) server_timing: Vec<(String, Duration)>,
    pub(super) error: Option<String>,
    pub(super) kept: Option<RetainedContent>,
}

impl RequestEnd {
    pub(super) fn without_answer(
        outcome: Outcome,
        finished_ns: u64,
        error: Option<String>,
    ) -> RequestEnd {
        RequestEnd {
            outcome,
            finished_ns,
            status: None,
            body_bytes: 0,
            server_timing: Vec::new(),
            error,
            kept: None,
        }
    }

    /// An answer is judged by its status, its body, and by when it came: one that was read in the same wake-up as its
    /// deadline, but came after it, is a timeout.
    pub(super) fn answered(
        response: Response,
        expected: &StatusSet,
        deadline_ns: u64,
    ) -> RequestEnd {
        let (outcome, error) = if response.finished_ns > deadline_ns {
            (Outcome::Timeout, None)
        } else if let Some(fault) = response.body_fault
            && expected.contains(response.status)
        {
            let error = fault.to_string();
            (Outcome::Failed(FailureKind::Content), Some(error))
        } else if expected.contains(response.status) {
            (Outcome::Ok, None)
        } else {
            let error = format!("returned {} (expected {expected})", response.status);
            (Outcome::Failed(FailureKind::Status), Some(error))
        };
        RequestEnd {
            outcome,
            finished_ns: response.finished_ns,
            status: Some(response.status),
            body_bytes: response.body_bytes,
            server_timing: response.server_timing,
            error,
            kept: response.kept,
        }
    }
}
