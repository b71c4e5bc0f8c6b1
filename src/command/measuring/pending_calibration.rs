//! A calibration that may still be under way.

use std::sync::{Arc, OnceLock};

use crate::probe::engine::OwnError;
use crate::run::run_file::Calibration;

/// A calibration whose result may still be missing; all clones learn the same.
#[derive(Debug, Clone, Default)]
pub(in crate::command) struct PendingCalibration {
    own_error: OwnError,
    result: Arc<OnceLock<Calibration>>,
}

impl PendingCalibration {
    /// A calibration that has ended, or was left out.
    pub(in crate::command) fn known(calibration: Calibration) -> PendingCalibration {
        let known = PendingCalibration::default();
        known.tell(calibration);
        known
    }

    /// For the engine, which can begin without it.
    pub(in crate::command) fn own_error(&self) -> OwnError {
        self.own_error.clone()
    }

    /// Blocks until it is there.
    pub(in crate::command) fn result(&self) -> Calibration {
        self.result.wait().clone()
    }

    pub(super) fn is_known(&self) -> bool {
        self.result.get().is_some()
    }

    pub(super) fn tell(&self, calibration: Calibration) {
        self.own_error.tell(calibration.own_error());
        let _ = self.result.set(calibration);
    }
}
