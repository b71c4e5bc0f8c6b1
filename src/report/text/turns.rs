//! What the faces say of an interleaved comparison: its blocks, and which of two intervals counts.

use super::change::interval;
use crate::judge::comparison::{Change, IntervalMethod, NoPairs};
use crate::report::model::Report;
use crate::stats::paired::MIN_PAIRS;
use crate::units::plural;

/// Both intervals of a change, for `--verbose`.
pub(super) fn both(change: &Change) -> String {
    let Some(candidates) = &change.candidates else {
        return String::new();
    };
    let profile = interval(candidates.profile().ratio);
    match candidates.paired() {
        Ok(paired) => format!(
            " (over all requests {profile}, over pairs {})",
            interval(paired.ratio)
        ),
        Err(missing) => format!(
            " (over all requests {profile}, none over pairs: {})",
            no_pairs(missing)
        ),
    }
}

/// Which intervals are shown.
pub(super) fn notes(report: &Report) -> Vec<String> {
    if report.comparison.as_ref().is_none_or(|c| c.turns.is_none()) {
        return Vec::new();
    }
    let changes = || {
        let comparisons = report.comparisons().iter();
        comparisons.flat_map(|c| {
            c.changes
                .iter()
                .map(move |change| (c.endpoint.as_str(), change))
        })
    };
    let few = changes().find_map(|(_, change)| match change.candidates?.paired() {
        Err(few @ NoPairs::TooFew { .. }) => Some(few),
        _ => None,
    });
    if let Some(few) = few {
        return vec![format!(
            "only the profile interval is used: {}",
            no_pairs(few)
        )];
    }
    let chosen = |method| {
        names(changes().filter(move |(_, c)| c.candidates.is_some_and(|t| t.chosen() == method)))
    };
    let short = names(changes().filter(|(_, change)| {
        let paired = change.candidates.map(|candidates| candidates.paired());
        matches!(paired, Some(Err(NoPairs::ShortBlocks { .. })))
    }));
    let (profile, paired) = (
        chosen(IntervalMethod::Profile),
        chosen(IntervalMethod::Paired),
    );
    if profile.is_empty() && paired.is_empty() {
        return Vec::new();
    }
    let part = |what: &str, names: String| match names.as_str() {
        "" => String::new(),
        names => format!("; {what}: {names}"),
    };
    let mut notes = vec![format!(
        "the wider of two intervals is shown{}{}",
        part("over all requests (profile likelihood)", profile),
        part("over the pairs of blocks (Student's t)", paired)
    )];
    if !short.is_empty() {
        notes.push(format!(
            "only the profile interval is used for {short}: a block has too few requests, so this percentile is its maximum"
        ));
    }
    notes
}

/// Why there is no interval over pairs.
pub(in crate::report) fn no_pairs(missing: NoPairs) -> String {
    match missing {
        NoPairs::TooFew { pairs } => format!(
            "{pairs} {} of blocks, and an interval over pairs needs {MIN_PAIRS}",
            plural(pairs, "pair")
        ),
        NoPairs::ShortBlocks { requests_needed } => format!(
            "a block has fewer than {requests_needed} requests, so this percentile is the block's maximum"
        ),
    }
}

/// `health P50, P95, ingest P99`.
fn names<'a>(changes: impl Iterator<Item = (&'a str, &'a Change)>) -> String {
    let mut named: Vec<(&str, Vec<String>)> = Vec::new();
    for (endpoint, change) in changes {
        let quantile = change.quantile.to_string();
        match named.last_mut().filter(|(last, _)| *last == endpoint) {
            Some((_, quantiles)) => quantiles.push(quantile),
            None => named.push((endpoint, vec![quantile])),
        }
    }
    let named = named
        .iter()
        .map(|(endpoint, quantiles)| format!("{endpoint} {}", quantiles.join(", ")));
    named.collect::<Vec<_>>().join(", ")
}
