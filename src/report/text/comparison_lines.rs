//! What a comparison's screen says around its tables: how both sides were measured, what decided, what to do next.

use super::baseline;
use super::change::interval;
use super::change_reason::decisive_end;
use super::clock_note::clock_note;
use super::comparison::{both_sides, cannot_compare, dependence, dependences};
use super::comparison_headline::largest_change;
use super::endpoint::noun;
use super::next_step::next_step;
use super::note::note;
use super::screen_notes::{ScreenNote, guard_of, overhead_of};
use super::turns::no_pairs;
use super::{instrument, run};
use crate::judge::comparison::{Comparison, Dependence};
use crate::judge::gate::{ChangeReason, Finding, FindingReason, Scope, Severity};
use crate::printable::one_line;
use crate::report::comparison::shown;
use crate::report::comparison_report::{ComparisonReport, TurnsReport};
use crate::report::figures::thousands;
use crate::report::model::Report;
use crate::report::note::Note;
use crate::report::style::Verbosity;
use crate::run::recording::TimeBase;
use crate::run::run_file::RunEnd;
use crate::stats::rank::Quantile;
use crate::units::Pretty;
use crate::verdict::Verdict;

/// `before.json → after.json`, `600 requests each`, `drift not controlled`; of `ab` its blocks.
pub(in crate::report) fn comparison_facts(
    report: &Report,
    whole: &ComparisonReport,
) -> Vec<String> {
    let mut facts = Vec::new();
    match &whole.turns {
        Some(turns) => facts.extend(of_blocks(turns, &whole.comparisons)),
        None => {
            facts.push(report.title.clone());
            facts.extend(counts(&whole.comparisons));
        }
    }
    if report.findings.is_empty() {
        facts.push("no gates".to_owned());
    } else if !report
        .findings
        .iter()
        .any(|f| f.severity() == Severity::Decides)
    {
        facts.push("no verdict: all gates only warn".to_owned());
    }
    for note in &report.notes {
        match note {
            Note::DriftNotControlled => facts.push("drift not controlled".to_owned()),
            Note::SidesOfAb => facts.push("both sides of one ab".to_owned()),
            Note::NoPlan => facts.push("plans not checked".to_owned()),
            _ => {}
        }
    }
    if report.runs.iter().any(|run| run.ended != RunEnd::Complete) {
        facts.push("interrupted".to_owned());
    }
    facts
        .iter()
        .map(|fact| one_line(fact).into_owned())
        .collect()
}

/// `ab: 12 blocks of 10 s, order before-after-after-before`, `1,200 per side`.
fn of_blocks(turns: &TurnsReport, comparisons: &[Comparison]) -> Vec<String> {
    let planned = match turns.pairs_planned {
        planned if planned == turns.pairs => String::new(),
        planned => format!(" of {}", thousands(2 * planned)),
    };
    let mut facts = vec![format!(
        "ab: {}{planned} blocks of {}, order before-after-after-before",
        thousands(2 * turns.pairs),
        Pretty(turns.block)
    )];
    facts.extend(match same_counts(comparisons) {
        Some(each) => vec![format!("{} per side", thousands(each))],
        None => counts(comparisons),
    });
    if turns.same {
        facts.push("A/A: the same URL and headers on both sides".to_owned());
    }
    facts
}

/// `600 requests each`; `600 requests before, 580 after`; endpoints are named where they differ.
fn counts(comparisons: &[Comparison]) -> Vec<String> {
    if let ([first, ..], Some(each)) = (comparisons, same_counts(comparisons)) {
        let noun = noun(first.clocks.after);
        return vec![format!("{} {noun} each", thousands(each))];
    }
    match comparisons {
        [only] => vec![both_sides(only)],
        several => several
            .iter()
            .map(|c| format!("{}: {}", c.endpoint, both_sides(c)))
            .collect(),
    }
}

