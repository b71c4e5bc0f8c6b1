//! Requests at planned instants: offsets of a file, or the times, methods and paths of an access log.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::redact::fingerprint;

/// Times for which the most requests that are due within them are kept, in ms. A time in between counts as the next one.
const WINDOWS_MS: [u64; 18] = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 60_000, 120_000,
    300_000, 600_000,
];

/// The planned requests of one endpoint.
#[derive(Clone, PartialEq)]
pub struct PlannedReplay {
    /// What files keep of it.
    pub record: ReplayRecord,
    /// From t0, in ns; ascending.
    offsets_ns: Vec<u64>,
    /// Paths with their queries, if the file has them. They may hold secrets: only requests have them.
    paths: Option<LoggedPaths>,
}

/// The paths of a log: each of them once, and the number of each request's.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct LoggedPaths {
    distinct: Vec<String>,
    of_requests: Vec<u32>,
}

/// A replay without its instants and paths.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct ReplayRecord {
    /// Name of the file, without its folder.
    pub file: String,
    /// The first 16 bits of the SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// How many times as fast as in the file.
    pub speed: f64,
    /// Planned requests.
    pub requests: u64,
    /// From t0 to the last of them, in ns.
    pub last_ns: u64,
    /// The most requests that are due within a time.
    pub most_due: Vec<MostDue>,
}

/// The most requests that are due within a time, wherever it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct MostDue {
    /// The time, in ms.
    pub within_ms: u64,
    /// Requests.
    pub requests: u64,
}

impl fmt::Debug for PlannedReplay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlannedReplay")
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}

impl PlannedReplay {
    /// Requests at these offsets from t0, in ns and ascending; `paths` has one for each of them.
    pub fn new(
        file: ReplayFile,
        offsets_ns: Vec<u64>,
        paths: Option<LoggedPaths>,
    ) -> PlannedReplay {
        debug_assert!(offsets_ns.is_sorted(), "a schedule is in order");
        PlannedReplay {
            record: ReplayRecord {
                file: file.name,
                sha256: file.sha256,
                speed: file.speed,
                requests: offsets_ns.len() as u64,
                last_ns: offsets_ns.last().copied().unwrap_or(0),
                most_due: most_due(&offsets_ns),
            },
            offsets_ns,
            paths,
        }
    }

    /// Bursts of as many requests, which are due at once, this long after each other.
    pub(crate) fn of_bursts(burst: usize, every: Duration, bursts: u64) -> PlannedReplay {
        let every_ns = every.as_nanos() as u64;
        let due = (0..bursts).flat_map(|number| std::iter::repeat_n(number * every_ns, burst));
        let instants = ReplayFile {
            name: format!("bursts of {burst}"),
            // There is no file: what the instants follow from stands for it.
            sha256: fingerprint(format!("{burst} every {every_ns} ns").as_bytes()),
            speed: 1.0,
        };
        PlannedReplay::new(instants, due.collect(), None)
    }

    /// Intended starts, in ns from t0; ascending.
    pub fn offsets_ns(&self) -> &[u64] {
        &self.offsets_ns
    }

    /// The path of a request, by its number from 0; numbers beyond the last begin again. `None` where the file has none.
    pub fn path(&self, number: u64) -> Option<&str> {
        let paths = self.paths.as_ref()?;
        let count = paths.of_requests.len() as u64;
        let at = number.checked_rem(count)?;
        let path = paths.of_requests.get(at as usize)?;
        paths.distinct.get(*path as usize).map(String::as_str)
    }
}

/// The file of a replay, and how fast it is replayed.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplayFile {
    /// Name of the file, without its folder.
    pub name: String,
    /// The first 16 bits of the SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// How many times as fast as in the file.
    pub speed: f64,
}

/// What became of the lines of a replayed file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplaySource {
    /// Name of the file, without its folder.
    pub file: String,
    /// Its form, as in `--format`.
    pub format: &'static str,
    /// Lines with a time.
    pub timed: u64,
    /// Requests that are sent, over all endpoints.
    pub sent: u64,
    /// Whether methods and paths come from the file, or from the plan.
    pub requests: ReplayedRequests,
    /// Lines without a time that can be read.
    pub unreadable: u64,
    /// Whether the last of them looks cut off.
    pub is_cut: bool,
    /// Lines that stood behind one of a later time.
    pub out_of_order: u64,
    /// Whether requests of a second were spread over it, because the file has whole seconds only.
    pub is_spread: bool,
}

/// From where the methods and paths of a replay come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReplayedRequests {
    /// The file has times alone, or the plan has endpoints of its own.
    OfPlan {
        /// Whether the file has methods and paths, which were not used.
        file_has_some: bool,
    },
    /// GET and HEAD of the file.
    OfFile {
        /// How many paths there are.
        paths: u64,
        /// Requests that are not sent, by method.
        skipped: Vec<SkippedMethod>,
        /// Requests that cannot be sent again, such as one with a space in its path.
        unusable: u64,
    },
}

