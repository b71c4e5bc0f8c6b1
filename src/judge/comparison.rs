//! Before and after: what changed, how surely, and whether it is more than noise.
//!
//! Percentiles are compared by profile likelihood ([`crate::stats::profile`]): deterministic, and true for any
//! distribution of the latencies. Failures, timeouts and unsent requests stand above every latency on both sides.

mod baseline;
mod change;
mod change_decision;
mod change_evidence;
mod compare;
mod dependence;
mod effect;
mod errors;
mod judgement;
mod noise;
mod order;
mod pair;
mod paired;
mod turns;

pub use change::Change;
pub use change_evidence::{ChangeEvidence, ChangeRange, ChangeRanges};
pub use compare::{Comparison, compare, compare_in_turns, quantiles};
pub use dependence::Dependence;
pub(crate) use effect::NoiseBand;
pub use effect::{ChangeBound, CompatibleRatios, Effect, EffectReason, OpenEndCause};
pub use errors::{ErrorRate, ErrorRateChange};
pub use judgement::judge;
pub use noise::{Noise, NoiseError};
pub use pair::{Pair, Side};
pub use paired::{CandidateIntervals, IntervalMethod, NoPairs};
pub use turns::{SideName, Turn, order_of, whole};
