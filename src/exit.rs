//! Exit codes for pipelines, decided in one place.

use crate::verdict::Verdict;

/// How the process ends. The README's table is tested against [`Exit::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Every gate passed.
    Pass,
    /// A gate failed.
    Fail,
    /// Usage, configuration or internal error.
    Error,
    /// The data do not decide every gate.
    Inconclusive,
    /// The target could not be reached.
    Unreachable,
    /// Ctrl-C; the partial result was saved and marked.
    Interrupted,
    /// SIGTERM; the partial result was saved and marked.
    Terminated,
}

impl Exit {
    /// Every code, in the order of the README's table.
    pub const ALL: [Exit; 7] = [
        Exit::Pass,
        Exit::Fail,
        Exit::Error,
        Exit::Inconclusive,
        Exit::Unreachable,
        Exit::Interrupted,
        Exit::Terminated,
    ];

    /// The number handed to the operating system.
    pub fn code(self) -> u8 {
        match self {
            Exit::Pass => 0,
            Exit::Fail => 1,
            Exit::Error => 2,
            Exit::Inconclusive => 3,
            Exit::Unreachable => 4,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
        }
    }

    /// What the code means, as the README says it.
    pub fn meaning(self) -> &'static str {
        match self {
            Exit::Pass => "every gate passed; `diagnose`: nothing wrong",
            Exit::Fail => "a gate failed; `diagnose`: a likely cause found",
            Exit::Error => "usage, configuration or internal error",
            Exit::Inconclusive => {
                "inconclusive: a gate can be neither passed nor failed; `diagnose`: cannot tell"
            }
            Exit::Unreachable => "service unreachable",
            Exit::Interrupted => "interrupted (Ctrl-C); the partial result is saved and marked",
            Exit::Terminated => "terminated (SIGTERM); the partial result is saved and marked",
        }
    }

    /// The worse of two: an interruption first, then 2 > 4 > 1 > 3 > 0.
    pub fn worst(self, other: Exit) -> Exit {
        if self.severity() >= other.severity() {
            self
        } else {
            other
        }
    }

    fn severity(self) -> u8 {
        match self {
            Exit::Pass => 0,
            Exit::Inconclusive => 1,
            Exit::Fail => 2,
            Exit::Unreachable => 3,
            Exit::Error => 4,
            Exit::Interrupted => 5,
            Exit::Terminated => 6,
        }
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Exit {
        match verdict {
            Verdict::Pass => Exit::Pass,
            Verdict::Fail => Exit::Fail,
            Verdict::Inconclusive | Verdict::NotJudged => Exit::Inconclusive,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
