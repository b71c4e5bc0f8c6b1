//! A resolved plan that may be wrong: one that is only shown is shown all the same.

/// The plan, and its first fault, if it has one.
#[derive(Debug)]
pub(crate) struct Draft<T> {
    pub meant: T,
    pub fault: Option<anyhow::Error>,
}

impl<T> Draft<T> {
    /// The same with another message of its fault.
    pub(super) fn hiding(self, hide: impl FnOnce(anyhow::Error) -> anyhow::Error) -> Draft<T> {
        Draft {
            fault: self.fault.map(hide),
            ..self
        }
    }

    /// The plan, if it can be carried out.
    ///
    /// # Errors
    /// The fault.
    pub(super) fn checked(self) -> anyhow::Result<T> {
        self.fault.map_or(Ok(self.meant), Err)
    }
}
