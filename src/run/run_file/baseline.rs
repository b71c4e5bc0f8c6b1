//! A saved run that others are judged against, and what their files keep of it.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::bounded::read_bounded;
use super::{Run, RunFileError};
use crate::printable::one_line;
use crate::run::plan::Size;

/// A saved run that another is judged against.
#[derive(Clone, Debug)]
pub struct Baseline {
    /// What tells it from other baselines.
    pub record: BaselineRecord,
    /// The run.
    pub run: Run,
}

/// The baseline that a run was judged against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct BaselineRecord {
    /// Name of its file, without the folder.
    pub file: String,
    /// SHA-256 of its file, in hexadecimal.
    pub sha256: String,
}

impl Baseline {
    /// Reads a saved run.
    ///
    /// # Errors
    /// [`RunFileError`] for everything that is not a whole and consistent run of this major version.
    pub fn load(path: &Path) -> Result<Baseline, RunFileError> {
        let file = File::open(path).map_err(RunFileError::Read)?;
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        let bytes = read_bounded(file, length)?;
        let name = path.file_name().unwrap_or(path.as_os_str());
        Ok(Baseline {
            record: BaselineRecord {
                file: one_line(&name.to_string_lossy()).into_owned(),
                sha256: hexadecimal(&Sha256::digest(&bytes)),
            },
            run: Run::from_json(&bytes)?,
        })
    }

    /// The size of a run that is as large: the planned size, or in an adaptive run the sent requests.
    pub fn size(&self) -> Size {
        let run = &self.run;
        if run.judging.adaptive.is_none() && run.turns.is_none() {
            return run.plan.size.into();
        }
        let counts: Vec<u64> = run
            .endpoints
            .iter()
            .map(|e| e.recording.planned())
            .collect();
        let most = counts.iter().copied().max().unwrap_or(0).max(1);
        if counts.iter().all(|&count| count == most) {
            return Size::Requests(most);
        }
        let rates = run.plan.endpoints.iter().map(|e| e.rate_per_s);
        let times = counts
            .iter()
            .zip(rates)
            .filter_map(|(&count, rate)| Some(count as f64 / rate?.as_per_second()));
        let longest = times.fold(0.0, f64::max);
        if longest > 0.0 {
            Size::Duration(Duration::from_millis((longest * 1e3).ceil() as u64))
        } else {
            Size::Requests(most)
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
