//! How a run is made, and how it is judged.

use super::audited::AuditOptions;
use crate::judge::gate::Gate;
use crate::run::plan::{Design, Guard};
use crate::run::run_file::{Calibration, SelftestCertificate};

/// How a run is made, and how it is judged.
#[derive(Debug, Clone, Copy)]
pub(in crate::command) struct RunOptions<'a> {
    pub(in crate::command) gates: &'a [Gate],
    pub(in crate::command) guard: Guard,
    /// Whether the run may stop when it is decided.
    pub(in crate::command) design: Design,
    pub(in crate::command) audit: Option<AuditOptions<'a>>,
    /// What the instrument measured of itself before.
    pub(in crate::command) calibration: &'a Calibration,
    /// What `selftest` said of it.
    pub(in crate::command) certificate: Option<&'a SelftestCertificate>,
}
