//! How much memory a file may take once it is decoded: bits and histograms inflate a thousandfold.

use std::cell::Cell;

use super::super::RunFileError;

/// The bits of half a billion requests take most of it.
const MOST: u64 = 512 << 20;

/// The remaining bytes.
pub(super) struct MemoryBudget(Cell<u64>);

impl MemoryBudget {
    pub(super) fn new() -> MemoryBudget {
        MemoryBudget(Cell::new(MOST))
    }

    /// Sets this many bytes aside.
    pub(super) fn take(&self, bytes: u64) -> Result<(), RunFileError> {
        match self.0.get().checked_sub(bytes) {
            Some(left) => {
                self.0.set(left);
                Ok(())
            }
            None => Err(RunFileError::TooMuch(MOST >> 20)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, MemoryBudget};

    #[test]
    fn what_does_not_fit_is_refused_however_it_is_divided() {
        let budget = MemoryBudget::new();
        assert!(budget.take(MOST - 1).is_ok());
        assert!(budget.take(1).is_ok());
        let error = budget.take(1).unwrap_err().to_string();
        assert!(error.contains("512 MB"), "{error}");
        assert!(MemoryBudget::new().take(u64::MAX).is_err());
    }
}
