//! The highest rate within the gates, as two rates that are each shown on fresh data.
//!
//! [`CapacitySearch`] decides which trial comes next from how the trials before it ended. It sends nothing and reads no
//! clock. A search has four parts: rates are doubled until a trial fails, halved between the last good and the first
//! bad one, placed a width apart, and confirmed by pairs of blocks. Only the confirmation claims anything: all its
//! tests together have level α, test j of a search has `α/(j·(j+1))`.
//!
//! Terms are those of RFC 9971: trial, lower bound, upper bound, undecided.

mod backlog;
mod bracket;
mod confirmation;
mod end;
mod growth;
mod judgement;
mod measured;
mod narrow_watch;
mod options;
mod recovery;
mod rounding;
mod sample;
mod search;
mod trial;

pub use bracket::{CapacityBracket, CapacityChange};
pub use end::{CapacityEnd, CapacityResult, SearchedRange};
pub use judgement::CapacityJudge;
pub use measured::{TrialEvidence, live_rows};
pub use narrow_watch::NarrowWatch;
pub use options::{CapacityGoal, CapacityOptions, TrialDurations};
pub use recovery::recovery_window;
pub use sample::{GateRows, RateOffer, TrialSample};
pub use search::CapacitySearch;
pub use trial::{
    BoundSide, PairTest, PlannedTrial, Recovery, SearchAction, ShareSide, TrialPurpose,
    TrialVerdict,
};
