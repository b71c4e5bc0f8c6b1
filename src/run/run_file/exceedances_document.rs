//! The requests above one target as a run file keeps them.

use serde::{Deserialize, Serialize};

use super::borrowed_text::BorrowedText;
use super::nanos;
use crate::run::recording::{Bits, Exceedances};

/// Which requests exceeded a target.
#[derive(Debug, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct ExceedancesDocument<'a> {
    /// A latency equal to the target is within it.
    pub(super) target_ns: u64,
    /// How many bits are set.
    pub(super) count: u64,
    /// One bit per planned request, in order of the intended start, eight a byte, lowest first; set for a latency
    /// above the target and for everything that did not end ok.
    #[serde(borrow)]
    pub(super) bits: BorrowedText<'a>,
    /// The same for those of them that are certain and the server's own doing: above the target without our send lag
    /// too, or ended badly for no cause on this side. Absent in files of before there was this field: all of them.
    #[serde(borrow, default)]
    pub(super) certain: Option<BorrowedText<'a>>,
    /// The same for those that are above the target by more than the instrument's own error, or did not end ok. Absent in
    /// files of before there was this field: all of them.
    #[serde(borrow, default)]
    pub(super) beyond_error: Option<BorrowedText<'a>>,
    /// The same for those that are certain although the instrument may have been a little late: above eleven tenths of the
    /// target plus the own error without our send lag, or ended badly for no cause on this side. Absent if they were not
    /// counted.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub(super) near: Option<BorrowedText<'a>>,
    /// The same for those that are certain although the instrument may not have been up to its work: above four thirds of
    /// the target plus the own error without our send lag, or ended badly for no cause on this side. Absent if they were
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