/// The number of requests of every side of every endpoint, where it is the same.
fn same_counts(comparisons: &[Comparison]) -> Option<u64> {
    let first = comparisons.first()?;
    let (each, noun_of) = (first.planned.before, noun(first.clocks.before));
    let is_same = |c: &Comparison| {
        let planned = [c.planned.before, c.planned.after];
        let nouns = [c.clocks.before, c.clocks.after].map(noun);
        planned == [each; 2] && nouns == [noun_of; 2]
    };
    comparisons.iter().all(is_same).then_some(each)
}

/// The findings on two runs that make the verdict: their rows are marked.
pub(in crate::report) fn deciding_changes(report: &Report) -> Vec<&Finding> {
    let verdict = report.verdict();
    let findings = report.findings.iter();
    findings
        .filter(|f| f.gate.condition.scope() == Scope::TwoRuns)
        .filter(|f| f.severity() == Severity::Decides && Some(f.verdict) == verdict)
        .filter(|f| mark(f).is_some())
        .collect()
}

/// `the reduction is at least 98.7% (needed: 70%)`.
fn mark(finding: &Finding) -> Option<String> {
    match &finding.reason {
        FindingReason::Change(reason) => decisive_end(finding, reason),
        FindingReason::Baseline(reason) => baseline::decisive_end(finding, reason),
        _ => None,
    }
}

/// `* decided the gate: the reduction is at least 98.7% (needed: 70%)`; of several gates, each with its row's name.
pub(in crate::report) fn mark_lines(report: &Report) -> Vec<String> {
    let marked = deciding_changes(report);
    let line = |finding: &&Finding| {
        let quantile = finding.gate.condition.quantile()?;
        let decided = match finding.verdict {
            Verdict::Inconclusive | Verdict::NotJudged => "leaves the gate open",
            Verdict::Pass | Verdict::Fail => "decided the gate",
        };
        let which = match marked.len() {
            1 => String::new(),
            _ => format!("{} {quantile} ", finding.endpoint),
        };
        Some(format!("* {which}{decided}: {}", mark(finding)?))
    };
    marked.iter().filter_map(line).collect()
}

/// Percentiles of the table, and P99.9, that have no interval.
pub(in crate::report) fn lacks(report: &Report, verbosity: Verbosity) -> Vec<String> {
    let comparisons = report.comparisons().iter();
    let shown = comparisons.flat_map(|c| shown(report, c, verbosity));
    let mut quantiles: Vec<Quantile> = shown.map(|change| change.quantile).collect();
    quantiles.push(Quantile::P999);
    quantiles.sort_unstable();
    quantiles.dedup();
    let lines = quantiles.into_iter();
    lines.filter_map(|q| cannot_compare(report, q)).collect()
}

/// `interval: wider of all-request (−42 to −33%) and 6 pairs (−44 to −31%)`: of the change that a gate is about, else of
/// the largest.
pub(in crate::report) fn pair_line(report: &Report, comparison: &Comparison) -> Option<String> {
    let turns = report.comparison.as_ref()?.turns?;
    let gated = report
        .findings
        .iter()
        .find(|f| f.endpoint == comparison.endpoint && f.gate.condition.scope() == Scope::TwoRuns);
    let gated = gated.and_then(|f| f.gate.condition.quantile());
    let change = match gated {
        Some(quantile) => comparison.changes.iter().find(|c| c.quantile == quantile),
        None => largest_change(report, comparison),
    }?;
    let candidates = change.candidates?;
    let profile = interval(candidates.profile().ratio);
    Some(match candidates.paired() {
        Ok(paired) => format!(
            "interval: wider of all-request ({profile}) and {} pairs ({})",
            thousands(turns.pairs),
            interval(paired.ratio)
        ),
        Err(missing) => format!(
            "interval: all-request alone ({profile}): {}",
            no_pairs(missing)
        ),
    })
}

/// What to do about every verdict that is not PASS, and about drift.
pub(in crate::report) fn comparison_next(report: &Report) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let verdict = report.verdict();
    let open = report.findings.iter().filter(|f| {
        f.severity() == Severity::Decides
            && f.verdict != Verdict::Pass
            && Some(f.verdict) == verdict
    });
    let steps = open.filter_map(|f| step(report, f));
    for line in steps {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    if report.notes.contains(&Note::DriftNotControlled) {
        lines.push("to rule out drift: a7probe ab --before URL --after URL".to_owned());
    }
    lines
}

