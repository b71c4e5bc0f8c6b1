//! A run over time in buckets: percentiles, failures and answers of each, from the order of its requests or its intervals.

use std::ops::Range;

use crate::report::endpoint_report::EndpointReport;
use crate::run::recording::{PlacedRequest, RunInterval, RunIntervals};
use crate::run::sample::FailureKind;
use crate::stats::rank::Quantile;

/// A chart has at most this many buckets.
pub(super) const MOST_BUCKETS: f64 = 600.0;

/// With fewer requests a bucket, P99 is not drawn.
const FOR_P99: f64 = 100.0;

/// With fewer requests a bucket, no percentile is drawn.
const FOR_P95: f64 = 20.0;

/// This many buckets are wanted before P99 is given up.
const WANTED_BUCKETS: f64 = 20.0;

/// Fewer buckets show no course of time.
const FEWEST_BUCKETS: f64 = 5.0;

/// Below this, charts over time show nothing.
const SHORTEST_S: f64 = 1.0;

/// What stands at a percentile of a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BucketLevel {
    Empty,
    Ns(u64),
    /// Among those that did not end ok.
    Failed,
}

/// The requests that were due in one stretch of time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CourseBucket {
    pub(super) requests: u64,
    pub(super) failures: BucketFailures,
    pub(super) p50: BucketLevel,
    pub(super) p95: BucketLevel,
    pub(super) p99: BucketLevel,
    /// The slowest that ended ok.
    pub(super) max_ns: Option<u64>,
    /// Requests that were answered in this time, whenever they were due.
    pub(super) answered: f64,
    /// The most that were due and not yet answered; `None` where only seconds are known.
    pub(super) in_flight: Option<u64>,
}

/// How many requests of a bucket did not end ok.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct BucketFailures {
    pub(super) all: u64,
    /// No complete answer in time.
    pub(super) timeouts: u64,
    /// Answers with another status or body than expected.
    pub(super) answers: u64,
    /// No connection, or one that broke.
    pub(super) connections: u64,
}

impl BucketFailures {
    fn of(second: &RunInterval) -> BucketFailures {
        let mut failures = BucketFailures {
            all: second.not_ok,
            timeouts: second.timeout,
            ..BucketFailures::default()
        };
        for (kind, count) in &second.failed {
            match kind {
                FailureKind::Status
                | FailureKind::Body
                | FailureKind::Content
                | FailureKind::Redirect => failures.answers += count,
                FailureKind::Connect
                | FailureKind::Tls
                | FailureKind::Reset
                | FailureKind::RefusedStream
                | FailureKind::StreamReset
                | FailureKind::GoAway
                | FailureKind::Protocol
                | FailureKind::Client => failures.connections += count,
            }
        }
        failures
    }

    /// Those whose kind was not recorded with their time.
    pub(super) fn unknown(&self) -> u64 {
        self.all
            .saturating_sub(self.timeouts + self.answers + self.connections)
    }
}

/// A run over time.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Course {
    pub(super) width_s: f64,
    pub(super) buckets: Vec<CourseBucket>,
    /// Whether buckets have enough requests for P99.
    pub(super) has_p99: bool,
}

/// How long a run was, in seconds; 0 where that is not known.
pub(super) fn length_s(endpoint: &EndpointReport) -> f64 {
    let seconds = &endpoint.distribution.seconds;
    let Some(last) = seconds.last_s() else {
        return 0.0;
    };
    let due: u64 = seconds.values().map(planned).sum();
    let offered = endpoint.traffic.as_ref().and_then(|t| t.offered);
    let known = match offered {
        Some(rate) => begin_s(endpoint) + due as f64 / rate.as_per_second(),
        None => endpoint.course.last_sent.map_or(0.0, |t| t.as_secs_f64()),
    };
    known.clamp(last as f64 + 0.1, (last + seconds.width_s()) as f64)
}

/// From the start of the run to that of the endpoint's own part of it.
fn begin_s(endpoint: &EndpointReport) -> f64 {
    let segment = endpoint.segment.as_ref();
    segment.map_or(0.0, |segment| segment.start().as_secs_f64())
}

