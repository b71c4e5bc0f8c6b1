//! What a request ends with, behind all redirects.

use super::connection::{Connection, Response};

/// An answer, and the connection to the plan's own target if it may carry another request.
pub(super) struct FinalAnswer {
    pub(super) response: Response,
    pub(super) connection: Option<Connection>,
}
