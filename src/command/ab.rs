//! `a7probe ab`: resolve, preflight, measure both sides interleaved, compare, judge, save, report.

mod blocks;
mod plan_text;

use std::io::Write;

use anyhow::Context as _;

use super::measuring::{
    Calibrating, CalibrationTask, Measurement, Measuring, PendingCalibration, Preflight, RunOptions,
};
use super::verdict_exit::verdict_exit;
use super::{before_run, compare, signals, writable};
use crate::cli::ab::AbArgs;
use crate::cli::resolve::{self, Ab, Sameness};
use crate::cli::run_setup::{Intent, Precheck};
use crate::exit::Exit;
use crate::judge::comparison::{self, Comparison, Pair, Side, SideName};
use crate::judge::gate::{self, StopRule, Subject};
use crate::printable::Shown as _;
use crate::report::{
    ComparisonReport, EndpointReport, Note, Report, ReportKind, SavedRunLink, TurnsReport,
};
use crate::run::plan::{Design, Plan};
use crate::run::recording::Recording;
use crate::run::run_file::{Gating, Run, SelftestCertificate, SideRecord, Signal, TurnsRecord};
use blocks::Blocks;

/// Measures both sides interleaved and publishes how they differ.
///
/// # Errors
/// The arguments contradict each other, a side that does not answer, an output that cannot be written.
pub fn run(args: &AbArgs, stdout: &mut dyn Write, stderr: &mut dyn Write) -> anyhow::Result<Exit> {
    if args.measure.run.base.intent() == Intent::Show {
        return plan_text::show(args, stdout);
    }
    let mut ab = resolve::ab(args)?;
    ab.setup.output.check_formats("ab")?;
    let files = ab.save.before.iter().chain(&ab.save.after);
    writable::check_outputs(files, &ab.setup.output)?;
    let certificate = before_run::certificate(ab.setup.certificate.as_deref())?;
    let measuring = Measuring::new(ab.setup.console(), None)?;
    // It begins before the preflight, which may change the version of HTTP.
    let planned = ab.plans.before.clone();
    let calibration = measuring.calibration(ab.setup.calibration, &planned);
    if let Some(signal) = preflight(&mut ab, &measuring, stderr)? {
        return Ok(signals::exit(signal));
    }
    let ab = ab;
    let calibration = match calibrations(&ab, calibration, &measuring, stderr)? {
        Ok(calibration) => calibration,
        Err(signal) => return Ok(signals::exit(signal)),
    };
    let own_errors = Pair {
        before: calibration.before.own_error(),
        after: calibration.after.own_error(),
    };
    let blocks = Blocks::measure(&ab, &measuring, own_errors)?;
    if blocks.pairs.is_empty() {
        writeln!(
            stderr,
            "interrupted before the first pair of blocks was complete: nothing to compare"
        )?;
        return Ok(measuring
            .signals
            .received()
            .map_or(Exit::Error, signals::exit));
    }
    let instrument = InstrumentRecord {
        calibration: &calibration,
        certificate: certificate.as_ref(),
    };
    let runs = runs(&ab, &measuring, instrument, &blocks);
    let mut report = report(&ab, &runs, &blocks)?;
    report.inconclusive = args.measure.rules.inconclusive.policy();
    let cut_by = || measuring.signals.received().filter(|_| blocks.is_cut(&ab));
    report.interrupted_by = cut_by();
    for (label, path) in [("before", &ab.save.before), ("after", &ab.save.after)] {
        let link = path.iter().map(|path| SavedRunLink::new(label, path));
        report.saved.extend(link);
    }
    // A file that cannot be written must not cost the result, nor the other way round.
    let saved = save(&ab, &runs, stderr);
    ab.setup.output.publish(&report, stdout, stderr)?;
    saved?;
    let exit = verdict_exit(&report, stderr)?;
    Ok(match cut_by() {
        Some(signal) => exit.worst(signals::exit(signal)),
        None => exit,
    })
}

