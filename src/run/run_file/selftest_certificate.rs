//! The result of `a7probe selftest`: a file of its own, and a part of the runs that name it.

use std::fs::File;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::difference::{MachineDifference, MachineFact};
use super::{Calibration, Environment, read_bounded};

/// What the files are called: a name and a major version.
const FORMAT: &str = "a7probe.selftest/1";

/// Measured against true, scenario by scenario.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Certificate"))]
pub struct SelftestCertificate {
    /// `a7probe.selftest/1`.
    pub format: String,
    /// When the test began, RFC 3339 in UTC.
    pub started_at: String,
    /// Whether the short test ran (`--quick`).
    pub quick: bool,
    /// The machine and the version that were tested.
    pub environment: Environment,
    /// The calibration just before the test.
    pub calibration: Calibration,
    /// The compared figure.
    pub checks: Vec<SelftestCheck>,
}

/// One figure, true and measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[cfg_attr(test, schemars(rename = "Check"))]
pub struct SelftestCheck {
    /// The scenario of the scripted server: `delay 50 ms`.
    pub scenario: String,
    /// `P95`, `share > 20 ms`.
    pub figure: String,
    /// Unit of the numbers.
    pub unit: CheckUnit,
    /// The true value, by the server's clock or by the law of its script.
    #[serde(rename = "true")]
    pub truth: f64,
    /// The measured value.
    pub measured: f64,
    /// Largest allowed difference of the two.
    pub tolerance: f64,
}

/// Unit of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
#[cfg_attr(test, schemars(rename = "Unit"))]
pub enum CheckUnit {
    /// Milliseconds.
    Ms,
    /// Requests.
    Requests,
}

/// Why a file is not a certificate of this instrument.
#[derive(Debug, thiserror::Error)]
pub enum SelftestCertificateError {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// Something else is in it.
    #[error("it is not a certificate of a7probe selftest: {0}")]
    Foreign(String),
    /// Of another version, whose errors say nothing about this one.
    #[error("it was made by a7probe {found}, and this is {here}")]
    Version {
        /// Which one it is of.
        found: String,
        /// This one.
        here: String,
    },
    /// The test was not passed.
    #[error("{failed} of its {all} checks are out of tolerance")]
    Failing {
        /// Failed checks.
        failed: usize,
        /// All checks.
        all: usize,
    },
}

impl SelftestCheck {
    /// Measured less true.
    pub fn error(&self) -> f64 {
        self.measured - self.truth
    }

    /// Whether the difference of the two is within the tolerance.
    pub(crate) fn is_within(&self) -> bool {
        self.error().abs() <= self.tolerance
    }
}

impl SelftestCertificate {
    /// Of checks that were just made here.
    pub fn new(
        started_at: Timestamp,
        quick: bool,
        calibration: Calibration,
        checks: Vec<SelftestCheck>,
    ) -> SelftestCertificate {
        SelftestCertificate {
            format: FORMAT.to_owned(),
            started_at: started_at.to_string(),
            quick,
            environment: Environment::here(),
            calibration,
            checks,
        }
    }

    /// Whether every figure is within its tolerance, and there is one.
    pub fn passes(&self) -> bool {
        !self.checks.is_empty() && self.checks.iter().all(SelftestCheck::is_within)
    }

    /// Reads what `selftest --save` wrote.
    ///
    /// # Errors
    /// If it is not one, is of another version of a7probe, or was not passed.
    pub fn load(path: &Path) -> Result<SelftestCertificate, SelftestCertificateError> {
        let bytes = read_bounded(File::open(path)?, 0)
            .map_err(|error| SelftestCertificateError::Foreign(error.to_string()))?;
        let certificate: SelftestCertificate = serde_json::from_slice(&bytes)
            .map_err(|error| SelftestCertificateError::Foreign(error.to_string()))?;
        certificate.accepted(&Environment::here())
    }

