//! The sentences of notes.

use std::time::Duration;

use super::replay;
use crate::report::note::Note;
use crate::units::Pretty;

/// A remark of an import may have several sentences or none.
pub(super) fn note(note: &Note) -> Vec<String> {
    let text = match note {
        Note::NotAskedFor {
            name,
            method,
            path,
            host,
        } => {
            let flag = named(method, name, path);
            return vec![format!(
                "{method} {path} is not sent to {host} unasked; to measure it: {flag}"
            )];
        }
        Note::LeftOut {
            name,
            method,
            path,
            status,
        } => {
            let flag = named(method, name, "/PATH");
            return vec![format!(
                "{method} {path} returned {status} and is left out; to name another path: {flag}"
            )];
        }
        Note::Replayed(source) => return replay::notes(source),
        Note::DriftNotControlled => {
            "drift not controlled: the runs were made one after the other, so every other change between them is in the difference; to control drift: a7probe ab"
        }
        Note::RampNotCompared { endpoint } => {
            return vec![format!(
                "{endpoint} is a ramp and is not compared: each of its rates has percentiles of its own"
            )];
        }
        Note::SidesOfAb => {
            "drift controlled: ab measured both sides interleaved; these intervals use all requests, and only the report of ab has those of pairs of blocks"
        }
        Note::Protocols { before, after } => {
            return vec![format!(
                "before: {before}, after: {after}; the change includes what the protocol makes of it"
            )];
        }
        Note::NoPlan => {
            "a list of latencies has no plan, so the plans of both sides cannot be compared"
        }
        Note::NoGates => {
            "no gates, so nothing was judged; add for example --gate 'p95 reduction >= 70%'"
        }
        Note::SameSides => {
            "A/A: both sides are the same URL with the same headers, so any difference is chance or comes from this setup"
        }
        Note::EpisodesAcrossBlocks => {
            "slow requests on both sides of a gap between blocks are judged as one spell and as two; a verdict holds both ways"
        }
        Note::Blocks {
            pairs,
            planned,
            block,
            settle,
        } => &blocks(*pairs, *planned, [*block, *settle]),
        Note::Import { file, remark } => {
            let words = remark.words().into_iter();
            let notes = words.filter(|words| words.hint.is_none());
            return notes.map(|note| format!("{file}: {}", note.text)).collect();
        }
    };
    vec![text.to_owned()]
}

/// The flag that asks for an endpoint.
fn named(method: &str, name: &str, path: &str) -> String {
    match method {
        "POST" => format!("--post {name}={path}"),
        _ => format!("--get {name}={path}"),
    }
}

/// How the blocks of `ab` were laid out: how long each lasted, and settled before.
fn blocks(pairs: u64, planned: u64, [block, settle]: [Duration; 2]) -> String {
    let of_planned = if pairs == planned {
        String::new()
    } else {
        format!(" of {planned}")
    };
    let cancels = if pairs.is_multiple_of(2) {
        "so that a linear drift cancels"
    } else {
        "but the last pair lacks its mirror, so part of a drift remains"
    };
    format!(
        "drift controlled: {pairs}{of_planned} pairs of blocks of {} in the fixed order before, after, after, before \
         (ABBA, no seed), each after {} to settle, {cancels}",
        Pretty(block),
        Pretty(settle)
    )
}
