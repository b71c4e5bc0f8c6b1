//! How a run is made, and how it is judged.

use jiff::Timestamp;
use uuid::Uuid;

use super::audited::AuditOptions;
use super::pending_calibration::PendingCalibration;
use crate::judge::abort_rule::AbortRule;
use crate::judge::gate::{Gate, StopRule};
use crate::run::plan::{Design, Guard};
use crate::run::run_file::{Gating, SelftestCertificate, WallClock};
use crate::run::shard::Shard;

/// How a run is made, and how it is judged.
#[derive(Debug, Clone, Copy)]
pub(in crate::command) struct RunOptions<'a> {
    pub(in crate::command) gates: &'a [Gate],
    pub(in crate::command) guard: Guard,
    /// Whether the run may stop when it is decided.
    pub(in crate::command) design: Design,
    /// When it may.
    pub(in crate::command) stop_rule: StopRule,
    /// Whether it is to be judged at all.
    pub(in crate::command) gating: Gating,
    /// What ends it before its time.
    pub(in crate::command) abort_on: &'a [AbortRule],
    pub(in crate::command) audit: Option<AuditOptions<'a>>,
    /// What the instrument measures of itself, by the end of the warm-up.
    pub(in crate::command) calibration: &'a PendingCalibration,
    /// What `selftest` said of it.
    pub(in crate::command) certificate: Option<&'a SelftestCertificate>,
    /// Which part of the run is sent here, and when it begins; `None` for all of it.
    pub(in crate::command) shard: Option<&'a ShardStart>,
}

/// One part of a run that several machines begin together.
#[derive(Debug, Clone)]
pub(in crate::command) struct ShardStart {
    pub(in crate::command) shard: Shard,
    /// Id of the run, the same for all.
    pub(in crate::command) run: Uuid,
    /// t0, the same for all.
    pub(in crate::command) start: Timestamp,
    pub(in crate::command) wall_clock: WallClock,
}
