//! Notes under a screen: a few words each where that is enough, the whole sentence with `-v`.

use super::addresses;
use super::baseline::{DRIFT_SHORT, drift_note};
use super::clock_note::clock_note;
use super::notes::{guard_note, is_given, other_notes};
use crate::judge::gate::Finding;
use crate::printable::one_line;
use crate::report::model::Report;
use crate::report::run_info::RunInfo;
use crate::report::text::{instrument, stream_use};
use crate::run::recording::TimeBase;
use crate::run::run_file::Calibration;
use crate::units::{Pretty, trimmed};

/// One note in two lengths.
pub(in crate::report) struct ScreenNote {
    /// `None` where only the sentence says it.
    pub(in crate::report) short: Option<String>,
    pub(in crate::report) long: String,
}

/// What must be known to read the numbers, in the order in which a screen folds it.
pub(in crate::report) fn screen_notes(report: &Report) -> Vec<ScreenNote> {
    let mut notes = Vec::new();
    notes.extend(guard_of(report));
    let mut closed = report.endpoints.iter().map(|e| e.summary.clock);
    let closed = closed.find(|clock| *clock == TimeBase::Send);
    notes.extend(closed.and_then(clock_note).map(|long| ScreenNote {
        short: Some("closed model, service time only".to_owned()),
        long: long.to_owned(),
    }));
    notes.extend(report.baseline.as_ref().map(|baseline| ScreenNote {
        short: Some(DRIFT_SHORT.to_owned()),
        long: drift_note(baseline),
    }));
    notes.extend(report.runs.iter().map(overhead_of));
    notes.extend(report.runs.iter().map(|run| ScreenNote {
        short: Some(format!("seed {}", run.seed)),
        long: super::run(run),
    }));
    let names = report.runs.iter().flat_map(|run| &run.addresses);
    notes.extend(names.map(|name| ScreenNote {
        short: Some(addresses::short(name)),
        long: addresses::long(name),
    }));
    let streams = report.runs.iter().flat_map(|run| &run.streams);
    notes.extend(streams.map(|used| ScreenNote {
        short: Some(stream_use::short(used)),
        long: stream_use::long(used),
    }));
    notes.extend(
        other_notes(report)
            .into_iter()
            .map(|long| ScreenNote { short: None, long }),
    );
    for note in &mut notes {
        note.long = one_line(&note.long).into_owned();
    }
    notes
}

/// What the verdicts say of slow spells.
pub(super) fn guard_of(report: &Report) -> Option<ScreenNote> {
    let long = guard_note(report)?;
    let short = Some(guard(report));
    Some(ScreenNote { short, long })
}

/// `allows for slow spells up to 100 ms`.
fn guard(report: &Report) -> String {
    let guarded = report.findings.iter().filter(|f| f.p_pass.is_some());
    let longest = guarded
        .filter_map(|f: &Finding| Some(f.episodes?.excluded))
        .max();
    let without_rate = report.findings.iter().all(|f| is_given(report, f));
    match longest {
        None => "requests treated as independent (--iid)".to_owned(),
        Some(_) if without_rate => "allows for slow spells of one sample".to_owned(),
        Some(spell) => format!("allows for slow spells up to {}", Pretty(spell)),
    }
}

/// `overhead 0.3 ms`.
pub(super) fn overhead_of(run: &RunInfo) -> ScreenNote {
    let long = instrument::overhead(run);
    match &run.calibration {
        Calibration::Measured(null) => ScreenNote {
            short: Some(format!(
                "overhead {} ms",
                trimmed(null.own_error.as_secs_f64() * 1e3, 2)
            )),
            long,
        },
        Calibration::Unknown | Calibration::Skipped | Calibration::Failed { .. } => ScreenNote {
            short: Some("overhead not measured".to_owned()),
            long,
        },
    }
}
