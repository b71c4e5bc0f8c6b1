//! The sentences of notes.

use crate::report::note::Note;
use crate::units::Pretty;

/// A remark of an import may have several sentences or none.
pub(super) fn note(note: &Note) -> Vec<String> {
    let text = match note {
        Note::DriftNotControlled => {
            "drift not controlled: the runs were made one after the other, so whatever else changed between \
             them is in the difference; repeat them in turns (before, after, after, before) and see whether it stays"
        }
        Note::SidesOfAb => {
            "drift controlled: both sides were measured in turns by ab; the intervals are over all requests, those over pairs of \
             blocks are in the report of ab alone"
        }
        Note::NoPlan => {
            "a list of latencies has no plan, so it cannot be checked that both sides were measured alike"
        }
        Note::NoGates => {
            "no gates, so nothing was judged; add for example --gate 'p95 reduction >= 70%'"
        }
        Note::SameSides => {
            "A/A: both sides are the same URL with the same headers, so whatever is found is chance or this setup's own doing"
        }
        Note::EpisodesAcrossBlocks => {
            "slow requests on both sides of a gap between blocks are judged as one episode and as two; a verdict holds both ways"
        }
        Note::Blocks {
            pairs,
            planned,
            block,
            settle,
        } => {
            let of_planned = if pairs == planned {
                String::new()
            } else {
                format!(" of {planned}")
            };
            let cancels = if pairs.is_multiple_of(2) {
                "so that a linear drift cancels"
            } else {
                "but the last pair lacks its mirror, so that part of a drift remains"
            };
            return vec![format!(
                "drift controlled: {pairs}{of_planned} pairs of blocks of {} in the fixed order before, after, after, before \
                 (ABBA, no seed), each after {} to settle, {cancels}",
                Pretty(*block),
                Pretty(*settle)
            )];
        }
        Note::Import { file, remark } => {
            let words = remark.words().into_iter();
            let notes = words.filter(|words| words.hint.is_none());
            return notes.map(|note| format!("{file}: {}", note.text)).collect();
        }
    };
    vec![text.to_owned()]
}
