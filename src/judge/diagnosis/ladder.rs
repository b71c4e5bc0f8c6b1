//! Targets so close to each other that the exceedance bits of all of them give each latency, in order and in constant
//! memory.

use std::time::Duration;

use crate::run::recording::Recording;

/// The lowest rung.
const LOWEST: Duration = Duration::from_micros(250);

/// Rungs an octave.
const PER_OCTAVE: i32 = 4;

/// From 250 µs to 16 s.
const RUNGS: i32 = 16 * PER_OCTAVE + 1;

/// The rungs, ascending, four an octave from 250 µs to 16 s.
pub(crate) fn ladder() -> Vec<Duration> {
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

/// The rung below one, in ns; zero below the lowest and infinite above the top.
pub(super) fn rung_below(rung_ns: f64) -> f64 {
    if rung_ns <= LOWEST.as_nanos() as f64 {
        0.0
    } else {
        rung_ns / 2f64.powf(1.0 / f64::from(PER_OCTAVE))
    }
}

/// Each request's latency without our send lag, in ns and in order, at the precision of the ladder: the rung
/// that it does not exceed. What did not end ok is +∞; what failed or was not sent for a cause on this side is left out.
pub(super) fn series(recording: &Recording) -> Vec<f64> {
    let mut series = vec![0.0f64; recording.planned() as usize];
    for exceedances in &recording.exceedances {
        let next = next_above(recording, exceedances.target);
        for (latency, above) in series.iter_mut().zip(exceedances.certain.iter()) {
            *latency = if above {
                next
            } else if *latency == 0.0 {
                exceedances.target.as_nanos() as f64
            } else {
                *latency
            };
        }
    }
    let ours = recording.client.iter().chain(std::iter::repeat(false));
    let kept = series.into_iter().zip(ours).filter(|(_, ours)| !ours);
    kept.map(|(latency, _)| latency).collect()
}

fn next_above(recording: &Recording, target: Duration) -> f64 {
    let targets = recording.exceedances.iter().map(|e| e.target);
    let next = targets.filter(|other| *other > target).min();
    next.map_or(f64::INFINITY, |next| next.as_nanos() as f64)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ladder, series};
    use crate::run::recording::{Recording, TimeBase};
    use crate::run::sample::{FailureKind, Outcome, Phases, Sample};

    fn sample(index: u64, outcome: Outcome) -> Sample {
        let start_ns = index * 50_000_000;
        Sample {
            index,
            intended_start_ns: Some(start_ns),
            dispatched_ns: start_ns,
            sent_ns: Some(start_ns),
            finished_ns: start_ns + 40_000_000,
            outcome,
            status: None,
            connection: None,
            phases: Phases::default(),
            body_bytes: 0,
            server_timing: Vec::new(),
        }
    }

    #[test]
    fn what_was_never_sent_or_failed_here_has_no_latency() {
        let mut recording = Recording::new(TimeBase::IntendedStart, &ladder());
        let outcomes = [
            Outcome::Ok,
            Outcome::Unsent,
            Outcome::Failed(FailureKind::Client),
            Outcome::Timeout,
            Outcome::Unsent,
        ];
        for (index, outcome) in (0..).zip(outcomes) {
            recording.add(&sample(index, outcome));
        }
        let series = series(&recording);
        assert_eq!(series.len(), 2, "{series:?}");
        let rung = Duration::from_nanos(series[0] as u64);
        assert!(
            (Duration::from_millis(40)..Duration::from_millis(48)).contains(&rung),
            "{rung:?}"
        );
        assert_eq!(series[1], f64::INFINITY);
    }
}