    /// The certificate, if it applies to the instrument of this environment.
    fn accepted(self, here: &Environment) -> Result<SelftestCertificate, SelftestCertificateError> {
        self.vouches_for(here)?;
        Ok(self)
    }

    /// Whether it applies to the instrument of an environment.
    pub(super) fn vouches_for(&self, run: &Environment) -> Result<(), SelftestCertificateError> {
        if self.format != FORMAT {
            return Err(SelftestCertificateError::Foreign(format!(
                "its format is '{}'",
                self.format
            )));
        }
        if self.environment.a7probe != run.a7probe {
            return Err(SelftestCertificateError::Version {
                found: self.environment.a7probe.clone(),
                here: run.a7probe.clone(),
            });
        }
        if !self.passes() {
            let failed = self.checks.iter().filter(|check| !check.is_within());
            return Err(SelftestCertificateError::Failing {
                failed: failed.count(),
                all: self.checks.len(),
            });
        }
        Ok(())
    }

    /// The facts that distinguish the machine that was tested from that of a run; none if it may be the same.
    pub fn differences(&self, run: &Environment) -> Vec<MachineDifference> {
        let tested = &self.environment;
        let facts = [
            (MachineFact::Processor, tested.cpu.clone(), run.cpu.clone()),
            (MachineFact::System, tested.os.clone(), run.os.clone()),
            (
                MachineFact::Cores,
                tested.cores.to_string(),
                run.cores.to_string(),
            ),
        ];
        let differing = facts.into_iter().filter(|(_, there, here)| there != here);
        differing
            .map(|(fact, certified, here)| MachineDifference {
                fact,
                certified,
                here,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{
        Calibration, CheckUnit, Environment, SelftestCertificate, SelftestCertificateError,
        SelftestCheck,
    };

    fn check(measured: f64) -> SelftestCheck {
        SelftestCheck {
            scenario: "delay 50 ms".to_owned(),
            figure: "P50".to_owned(),
            unit: CheckUnit::Ms,
            truth: 50.0,
            measured,
            tolerance: 0.25,
        }
    }

    fn certificate(checks: Vec<SelftestCheck>) -> SelftestCertificate {
        let now = "2026-01-02T03:04:05Z".parse().unwrap();
        SelftestCertificate::new(now, true, Calibration::Skipped, checks)
    }

    #[test]
    fn a_figure_may_be_off_by_its_tolerance_on_either_side() {
        for (measured, within) in [(50.25, true), (49.75, true), (50.26, false), (49.74, false)] {
            assert_eq!(check(measured).is_within(), within, "{measured}");
            assert_eq!(
                certificate(vec![check(50.0), check(measured)]).passes(),
                within
            );
        }
        assert!(!certificate(Vec::new()).passes());
    }

    #[test]
    fn another_version_and_a_failing_test_are_refused() {
        let here = Environment::here();
        assert!(certificate(vec![check(50.1)]).accepted(&here).is_ok());
        let mut other = here.clone();
        other.a7probe = "0.0.1".to_owned();
        let refused = certificate(vec![check(50.1)]).accepted(&other).unwrap_err();
        assert!(
            matches!(refused, SelftestCertificateError::Version { .. }),
            "{refused}"
        );
        let refused = certificate(vec![check(50.1), check(51.0)])
            .accepted(&here)
            .unwrap_err();
        assert_eq!(
            refused.to_string(),
            "1 of its 2 checks are out of tolerance"
        );
    }

    #[test]
    fn another_machine_is_named_and_this_one_is_not() {
        let mut other = Environment::here();
        let certificate = certificate(vec![check(50.1)]);
        assert!(certificate.differences(&other).is_empty());
        other.cpu = "Another CPU".to_owned();
        other.cores += 1;
        let differences = certificate.differences(&other);
        assert_eq!(differences.len(), 2);
        assert_eq!(differences[0].here, "Another CPU");
    }
}