/// Every request in its order; `None` where the order was not kept.
pub(super) fn placed(endpoint: &EndpointReport) -> Option<Vec<PlacedRequest>> {
    let sequence = endpoint.course.sequence.as_ref()?;
    let seconds = &endpoint.distribution.seconds;
    Some(PlacedRequest::all(sequence, seconds, length_s(endpoint)))
}

fn planned(second: &RunInterval) -> u64 {
    second.ok + second.not_ok
}

impl Course {
    /// `None` where there is too little for a course of time.
    pub(super) fn of(endpoint: &EndpointReport) -> Option<Course> {
        let length_s = length_s(endpoint);
        let due: u64 = endpoint.distribution.seconds.values().map(planned).sum();
        let placed = placed(endpoint);
        let finest = if placed.is_some() {
            0.1
        } else {
            endpoint.distribution.seconds.width_s() as f64
        };
        let width_s = width(length_s, due as f64, finest)?;
        let count = ((length_s / width_s) - 1e-6).ceil().max(1.0) as usize;
        let mut parts = vec![BucketParts::default(); count];
        match &placed {
            Some(requests) => by_request(&mut parts, requests, width_s),
            None => by_interval(&mut parts, &endpoint.distribution.seconds, width_s),
        }
        kinds(&mut parts, &endpoint.distribution.seconds, width_s);
        Some(Course {
            width_s,
            has_p99: due as f64 / length_s * width_s >= FOR_P99 * 0.995,
            buckets: parts.into_iter().map(BucketParts::bucket).collect(),
        })
    }

    /// The middle of a bucket.
    pub(super) fn middle_s(&self, number: usize) -> f64 {
        (number as f64 + 0.5) * self.width_s
    }
}

/// The narrowest bucket that has enough requests for P99, or for P95 where buckets for P99 would be few.
fn width(length_s: f64, due: f64, finest_s: f64) -> Option<f64> {
    const WIDTHS: [f64; 14] = [
        0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1_200.0,
    ];
    if length_s < SHORTEST_S {
        return None;
    }
    let first = |requests: f64, buckets: f64| {
        let is_whole = |width: &f64| finest_s < 1.0 || (width / finest_s).fract() == 0.0;
        let mut widths = WIDTHS.into_iter().filter(is_whole);
        widths.find(|width| {
            let count = length_s / width;
            let each = due / count;
            count <= MOST_BUCKETS + 0.01 && count >= buckets && each >= requests * 0.995
        })
    };
    first(FOR_P99, WANTED_BUCKETS)
        .or_else(|| first(FOR_P95, WANTED_BUCKETS))
        .or_else(|| first(FOR_P95, FEWEST_BUCKETS))
}

/// A bucket as it fills.
#[derive(Clone, Debug, Default)]
struct BucketParts {
    /// Response times in ns, and how many have them.
    values: Vec<(u64, u64)>,
    failures: BucketFailures,
    answered: f64,
    in_flight: Option<u64>,
}

fn by_request(parts: &mut [BucketParts], requests: &[PlacedRequest], width_s: f64) {
    let last = parts.len() - 1;
    let mut ends = Vec::with_capacity(requests.len());
    for request in requests {
        let part = &mut parts[((request.start_s / width_s) as usize).min(last)];
        match request.ns {
            Some(ns) => {
                part.values.push((ns, 1));
                ends.push(request.start_s + ns as f64 / 1e9);
            }
            None => part.failures.all += 1,
        }
    }
    ends.sort_unstable_by(f64::total_cmp);
    for end in &ends {
        if let Some(part) = parts.get_mut((end / width_s) as usize) {
            part.answered += 1.0;
        }
    }
    in_flight(parts, requests, &ends, width_s);
}

/// After each start, how many requests are due and not answered; `ends` ascend.
fn in_flight(parts: &mut [BucketParts], requests: &[PlacedRequest], ends: &[f64], width_s: f64) {
    let last = parts.len() - 1;
    let (mut started, mut ended) = (0u64, 0);
    let mut due: Vec<f64> = requests
        .iter()
        .filter(|r| r.ns.is_some())
        .map(|r| r.start_s)
        .collect();
    due.sort_unstable_by(f64::total_cmp);
    let mut number = 0;
    for start in due {
        started += 1;
        let own = ((start / width_s) as usize).min(last);
        while number < own {
            number += 1;
            // Requests under way when the bucket began.
            let begin = number as f64 * width_s;
            ended += ends[ended..].partition_point(|end| *end <= begin);
            parts[number].in_flight = Some(started - 1 - ended as u64);
        }
        ended += ends[ended..].partition_point(|end| *end <= start);
        let now = started - ended as u64;
        let most = parts[own].in_flight.unwrap_or(0).max(now);
        parts[own].in_flight = Some(most);
    }
}

