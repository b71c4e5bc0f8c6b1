//! Why the instrument could not be calibrated, in words.

use std::fmt;

use crate::run::run_file::CalibrationFailure;

impl fmt::Display for CalibrationFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CalibrationFailure::Requests { not_ok, planned } => write!(
                f,
                "{not_ok} of {planned} requests to the null server on loopback did not end ok"
            ),
            CalibrationFailure::Stated(text) => f.write_str(text),
        }
    }
}