/// Both sides, before the first block.
fn preflight(
    ab: &mut Ab,
    measuring: &Measuring,
    stderr: &mut dyn Write,
) -> anyhow::Result<Option<Signal>> {
    if ab.setup.preflight == Precheck::Skip {
        return Ok(None);
    }
    let patience = ab.setup.wait_ready;
    let mut asked = |side: SideName, plan: &mut Plan| {
        let asked = measuring.preflight_of_any_version(plan, Some(side), patience, stderr);
        asked.with_context(|| format!("the side {}", side.as_str()))
    };
    let Pair { before, after } = &mut ab.plans;
    for (side, plan) in [(SideName::Before, before), (SideName::After, after)] {
        if let Preflight::Interrupted(signal) = asked(side, plan)? {
            return Ok(Some(signal));
        }
    }
    ab.sameness = Sameness::of(&ab.plans);
    Ok(None)
}

/// The measurement overhead of each side. It is the same for both unless they speak different versions of HTTP: what is
/// sent is the same.
fn calibrations<'a>(
    ab: &'a Ab,
    begun: CalibrationTask<'a>,
    measuring: &'a Measuring,
    stderr: &mut dyn Write,
) -> anyhow::Result<Result<Pair<PendingCalibration>, Signal>> {
    let Pair { before, after } = &ab.plans;
    let asked = ab.setup.calibration;
    let task = if begun.is_over(before.connections.version) {
        begun
    } else {
        begun.replaced(asked, before)
    };
    let own = match task.ready(stderr)? {
        Calibrating::Ready(own) => own,
        Calibrating::Interrupted(signal) => return Ok(Err(signal)),
    };
    if before.connections.version == after.connections.version {
        let other = own.clone();
        return Ok(Ok(Pair {
            before: own,
            after: other,
        }));
    }
    // One after the other, so that they do not disturb each other.
    own.result();
    Ok(match measuring.calibration(asked, after).ready(stderr)? {
        Calibrating::Ready(other) => Ok(Pair {
            before: own,
            after: other,
        }),
        Calibrating::Interrupted(signal) => Err(signal),
    })
}

/// What is known of the instrument that measured both sides.
#[derive(Clone, Copy)]
struct InstrumentRecord<'a> {
    calibration: &'a Pair<PendingCalibration>,
    certificate: Option<&'a SelftestCertificate>,
}

/// Each side as one run, and what its reader should know about it.
fn runs(
    ab: &Ab,
    measuring: &Measuring,
    instrument: InstrumentRecord<'_>,
    blocks: &Blocks,
) -> Pair<Measurement> {
    let gates = ab.on_one_run();
    let calibration = instrument.calibration;
    let whole = |side: SideRecord| {
        let (plan, ids, calibration) = match side {
            SideRecord::Before => (&ab.plans.before, blocks.ids.before, &calibration.before),
            SideRecord::After => (&ab.plans.after, blocks.ids.after, &calibration.after),
        };
        let options = RunOptions {
            gates: &gates,
            guard: ab.guard,
            design: Design::Fixed,
            stop_rule: StopRule::Decided,
            gating: Gating::Gates,
            abort_on: &[],
            calibration,
            certificate: instrument.certificate,
            shard: None,
            audit: None,
        };
        let measured = blocks.whole(side, ab.block);
        let mut measurement = measuring.of_blocks(plan, &options, ids, measured);
        measurement.run.turns = Some(TurnsRecord {
            id: blocks.ids.before.run,
            side,
            pairs: blocks.pairs.len() as u64,
            block: ab.block,
            settle: plan.warmup,
        });
        measurement
    };
    Pair {
        before: whole(SideRecord::Before),
        after: whole(SideRecord::After),
    }
}