fn step(report: &Report, finding: &Finding) -> Option<String> {
    let FindingReason::Change(ChangeReason::Unresolved(lack)) = &finding.reason else {
        return next_step(finding);
    };
    let needed = lack.samples_needed;
    let turns = report.comparison.as_ref().and_then(|whole| whole.turns);
    Some(match turns {
        Some(turns) => {
            let fewest = lack.samples_before.min(lack.samples_after);
            let pairs = (turns.pairs * needed).div_ceil(fewest.max(1));
            format!("measure more blocks: --pairs {}", pairs.next_multiple_of(2))
        }
        // What a file lacks stands in the line on its percentile.
        None if report.runs.is_empty() => return None,
        None => format!("measure both sides again: -n {needed}"),
    })
}

/// What must be known to read the numbers, a few words each; in full also how each run was made.
pub(in crate::report) fn comparison_notes(
    report: &Report,
    verbosity: Verbosity,
) -> Vec<ScreenNote> {
    let mut notes: Vec<ScreenNote> = Vec::new();
    notes.extend(guard_of(report));
    let is_said = !notes.is_empty() && verbosity != Verbosity::Full;
    let of_intervals = bursts(report).into_iter();
    notes.extend(of_intervals.filter(|note| !is_said || note.short.as_deref() != Some(ALLOWS)));
    let comparisons = report.comparisons().iter();
    let mut clocks = comparisons.flat_map(|c| [c.clocks.before, c.clocks.after]);
    let closed = clocks.find(|clock| *clock == TimeBase::Send);
    notes.extend(closed.and_then(clock_note).map(|long| ScreenNote {
        short: Some("closed model, service time only".to_owned()),
        long: long.to_owned(),
    }));
    notes.extend(overheads(report));
    let in_full = |long: String| ScreenNote { short: None, long };
    if verbosity == Verbosity::Full {
        notes.extend(report.runs.iter().map(run).map(in_full));
        let certificates = report.runs.iter().filter_map(instrument::certificate);
        notes.extend(certificates.map(in_full));
    }
    let own = report.notes.iter();
    let is_short = |n: &&Note| matches!(n, Note::Import { .. } | Note::RampNotCompared { .. });
    let own = own.filter(|n| verbosity == Verbosity::Full || is_short(n));
    notes.extend(own.flat_map(note).map(in_full));
    for note in &mut notes {
        note.long = one_line(&note.long).into_owned();
    }
    notes
}

/// One note where both runs say the same in short, else one each.
fn overheads(report: &Report) -> Vec<ScreenNote> {
    let runs = report.runs.iter();
    let mut notes: Vec<ScreenNote> = runs
        .map(|run| {
            let ScreenNote { short, long } = overhead_of(run);
            let long = format!("{}: {long}", run.label);
            ScreenNote { short, long }
        })
        .collect();
    if let [before, after] = notes.as_mut_slice() {
        if before.short == after.short {
            before.long = format!("{}; {}", before.long, after.long);
            notes.truncate(1);
        } else {
            for (note, label) in [(before, "before"), (after, "after")] {
                note.short = note.short.take().map(|short| format!("{short} {label}"));
            }
        }
    }
    notes
}

/// What the note on the verdicts says of intervals too.
const ALLOWS: &str = "intervals allow for slow spells";

/// How intervals of changes allow for slow spells.
fn bursts(report: &Report) -> Vec<ScreenNote> {
    let sides = dependences(report);
    let short = if sides.contains(&Dependence::Ignored) {
        "requests treated as independent (--iid)"
    } else if sides.contains(&Dependence::Unknown) {
        "order unknown, requests treated as independent"
    } else {
        ALLOWS
    };
    let words = dependence(report).into_iter();
    words
        .map(|long| ScreenNote {
            short: Some(short.to_owned()),
            long,
        })
        .collect()
}