/// The kinds of failures, which are known by interval: of a bucket that is a part of one, where all were of one kind.
fn kinds(parts: &mut [BucketParts], intervals: &RunIntervals, width_s: f64) {
    let interval_s = intervals.width_s() as f64;
    for (start_s, requests) in intervals.iter().filter(|(_, requests)| requests.not_ok > 0) {
        let own = BucketFailures::of(requests);
        let first = (start_s as f64 / width_s + 1e-6) as usize;
        if width_s >= interval_s {
            if let Some(part) = parts.get_mut(first) {
                part.failures.timeouts += own.timeouts;
                part.failures.answers += own.answers;
                part.failures.connections += own.connections;
            }
            continue;
        }
        let of_interval = (interval_s / width_s).round() as usize;
        for part in parts.iter_mut().skip(first).take(of_interval) {
            let failures = &mut part.failures;
            match (own.timeouts, own.answers, own.connections) {
                (0, 0, 1..) => failures.connections = failures.all,
                (0, 1.., 0) => failures.answers = failures.all,
                (1.., 0, 0) => failures.timeouts = failures.all,
                _ => {}
            }
        }
    }
}

/// Requests of an interval lie evenly in it; buckets are whole intervals.
fn by_interval(parts: &mut [BucketParts], intervals: &RunIntervals, width_s: f64) {
    let last = parts.len() - 1;
    let interval_s = intervals.width_s() as f64;
    for (start_s, requests) in intervals.iter() {
        let from = start_s as f64;
        let part = &mut parts[((from / width_s) as usize).min(last)];
        part.values.extend_from_slice(requests.buckets());
        part.failures.all += requests.not_ok;
        for &(ns, count) in requests.buckets() {
            let answered = from + ns as f64 / 1e9;
            spread(
                parts,
                answered..answered + interval_s,
                count as f64,
                width_s,
            );
        }
    }
}

/// Answers that arrive evenly over this time, which is no longer than a bucket.
fn spread(parts: &mut [BucketParts], over: Range<f64>, count: f64, width_s: f64) {
    let number = (over.start / width_s) as usize;
    let border = (number + 1) as f64 * width_s;
    let here = ((border - over.start) / (over.end - over.start)).clamp(0.0, 1.0);
    for (number, share) in [(number, here), (number + 1, 1.0 - here)] {
        if let Some(part) = parts.get_mut(number) {
            part.answered += count * share;
        }
    }
}

