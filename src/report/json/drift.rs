//! Halves and tenths of a run in JSON.

use serde::Serialize;

use crate::judge::summary::{Drift, Parts, RunPosition, RunWindow};
use crate::units::millis;

/// Whether the service changed during the run.
#[derive(Clone, Debug, Serialize)]
pub struct JsonDrift {
    /// The parts that differ: `halves` or `tenths`; `null` if neither does by more than chance and noise, or there are
    /// too few requests.
    pub changed: Option<String>,
    /// The first half and the second; empty where the order is not known.
    pub halves: Vec<JsonRunWindow>,
    /// Ten windows of equal length, or fewer of a short run.
    pub deciles: Vec<JsonRunWindow>,
}

/// A part of a run.
#[derive(Clone, Debug, Serialize)]
pub struct JsonRunWindow {
    /// Where it begins, in seconds since t0; `null` of a list.
    pub from_s: Option<u64>,
    /// Values before it in a list; `null` of a run.
    pub from_value: Option<u64>,
    /// Requests, however they ended.
    pub requests: u64,
    /// Nearest rank over all of them; `null` if it falls among those that did not end ok.
    pub p50_ms: Option<f64>,
    /// The same.
    pub p95_ms: Option<f64>,
}

impl From<&Drift> for JsonDrift {
    fn from(drift: &Drift) -> JsonDrift {
        let changed = drift.change.map(|change| match change.parts {
            Parts::Halves => "halves".to_owned(),
            Parts::Tenths => "tenths".to_owned(),
        });
        JsonDrift {
            changed,
            halves: drift.halves.iter().map(JsonRunWindow::from).collect(),
            deciles: drift.deciles.iter().map(JsonRunWindow::from).collect(),
        }
    }
}

impl From<&RunWindow> for JsonRunWindow {
    fn from(window: &RunWindow) -> JsonRunWindow {
        let (from_s, from_value) = match window.from {
            RunPosition::Second(second) => (Some(second), None),
            RunPosition::Value(value) => (None, Some(value)),
        };
        JsonRunWindow {
            from_s,
            from_value,
            requests: window.requests,
            p50_ms: window.median.map(millis),
            p95_ms: window.p95.map(millis),
        }
    }
}
