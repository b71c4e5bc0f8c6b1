//! Why a gate came out as it did, in one sentence.

use super::audit_reason;
use super::baseline;
use super::change_reason;
use super::shards;
use super::test_reason::TestedText;
use crate::judge::gate::{CutRuns, Finding, FindingReason};

/// Why a gate came out as it did, in one sentence.
pub fn reason(finding: &Finding) -> String {
    sentence(finding, &finding.reason)
}

fn sentence(finding: &Finding, reason: &FindingReason) -> String {
    match reason {
        FindingReason::Tested(tested) => {
            TestedText::new(finding, &tested.sample).reason(&tested.decision)
        }
        FindingReason::Audit(reason) => audit_reason::sentence(finding, reason),
        FindingReason::Change(reason) => change_reason::sentence(finding, reason),
        FindingReason::Baseline(reason) => baseline::sentence(finding, reason),
        FindingReason::NoBaseline { recorded } => baseline::no_baseline(recorded.as_deref()),
        FindingReason::AcrossRamp => "each rate of a ramp has a percentile of its own".to_owned(),
        FindingReason::Cut { runs, otherwise } => format!(
            "interrupted: {} cut, and a gate over two runs needs a size fixed beforehand ({})",
            match runs {
                CutRuns::Before => "the run before was",
                CutRuns::After => "the run after was",
                CutRuns::Both => "both runs were",
            },
            sentence(finding, otherwise)
        ),
        FindingReason::ShardsMissing { missing, otherwise } => format!(
            "{}, and the missing requests may be slow ({})",
            shards::missing(missing),
            sentence(finding, otherwise)
        ),
    }
}

#[cfg(test)]
mod tests;
