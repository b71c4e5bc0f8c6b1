//! P95 over the seconds of a run, as one line of small bars.

use std::time::Duration;

use crate::report::figures::LatencyScale;
use crate::report::progress::SecondP95;
use crate::run::recording::{RunInterval, RunIntervals};
use crate::stats::rank::Quantile;
use crate::units::plural;

/// Bars of the line at most.
const BARS: u64 = 40;
/// From nothing to the highest.
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// A part of the run in which P95 failed.
const FAILED: char = '×';
/// A part of the run without requests.
const EMPTY: char = ' ';

/// `P95 per second  ▅▄▄▄▅▆  peak 52.7 ms`; `None` where there are not two intervals to compare.
pub(super) fn line(intervals: &RunIntervals) -> Option<String> {
    let (first, width) = (intervals.first_s()?, intervals.width_s());
    let length = intervals.last_s()? - first + width;
    let per = length.div_ceil(width).div_ceil(BARS).max(1) * width;
    let parts: Vec<SecondP95> = (0..length.div_ceil(per))
        .map(|part| {
            let from = first + part * per;
            of(intervals.between(from, from + per))
        })
        .collect();
    if parts.len() < 2 {
        return None;
    }
    let (bars, peak) = (bars(&parts), peak(&parts));
    let failed = parts.iter().filter(|&&part| part == SecondP95::Failed);
    let failed = failed.count() as u64;
    let unit = match per {
        1 => "second".to_owned(),
        n => format!("{n} s"),
    };
    let mut ends = Vec::new();
    ends.extend(peak.map(|ns| {
        let peak = Duration::from_nanos(ns);
        format!("peak {}", LatencyScale::of([peak]).latency(peak))
    }));
    if failed > 0 {
        ends.push(format!("× failed in {failed} {}", plural(failed, "part")));
    }
    Some(format!("P95 per {unit}  {bars}  {}", ends.join(" · ")))
}

/// One bar a part, up to the highest of them.
pub(super) fn bars(parts: &[SecondP95]) -> String {
    let peak = peak(parts);
    parts.iter().map(|&part| bar(part, peak)).collect()
}

fn peak(parts: &[SecondP95]) -> Option<u64> {
    let values = parts.iter().filter_map(|part| match part {
        SecondP95::Value(ns) => Some(*ns),
        SecondP95::Empty | SecondP95::Failed => None,
    });
    values.max()
}

/// P95 by nearest rank over some seconds; what did not end ok is slower than everything.
fn of<'a>(seconds: impl Iterator<Item = &'a RunInterval>) -> SecondP95 {
    let mut all = RunInterval::default();
    seconds.for_each(|second| all.merge(second));
    let planned = all.ok + all.not_ok;
    let mut rank = Quantile::P95.rank(planned);
    if rank == 0 {
        return SecondP95::Empty;
    }
    for &(floor_ns, count) in all.buckets() {
        if rank <= count {
            return SecondP95::Value(floor_ns);
        }
        rank -= count;
    }
    SecondP95::Failed
}

fn bar(part: SecondP95, peak: Option<u64>) -> char {
    match (part, peak) {
        (SecondP95::Empty, _) => EMPTY,
        (SecondP95::Value(ns), Some(peak)) if peak > 0 => {
            let level = (ns as f64 / peak as f64 * LEVELS.len() as f64).ceil();
            LEVELS[(level as usize).clamp(1, LEVELS.len()) - 1]
        }
        (SecondP95::Value(_), _) => LEVELS[0],
        (SecondP95::Failed, _) => FAILED,
    }
}

#[cfg(test)]
mod tests {
    use super::line;
    use crate::run::recording::{RunInterval, RunIntervals};
    use crate::run::sample::Outcome;

    const MS: u64 = 1_000_000;

    fn second(latencies_ms: &[u64], timeouts: u64) -> RunInterval {
        let mut second = RunInterval::default();
        latencies_ms
            .iter()
            .for_each(|ms| second.add(Outcome::Ok, ms * MS));
        (0..timeouts).for_each(|_| second.add(Outcome::Timeout, 0));
        second
    }

    #[test]
    fn bars_rise_with_the_p95_of_each_second() {
        let seconds = RunIntervals::from_iter([
            (0, second(&[1; 20], 0)),
            (1, second(&[4; 20], 0)),
            (2, second(&[8; 20], 0)),
        ]);
        assert_eq!(
            line(&seconds).as_deref(),
            Some("P95 per second  ▁▄█  peak 8.00 ms")
        );
    }

    #[test]
    fn a_failed_part_is_marked_and_a_gap_is_empty() {
        let seconds = RunIntervals::from_iter([(0, second(&[8], 0)), (2, second(&[1], 19))]);
        assert_eq!(
            line(&seconds).as_deref(),
            Some("P95 per second  █ ×  peak 8.00 ms · × failed in 1 part")
        );
    }

    #[test]
    fn a_long_run_has_several_seconds_a_bar() {
        let seconds: RunIntervals = (0..90).map(|at| (at, second(&[2], 0))).collect();
        let text = line(&seconds).expect("a line");
        assert!(text.starts_with("P95 per 3 s  "), "{text}");
        assert_eq!(text.matches('█').count(), 30);
    }

    #[test]
    fn bars_are_whole_intervals() {
        let seconds: RunIntervals = (0..3_600).map(|at| (at, second(&[2], 0))).collect();
        let text = line(&seconds).expect("a line");
        assert!(text.starts_with("P95 per 90 s  "), "{text}");
        assert_eq!(text.matches('█').count(), 40);
    }

    #[test]
    fn one_second_is_no_course_of_time() {
        assert_eq!(line(&RunIntervals::from_iter([(0, second(&[1], 0))])), None);
        assert_eq!(line(&RunIntervals::default()), None);
    }
}
