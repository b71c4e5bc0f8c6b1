//! Why a mail is not sent, or a provider not used.

use std::time::Duration;

/// A provider that wants to be left alone for longer is asked again all the same: one wrong header must not stop all mail.
pub const LONGEST_WISH: Duration = Duration::from_secs(3600);

/// Why a mail was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// No answer in time; it may have been sent all the same.
    #[error("no answer from the provider within {} ms", .0.as_millis())]
    Timeout(Duration),
    /// No connection; it was not sent.
    #[error("cannot reach the provider: {0}")]
    Unreachable(String),
    /// The connection broke before the answer; it may have been sent all the same.
    #[error("the connection to the provider broke: {0}")]
    Broken(String),
    /// A worker elsewhere says that it failed, and names no answer of the provider; it may have been sent all the same.
    #[error("{0}")]
    Elsewhere(String),
    /// The provider answered no; it was not sent.
    #[error("the provider answered {status}: {reason}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Its first error message.
        reason: String,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
}

impl SendError {
    /// May the mail have gone out although there was no yes?
    pub fn may_have_been_sent(&self) -> bool {
        matches!(
            self,
            SendError::Timeout(_) | SendError::Broken(_) | SendError::Elsewhere(_)
        )
    }

    /// When the provider wants to be asked again, if it said so; at most [`LONGEST_WISH`].
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            SendError::Refused { retry_after, .. } => retry_after.map(|at| at.min(LONGEST_WISH)),
            _ => None,
        }
    }

    /// Would the same mail be refused again, and another one not? Only what the provider says of the mail itself. A key
    /// that it does not know (401, 403) or a path that is not there (404, 405) is a fault of the configuration: it
    /// affects every mail, and passes when it is fixed.
    pub fn is_permanent(&self) -> bool {
        matches!(
            self,
            SendError::Refused {
                status: 400 | 413 | 422,
                ..
            }
        )
    }
}

/// A provider URL that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "'{url}' is not a provider: {reason}\nhint: give `sim`, or a base URL such as http://127.0.0.1:8025"
)]
pub struct InvalidProvider {
    pub(super) url: String,
    pub(super) reason: String,
}
