//! The requests above one target as a run file keeps them.

use serde::{Deserialize, Serialize};

use super::borrowed_text::BorrowedText;
use super::nanos;
use crate::run::recording::{Bits, Exceedances};

/// Requests above a target.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ExceedancesDocument<'a> {
    /// A latency equal to the target is within it.
    pub(super) target_ns: u64,
    /// Number of set bits.
    pub(super) count: u64,
    /// One bit per planned request, in order of the intended start, eight a byte, lowest first; set for a latency
    /// above the target and for everything that did not end ok.
    #[serde(borrow)]
    pub(super) bits: BorrowedText<'a>,
    /// The same for the certain ones that the server caused: above the target even without our send lag, or failed for
    /// a cause on the server's side. Absent in older files: all of them.
    #[serde(borrow, default)]
    pub(super) certain: Option<BorrowedText<'a>>,
    /// The same for those that are above the target by more than the measurement overhead, or did not end ok. Absent in
    /// older files: all of them.
    #[serde(borrow, default)]
    pub(super) beyond_error: Option<BorrowedText<'a>>,
    /// The same for those that are certain although the instrument may have been a little late: above eleven tenths of
    /// the target plus the measurement overhead without our send lag, or failed for a cause on the server's side.
    /// Absent if not counted.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) near: Option<BorrowedText<'a>>,
    /// The same for those that are certain although the instrument may have been impaired: above four thirds of the
    /// target plus the measurement overhead without our send lag, or failed for a cause on the server's side. Absent if
    /// not counted.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) far: Option<BorrowedText<'a>>,
}

impl From<&Exceedances> for ExceedancesDocument<'_> {
    fn from(exceedances: &Exceedances) -> Self {
        ExceedancesDocument {
            target_ns: nanos::of(exceedances.target),
            count: exceedances.bits.count_ones(),
            bits: exceedances.bits.encode().into(),
            certain: Some(exceedances.certain.encode().into()),
            beyond_error: Some(exceedances.beyond_error.encode().into()),
            near: exceedances.near.as_ref().map(text),
            far: exceedances.far.as_ref().map(text),
        }
    }
}

fn text(bits: &Bits) -> BorrowedText<'static> {
    bits.encode().into()
}
