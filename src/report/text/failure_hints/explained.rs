//! A failure with the way to fix it.

pub(super) const PROXY_CREDENTIALS: &str =
    "put the proxy's user and password before its host in -x";

/// A failure, and the next step to try.
pub struct Explained {
    /// The fault.
    pub text: String,
    /// How to fix it.
    pub hint: String,
}
