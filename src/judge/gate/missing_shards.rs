//! Withholds every PASS of a run of which shards are missing: the missing requests may be the slow ones. A FAIL stands.

use super::finding::Finding;
use super::next_step::{NextStep, Remedy};
use super::reason::FindingReason;
use crate::run::run_file::MissingShare;
use crate::verdict::Verdict;

/// Makes each PASS INCONCLUSIVE.
pub(crate) fn withhold_passes<'a>(
    findings: impl Iterator<Item = &'a mut Finding>,
    missing: &MissingShare,
) {
    let passed = findings.filter(|finding| finding.verdict == Verdict::Pass);
    for finding in passed {
        finding.verdict = Verdict::Inconclusive;
        finding.reason = FindingReason::ShardsMissing {
            missing: missing.clone(),
            otherwise: Box::new(finding.reason.clone()),
        };
        finding.next_step = Some(NextStep::Fix(Remedy::RunEveryShard));
    }
}
