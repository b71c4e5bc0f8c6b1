//! What a command has to say: its endpoints, findings, warnings and notes, and the verdict over them.

use super::baseline_report::BaselineReport;
use super::comparison_report::ComparisonReport;
use super::diagnosis_report::DiagnosisReport;
use super::endpoint_report::EndpointReport;
use super::note::Note;
use super::run_info::RunInfo;
use super::saved_run_link::SavedRunLink;
use crate::exit::Exit;
use crate::judge::comparison::Comparison;
use crate::judge::gate::{self, Finding};
use crate::judge::warning::Warning;
use crate::judge::warnings;
use crate::run::recording::Recording;
use crate::run::run_file::{Gating, Run, RunEnd, Signal};
use crate::verdict::Verdict;

/// What a command has to say.
#[derive(Clone, Debug)]
pub struct Report {
    /// Which command says it.
    pub kind: ReportKind,
    /// What it is about: a URL, or the files.
    pub title: String,
    /// In the order of the plan or of the command line.
    pub endpoints: Vec<EndpointReport>,
    /// What the gates say, grouped by endpoint.
    pub findings: Vec<Finding>,
    /// What may mislead, and how to fix it; people read them on stderr, files hold them.
    pub warnings: Vec<Warning>,
    /// What must be known to read the numbers.
    pub notes: Vec<Note>,
    /// The runs behind it: one of `measure`, two of `compare` and `ab`, none for latencies of another tool.
    pub runs: Vec<RunInfo>,
    /// Before and after; `compare` and `ab` have it.
    pub comparison: Option<ComparisonReport>,
    /// The saved run that gates were judged against; `measure` and `judge` may have it.
    pub baseline: Option<BaselineReport>,
    /// Root causes; `diagnose` alone has it.
    pub(crate) diagnosis: Option<DiagnosisReport>,
    /// Whether its run was to be judged at all.
    pub gating: Gating,
    /// What INCONCLUSIVE means for the exit code.
    pub inconclusive: InconclusivePolicy,
    /// The signal that ended the command before its work was done, which decides its exit code.
    pub interrupted_by: Option<Signal>,
    /// Files that its runs were saved to; a page leads to them.
    pub saved: Vec<SavedRunLink>,
}

/// What INCONCLUSIVE means for the exit code.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InconclusivePolicy {
    /// Exit code 3.
    #[default]
    Fail,
    /// Exit code 0. A run in which nothing was judged, and one that was aborted, still end with 3.
    Warn,
}

/// Which command a report comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportKind {
    /// `measure`
    Measure,
    /// `judge`
    Judge,
    /// `merge`
    Merge,
    /// `compare`
    Compare,
    /// `ab`
    Ab,
    /// `diagnose`
    Diagnose,
}

impl ReportKind {
    /// The command's word.
    pub fn as_str(self) -> &'static str {
        match self {
            ReportKind::Measure => "measure",
            ReportKind::Judge => "judge",
            ReportKind::Merge => "merge",
            ReportKind::Compare => "compare",
            ReportKind::Ab => "ab",
            ReportKind::Diagnose => "diagnose",
        }
    }
}

impl Report {
    /// A report without endpoints, findings and remarks yet.
    pub fn new(kind: ReportKind, title: impl Into<String>) -> Report {
        Report {
            kind,
            title: title.into(),
            endpoints: Vec::new(),
            findings: Vec::new(),
            warnings: Vec::new(),
            notes: Vec::new(),
            runs: Vec::new(),
            comparison: None,
            baseline: None,
            diagnosis: None,
            gating: Gating::Gates,
            inconclusive: InconclusivePolicy::default(),
            interrupted_by: None,
            saved: Vec::new(),
        }
    }

    /// Adds a run: its plan in brief, its endpoints under their own names, and what warns of itself in it.
    /// The label tells several runs apart.
    pub fn add_run(&mut self, label: &str, run: &Run) {
        self.runs.push(RunInfo::of(label, run));
        self.warnings.extend(warnings::of(label, run));
        self.gating = run.gating;
        self.endpoints.extend(run.endpoints.iter().map(|endpoint| {
            let name = endpoint.name.clone();
            let mut report = EndpointReport::of_run(name, &endpoint.recording, &run.plan);
            report.distribution.started_at = Some(run.started_at);
            report.audit.clone_from(&endpoint.audit);
            report
        }));
    }

    /// Adds latencies that another tool measured, and what warns of itself in them.
    pub fn add_list(&mut self, name: &str, recording: &Recording, source: &str) {
        self.warnings.extend(warnings::of_list(name, recording));
        let endpoint = EndpointReport::of_list(name, recording, source);
        self.endpoints.push(endpoint);
    }

    /// The verdict over the gates that decide. `None` where none was wanted: a run without gates, one whose gates only
    /// warn, a comparison for its table alone.
    pub fn verdict(&self) -> Option<Verdict> {
        let is_judged = self.gating == Gating::Gates && self.findings.is_empty();
        let without = match self.kind {
            ReportKind::Measure | ReportKind::Judge | ReportKind::Merge if is_judged => {
                Some(Verdict::Inconclusive)
            }
            _ => None,
        };
        let of_causes = self.diagnosis.as_ref().map(DiagnosisReport::verdict);
        gate::run_verdict(&self.findings).or(of_causes).or(without)
    }

    /// The exit code of the command.
    pub fn exit(&self) -> Exit {
        let of_verdict = if self.is_let_through() {
            Exit::Pass
        } else {
            self.verdict().map_or(Exit::Pass, Exit::from)
        };
        match self.interrupted_by {
            Some(Signal::Sigint) => of_verdict.worst(Exit::Interrupted),
            Some(Signal::Sigterm) => of_verdict.worst(Exit::Terminated),
            None => of_verdict,
        }
    }

    /// Whether the verdict is INCONCLUSIVE and was asked to end with 0.
    pub(crate) fn is_let_through(&self) -> bool {
        let is_open = self.verdict() == Some(Verdict::Inconclusive) && !self.findings.is_empty();
        let is_aborted = self.runs.iter().any(|run| run.ended == RunEnd::Aborted);
        self.inconclusive == InconclusivePolicy::Warn && is_open && !is_aborted
    }

    /// Adds one of two compared runs: its plan in brief, and what warns of itself in it.
    pub fn add_compared_run(&mut self, label: &str, run: &Run) {
        self.runs.push(RunInfo::of(label, run));
        self.warnings.extend(warnings::of(label, run));
    }

    /// The comparisons, if this is a report of any.
    pub(super) fn comparisons(&self) -> &[Comparison] {
        match &self.comparison {
            Some(comparison) => &comparison.comparisons,
            None => &[],
        }
    }
}