impl BucketParts {
    fn bucket(mut self) -> CourseBucket {
        self.values.sort_unstable();
        let ok: u64 = self.values.iter().map(|&(_, count)| count).sum();
        let requests = ok + self.failures.all;
        let level = |quantile: Quantile| {
            let mut rank = quantile.rank(requests);
            if rank == 0 {
                return BucketLevel::Empty;
            }
            for &(ns, count) in &self.values {
                if rank <= count {
                    return BucketLevel::Ns(ns);
                }
                rank -= count;
            }
            BucketLevel::Failed
        };
        CourseBucket {
            requests,
            failures: self.failures,
            p50: level(Quantile::P50),
            p95: level(Quantile::P95),
            p99: level(Quantile::P99),
            max_ns: self.values.last().map(|&(ns, _)| ns),
            answered: self.answered,
            in_flight: self.in_flight,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::sample::Outcome;

    const MS: u64 = 1_000_000;

    #[test]
    fn buckets_are_as_narrow_as_their_percentiles_allow() {
        for (length_s, per_s, finest, width_s) in [
            (2.0, 200.0, 0.1, Some(0.1)),
            (2.0, 2_000.0, 0.1, Some(0.1)),
            (30.0, 20.0, 0.1, Some(1.0)),
            (60.0, 50.0, 0.1, Some(2.0)),
            (120.0, 200.0, 0.1, Some(0.5)),
            (120.0, 200.0, 1.0, Some(1.0)),
            (1_200.0, 2_000.0, 1.0, Some(2.0)),
            (36_000.0, 10.0, 0.1, Some(60.0)),
            (10.0, 1.0, 0.1, None),
            (0.5, 10_000.0, 0.1, None),
        ] {
            let found = width(length_s, length_s * per_s, finest);
            assert_eq!(found, width_s, "{length_s} s at {per_s}/s");
        }
    }

    fn request(start_s: f64, ms: Option<u64>) -> PlacedRequest {
        PlacedRequest {
            start_s,
            ns: ms.map(|ms| ms * MS),
        }
    }

    #[test]
    fn a_bucket_keeps_its_maximum_and_counts_failures_as_slowest() {
        let mut parts = vec![BucketParts::default(); 2];
        let mut requests: Vec<PlacedRequest> = (0..19)
            .map(|k| request(0.05 * f64::from(k), Some(10)))
            .collect();
        requests.push(request(0.96, Some(700)));
        requests.extend([
            request(1.2, Some(20)),
            request(1.4, None),
            request(1.6, None),
        ]);
        by_request(&mut parts, &requests, 1.0);
        let buckets: Vec<CourseBucket> = parts.into_iter().map(BucketParts::bucket).collect();
        let first = &buckets[0];
        assert_eq!((first.requests, first.max_ns), (20, Some(700 * MS)));
        assert_eq!(
            (first.p95, first.p99),
            (BucketLevel::Ns(10 * MS), BucketLevel::Ns(700 * MS))
        );
        let second = &buckets[1];
        assert_eq!((second.requests, second.failures.all), (3, 2));
        assert_eq!(
            (second.p50, second.max_ns),
            (BucketLevel::Failed, Some(20 * MS))
        );
        // 0.96 s + 700 ms is answered in the second bucket.
        assert_eq!((first.answered, second.answered), (19.0, 2.0));
        assert_eq!((first.in_flight, second.in_flight), (Some(1), Some(2)));
    }

    #[test]
    fn requests_under_way_are_those_due_and_not_answered() {
        let mut parts = vec![BucketParts::default(); 4];
        let requests = [
            request(0.1, Some(2_500)),
            request(0.2, Some(2_500)),
            request(0.3, Some(10)),
            request(3.5, Some(10)),
        ];
        by_request(&mut parts, &requests, 1.0);
        let found: Vec<Option<u64>> = parts.iter().map(|part| part.in_flight).collect();
        assert_eq!(found, [Some(3), Some(2), Some(2), Some(1)]);
    }

    #[test]
    fn kinds_of_failures_are_those_of_their_second() {
        let mut mixed = RunInterval::default();
        mixed.add(Outcome::Timeout, 0);
        mixed.add(Outcome::Failed(FailureKind::Status), 0);
        let mut refused = RunInterval::default();
        refused.add(Outcome::Failed(FailureKind::Connect), 0);
        let seconds = RunIntervals::from_iter([(0, mixed), (1, refused)]);
        let requests = [request(0.2, None), request(0.7, None), request(1.4, None)];
        let failures = |width_s: f64, count: usize| {
            let mut parts = vec![BucketParts::default(); count];
            by_request(&mut parts, &requests, width_s);
            kinds(&mut parts, &seconds, width_s);
            let of = |part: &BucketParts| {
                let f = part.failures;
                (f.timeouts, f.answers, f.connections, f.unknown())
            };
            parts.iter().map(of).collect::<Vec<_>>()
        };
        assert_eq!(failures(1.0, 2), [(1, 1, 0, 0), (0, 0, 1, 0)]);
        let halves = [(0, 0, 0, 1), (0, 0, 0, 1), (0, 0, 1, 0), (0, 0, 0, 0)];
        assert_eq!(failures(0.5, 4), halves);
    }

    #[test]
    fn answers_of_a_second_reach_into_the_next_bucket() {
        let mut parts = vec![BucketParts::default(); 3];
        let mut second = RunInterval::default();
        (0..100).for_each(|_| second.add(Outcome::Ok, 268_435_456));
        by_interval(&mut parts, &RunIntervals::from_iter([(0, second)]), 1.0);
        let found: Vec<f64> = parts.iter().map(|part| part.answered.round()).collect();
        assert_eq!(found, [73.0, 27.0, 0.0]);
    }
}