/// Requests of a file that are not sent: a log has no bodies, and they write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedMethod {
    /// Such as `POST`.
    pub method: String,
    /// How many there are.
    pub requests: u64,
}

impl ReplayRecord {
    /// The most requests that are due within a time; never fewer than there are.
    pub fn most_due_within(&self, time: Duration) -> u64 {
        let longer = |most: &&MostDue| Duration::from_millis(most.within_ms) >= time;
        let known = self.most_due.iter().find(longer);
        known.map_or(self.requests, |most| most.requests.min(self.requests))
    }

    /// Requests per second from the first to the last; `None` where all are due at once.
    pub fn mean_per_s(&self) -> Option<f64> {
        let gaps = self.requests.checked_sub(1)? as f64;
        (self.last_ns > 0 && gaps > 0.0).then(|| gaps * 1e9 / self.last_ns as f64)
    }

    /// The most requests of a second.
    pub fn highest_per_s(&self) -> f64 {
        self.most_due_within(Duration::from_secs(1)).max(1) as f64
    }

    /// How long it lasts: until behind the last request.
    pub fn length(&self) -> Duration {
        Duration::from_nanos(self.last_ns.saturating_add(1))
    }
}

impl LoggedPaths {
    /// Of requests in their order.
    pub fn of<'a>(paths: impl Iterator<Item = &'a str>) -> LoggedPaths {
        let mut known: HashMap<&str, u32> = HashMap::new();
        let mut logged = LoggedPaths::default();
        for path in paths {
            let next = logged.distinct.len() as u32;
            let number = *known.entry(path).or_insert(next);
            if number == next {
                logged.distinct.push(path.to_owned());
            }
            logged.of_requests.push(number);
        }
        logged
    }

    /// How many different ones there are.
    pub fn distinct(&self) -> usize {
        self.distinct.len()
    }
}

fn most_due(offsets_ns: &[u64]) -> Vec<MostDue> {
    let last_ns = offsets_ns.last().copied().unwrap_or(0);
    let mut all = Vec::new();
    for within_ms in WINDOWS_MS {
        let window_ns = within_ms * 1_000_000;
        all.push(MostDue {
            within_ms,
            requests: most_within(offsets_ns, window_ns),
        });
        if window_ns > last_ns {
            break;
        }
    }
    all
}

fn most_within(offsets_ns: &[u64], window_ns: u64) -> u64 {
    let (mut first, mut most) = (0, 0);
    for (at, &offset_ns) in offsets_ns.iter().enumerate() {
        while offset_ns - offsets_ns[first] >= window_ns {
            first += 1;
        }
        most = most.max(at - first + 1);
    }
    most as u64
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LoggedPaths, PlannedReplay, ReplayFile};

    const MS: u64 = 1_000_000;

    fn replay(offsets_ms: &[u64], paths: Option<LoggedPaths>) -> PlannedReplay {
        let file = ReplayFile {
            name: "a.log".to_owned(),
            sha256: "ab12".to_owned(),
            speed: 1.0,
        };
        let offsets_ns = offsets_ms.iter().map(|ms| ms * MS).collect();
        PlannedReplay::new(file, offsets_ns, paths)
    }

    #[test]
    fn the_most_that_is_due_within_a_time_is_known() {
        let record = replay(&[0, 0, 3, 90, 95, 100, 1_000], None).record;
        for (ms, requests) in [
            (1, 2),
            (4, 3),
            (5, 3),
            (20, 3),
            (100, 5),
            (500, 6),
            (2_000, 7),
        ] {
            let time = Duration::from_millis(ms);
            assert_eq!(record.most_due_within(time), requests, "{ms} ms");
        }
        // A time between two of the kept ones counts as the longer.
        assert_eq!(record.most_due_within(Duration::from_millis(70)), 5);
        assert_eq!(record.highest_per_s(), 6.0);
        assert_eq!(record.mean_per_s(), Some(6.0));
        assert_eq!(replay(&[0, 0], None).record.mean_per_s(), None);
    }

    #[test]
    fn a_path_belongs_to_its_number_and_begins_again() {
        let paths = LoggedPaths::of(["/a", "/b", "/a"].into_iter());
        assert_eq!(paths.distinct(), 2);
        let replay = replay(&[0, 1, 2], Some(paths));
        let sent: Vec<_> = (0..5).map(|number| replay.path(number).unwrap()).collect();
        assert_eq!(sent, ["/a", "/b", "/a", "/a", "/b"]);
    }
}