fn report(ab: &Ab, runs: &Pair<Measurement>, blocks: &Blocks) -> anyhow::Result<Report> {
    let title = format!(
        "{} → {}",
        runs.before.run.plan.target, runs.after.run.plan.target
    );
    let mut report = Report::new(ReportKind::Ab, title);
    for (role, side) in [("before", &runs.before), ("after", &runs.after)] {
        report.add_compared_run(role, &side.run);
        let warnings = side.warnings.iter().cloned();
        report
            .warnings
            .extend(warnings.map(|warning| warning.labelled(role)));
    }
    let comparisons = comparisons(ab, runs, blocks);
    // Gates on one run are about the side after.
    let subjects = Subject::of_run(&runs.after.run);
    gate::check_recorded(&ab.on_one_run(), &subjects)?;
    report.findings = compare::findings(&ab.gates, &subjects, &comparisons);
    let (before, after) = (runs.before.run.ended, runs.after.run.ended);
    compare::withhold_from_cut_runs(&mut report.findings, before, after);
    report.notes = notes(ab, blocks, &report);
    let (before, after) = (&runs.before.run.plan, &runs.after.run.plan);
    report.notes.extend(Note::of_protocols(before, after));
    report.comparison = Some(ComparisonReport {
        noise: ab.noise,
        comparisons,
        audits: Vec::new(),
        sides: sides(runs),
        turns: Some(TurnsReport {
            pairs: blocks.pairs.len() as u64,
            pairs_planned: ab.pairs,
            block: ab.block,
            settle: ab.plans.before.warmup,
            same: ab.sameness == Sameness::Same,
        }),
    });
    Ok(report)
}

/// Both runs of every endpoint.
fn sides(runs: &Pair<Measurement>) -> Vec<Pair<EndpointReport>> {
    let of = |run: &Run, number: usize| {
        let endpoint = &run.endpoints[number];
        EndpointReport::of_run(&endpoint.name, &endpoint.recording, &run.plan)
    };
    let numbers = 0..runs.after.run.endpoints.len();
    let sides = numbers.map(|number| Pair {
        before: of(&runs.before.run, number),
        after: of(&runs.after.run, number),
    });
    sides.collect()
}

fn comparisons(ab: &Ab, runs: &Pair<Measurement>, blocks: &Blocks) -> Vec<Comparison> {
    let quantiles = comparison::quantiles(&ab.gates);
    let endpoints = ab.plans.after.endpoints.iter().enumerate();
    endpoints
        .map(|(number, endpoint)| {
            let sides = Pair {
                before: side(&runs.before.run, number),
                after: side(&runs.after.run, number),
            };
            let pairs: Vec<Pair<&Recording>> = blocks.of_endpoint(number).collect();
            comparison::compare_in_turns(&endpoint.name, sides, &pairs, &quantiles, &ab.noise)
        })
        .collect()
}

fn side(run: &Run, number: usize) -> Side<'_> {
    Side {
        recording: &run.endpoints[number].recording,
        timeout: Some(run.plan.timeout),
        guard: run.judging.guard(),
    }
}

/// How it was measured, and what that makes of the numbers.
fn notes(ab: &Ab, blocks: &Blocks, report: &Report) -> Vec<Note> {
    let pairs = blocks.pairs.len() as u64;
    let mut notes = vec![Note::Blocks {
        pairs,
        planned: ab.pairs,
        block: ab.block,
        settle: ab.plans.before.warmup,
    }];
    if ab.sameness == Sameness::Same {
        notes.push(Note::SameSides);
    }
    let mut findings = report.findings.iter();
    if findings.any(|finding| finding.episodes.is_some()) && pairs > 1 {
        notes.push(Note::EpisodesAcrossBlocks);
    }
    if report.findings.is_empty() {
        notes.push(Note::NoGates);
    }
    notes
}

fn save(ab: &Ab, runs: &Pair<Measurement>, stderr: &mut dyn Write) -> anyhow::Result<()> {
    let files = [
        (&ab.save.before, &runs.before, &ab.plans.before),
        (&ab.save.after, &runs.after, &ab.plans.after),
    ];
    for (path, side, plan) in files {
        let Some(path) = path else { continue };
        let saved = if ab.setup.save_bodies {
            let mut run = side.run.clone();
            run.plan.keep_bodies(plan);
            run.save(path)
        } else {
            side.run.save(path)
        };
        saved.map_err(|e| super::saved::hinted(&e))?;
        if !ab.setup.output.screen.quiet {
            writeln!(stderr, "saved {}", path.shown())?;
        }
    }
    Ok(())
}
