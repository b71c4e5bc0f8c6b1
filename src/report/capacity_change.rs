//! Two capacity searches, before and after a change.

use crate::exit::Exit;
use crate::judge::capacity::CapacityChange;
use crate::judge::warning::Warning;
use crate::report::capacity_report::CapacityReport;
use crate::verdict::Verdict;

/// Two capacity searches with one goal.
#[derive(Clone, Debug)]
pub struct CapacityChangeReport {
    /// The earlier search.
    pub before: CapacityReport,
    /// The later one.
    pub after: CapacityReport,
    /// What may mislead.
    pub warnings: Vec<Warning>,
}

/// A search with what tells it from another one; empty where there is only one.
#[derive(Clone, Copy, Debug)]
pub(in crate::report) struct LabelledSearch<'a> {
    pub(in crate::report) label: &'a str,
    pub(in crate::report) report: &'a CapacityReport,
}

impl CapacityChangeReport {
    /// What both brackets show together.
    pub fn change(&self) -> CapacityChange {
        self.before.bracket().change_to(&self.after.bracket())
    }

    /// Of the gate on the later search; `None` without one.
    pub fn verdict(&self) -> Option<Verdict> {
        self.after.asked.map(|_| self.after.verdict())
    }

    /// 0 without a gate.
    pub fn exit(&self) -> Exit {
        match self.after.asked {
            Some(_) => self.after.exit(),
            None => Exit::Pass,
        }
    }

    pub(in crate::report) fn sides(&self) -> [LabelledSearch<'_>; 2] {
        [
            LabelledSearch {
                label: "before",
                report: &self.before,
            },
            LabelledSearch {
                label: "after",
                report: &self.after,
            },
        ]
    }
}
