//! Targets so close to each other that the exceedance bits of all of them give each latency, in order and in constant
//! memory.

use std::time::Duration;

use crate::recording::Recording;

/// The lowest rung.
const LOWEST: Duration = Duration::from_micros(250);

/// Rungs an octave.
const PER_OCTAVE: i32 = 4;

/// From 250 µs to 16 s.
const RUNGS: i32 = 16 * PER_OCTAVE + 1;

/// The rungs, ascending, four an octave from 250 µs to 16 s.
pub fn ladder() -> Vec<Duration> {
    let rung = |i: i32| LOWEST.mul_f64(2f64.powf(f64::from(i) / f64::from(PER_OCTAVE)));
    (0..RUNGS).map(rung).collect()
}

/// The lowest rung at or above a latency in ns; the top one above all.
pub(super) fn rung_above(latency_ns: f64) -> Duration {
    let rungs = ladder();
    let found = rungs
        .iter()
        .find(|rung| rung.as_nanos() as f64 >= latency_ns);
    *found.unwrap_or(&rungs[rungs.len() - 1])
}

/// Each planned request's latency without our send lag, in ns and in order, at the precision of the ladder: the rung
/// that it does not exceed. What did not end ok, and not for a cause on this side, is +∞.
pub(super) fn series(recording: &Recording) -> Vec<f64> {
    let mut series = vec![0.0f64; recording.planned() as usize];
    for exceedances in &recording.exceedances {
        let next = next_above(recording, exceedances.target);
        for (latency, above) in series.iter_mut().zip(exceedances.certain.iter()) {
            *latency = match above {
                true => next,
                false if *latency == 0.0 => exceedances.target.as_nanos() as f64,
                false => *latency,
            };
        }
    }
    series
}

fn next_above(recording: &Recording, target: Duration) -> f64 {
    let targets = recording.exceedances.iter().map(|e| e.target);
    let next = targets.filter(|other| *other > target).min();
    next.map_or(f64::INFINITY, |next| next.as_nanos() as f64)
}
