//! The shards of a merged run, in words.

use crate::judge::shard_warning::{DifferingShard, ShardWarning};
use crate::report::run_info::RunInfo;
use crate::report::text::warning_text::WarningText;
use crate::run::run_file::MissingShare;
use crate::units::{grouped, plural, trimmed};

/// `shard 3 of 8 is missing: 1,250 of 10,000 requests (12.5%)`.
pub(in crate::report) fn missing(share: &MissingShare) -> String {
    let MissingShare {
        shards,
        missing_shards,
        cut_shards,
        missing_requests,
        planned_requests,
    } = share;
    let mut parts = Vec::new();
    if !missing_shards.is_empty() {
        parts.push(format!(
            "{} of {shards} {} missing",
            numbers(missing_shards),
            are(missing_shards)
        ));
    }
    if !cut_shards.is_empty() {
        let was = if cut_shards.len() == 1 { "was" } else { "were" };
        parts.push(format!("{} of {shards} {was} cut", numbers(cut_shards)));
    }
    let percent = 100.0 * *missing_requests as f64 / (*planned_requests).max(1) as f64;
    format!(
        "{}: {} of {} requests ({}%) are not there",
        parts.join(", and "),
        grouped(*missing_requests),
        grouped(*planned_requests),
        trimmed(percent, 1)
    )
}

/// `8 shards`, `7 of 8 shards`.
pub(in crate::report) fn fact(run: &RunInfo) -> Option<String> {
    let merged = run.merged.as_ref()?;
    let (there, of) = (merged.shards.len(), merged.of);
    Some(if there as u32 == of {
        format!("{of} {}", plural(of.into(), "shard"))
    } else {
        format!("{there} of {of} shards")
    })
}

/// `shard 3`, `shards 3, 4 and 5`.
fn numbers(shards: &[u32]) -> String {
    let texts: Vec<String> = shards.iter().map(u32::to_string).collect();
    match texts.as_slice() {
        [] => "no shard".to_owned(),
        [only] => format!("shard {only}"),
        [first @ .., last] => format!("shards {} and {last}", first.join(", ")),
    }
}

fn are(shards: &[u32]) -> &'static str {
    if shards.len() == 1 { "is" } else { "are" }
}

pub(super) fn warning(warning: &ShardWarning) -> WarningText {
    match warning {
        ShardWarning::Missing(share) => WarningText::new(
            missing(share),
            "run all shards to their end and merge them; until then no gate passes, and a FAIL stands",
        ),
        ShardWarning::Differs(shard) => WarningText::new(
            differs(shard),
            "look at that machine and its way to the service; without that shard the run is incomplete",
        ),
        ShardWarning::ClocksUnsynchronized { shards } => WarningText::new(
            format!(
                "the clock of {} was not synchronized, so the shards may have begun at different times",
                numbers(shards)
            ),
            "turn NTP on (timedatectl set-ntp true); latencies do not depend on it",
        ),
    }
}

fn differs(one: &DifferingShard) -> String {
    let shown = |ms: Option<f64>| match ms {
        Some(ms) => format!("{} ms", trimmed(ms, 2)),
        None => "failed".to_owned(),
    };
    format!(
        "shard {} differs from the others: {} {} {} against {}",
        one.shard,
        one.endpoint,
        one.percentile,
        shown(one.own_ms),
        shown(one.others_ms)
    )
}
