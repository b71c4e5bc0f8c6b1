//! What the client knows of its requests, whatever the server says.

use serde::{Deserialize, Serialize};

use crate::run::recording::Counts;
use crate::run::sample::FailureKind;

/// What the client knows of its requests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Journal"))]
pub struct AcceptanceCounts {
    /// Answered as expected: accepted.
    pub ok: u64,
    /// Never sent, not connected, or answered with an error: the server owes nothing.
    pub failed: u64,
    /// No complete answer (timeout, reset, broken answer): accepted or not, the client cannot know.
    pub unknown: u64,
    /// Of the failed and the unknown, those that were accepted when they were sent a second time on purpose.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub by_repeat: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl AcceptanceCounts {
    /// From how the requests ended.
    pub fn of(counts: &Counts) -> AcceptanceCounts {
        let unknown = counts.timeout
            + counts
                .failed
                .iter()
                .filter(|(kind, _)| leaves_open(**kind))
                .map(|(_, n)| n)
                .sum::<u64>();
        AcceptanceCounts {
            ok: counts.ok,
            failed: counts.not_ok() - unknown,
            unknown,
            by_repeat: 0,
        }
    }

    /// What the server owes.
    pub fn accepted(&self) -> u64 {
        self.ok.saturating_add(self.by_repeat)
    }
}

/// Whether a request that failed so may have been accepted.
fn leaves_open(kind: FailureKind) -> bool {
    match kind {
        FailureKind::Reset
        | FailureKind::StreamReset
        | FailureKind::GoAway
        | FailureKind::Protocol
        | FailureKind::Body
        | FailureKind::Content
        | FailureKind::Redirect => true,
        // A refused stream was not processed (RFC 9113 §8.7).
        FailureKind::RefusedStream
        | FailureKind::Connect
        | FailureKind::Tls
        | FailureKind::Status
        | FailureKind::Client => false,
    }
}
