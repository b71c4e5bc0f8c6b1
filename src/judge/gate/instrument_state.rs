//! What may have kept the instrument from its work during a run: METHOD §7's flags. They never make a PASS, and they
//! keep a FAIL to what is far beyond the target.
//!
//! Each flag says that the measurement overhead may have been larger than in the calibration, none says by how much.
//! The send lag does, roughly: answers are read by the thread that sends, so reading comes as late as sending does. So
//! a flag blocks a FAIL, unless it would be one even if every request had been judged without its own send lag at T + e
//! and a margin ([`Margin`]) that is as much as the send lag calls for: T/10 where all but 1 % of the sends were less
//! late than half of that and lateness is the only flag, the one that says by how much; else T/3, where all but 1 %
//! were less late than that. Otherwise a machine that is 2 ms late would excuse a service that takes twice its target,
//! or does not answer at all.

use std::time::Duration;

use serde::Serialize;

use crate::run::histogram::Histogram;
use crate::run::recording::Margin;
use crate::stats::rank::Quantile;
use crate::units::serialize_ms;

/// A send is on time within this, or within 1 % of the target if that is more.
const ON_TIME: Duration = Duration::from_millis(1);

/// Share of the processor time of the sending threads above which they may have waited for it.
pub(crate) const BUSY: f64 = 0.8;

/// The part of a limit from which on the measurement overhead matters.
const MATTERS: u32 = 100;

/// Whether a measurement overhead is large enough to matter for a limit.
pub(crate) fn overhead_matters(overhead: Duration, limit: Duration) -> bool {
    overhead > limit / MATTERS
}

/// What is known of the process and its surroundings during a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct InstrumentLoad {
    /// CPU time of the whole process, per sending thread and time of the run, warm-up included; 1 is all of it.
    pub busy: Option<f64>,
    /// For how long the control group was kept from the processor because its quota was spent.
    pub throttled: Option<Duration>,
}

/// One flag.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "code", content = "values")]
pub enum Limitation {
    /// Fewer than 99 % of the sends were on time, which is: the P99 of the send lag is above what is on time.
    #[serde(rename = "client_late")]
    Late {
        /// The send lag's P99.
        #[serde(rename = "send_lag_p99_ms", serialize_with = "serialize_ms")]
        p99: Duration,
        /// The share of sends that were on time.
        #[serde(rename = "on_time_share")]
        on_time: f64,
        /// What is on time: 1 ms or 1 % of the target, whichever is more.
        #[serde(rename = "on_time_ms", serialize_with = "serialize_ms")]
        allowed: Duration,
    },
    /// The process used up most of the processor time of its threads.
    #[serde(rename = "client_busy")]
    Busy {
        /// CPU time per thread and time of the run.
        #[serde(rename = "cpu_share")]
        share: f64,
    },
    /// The control group was kept from the processor.
    #[serde(rename = "client_throttled")]
    Throttled {
        /// Total time.
        #[serde(rename = "throttled_ms", serialize_with = "serialize_ms")]
        time: Duration,
    },
    /// This machine had no free socket, local port or file descriptor.
    #[serde(rename = "client_socket_errors")]
    SocketErrors {
        /// Number of requests.
        #[serde(rename = "requests")]
        count: u64,
    },
}

/// What a FAIL is judged from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum InstrumentState {
    /// The instrument did its work: from everything that is certain.
    Sound,
    /// It may not have: from what is beyond the target by a margin.
    Limited(Limitation, Margin),
    /// It was so late that no latency says anything: from failures of the service alone.
    Useless(Limitation),
}

impl InstrumentState {
    /// Of a gate on latency, from all that is known of its endpoint at this time.
    pub fn of(
        target: Duration,
        load: &InstrumentLoad,
        send_lag: &Histogram,
        client_failures: u64,
    ) -> InstrumentState {
        let flags = flags(target, load, send_lag, client_failures);
        match flags.first() {
            None => InstrumentState::Sound,
            Some(&flag) => match margin(target, &flags, send_lag) {
                Some(margin) => InstrumentState::Limited(flag, margin),
                None => InstrumentState::Useless(flag),
            },
        }
    }

    /// What limits it, if anything does.
    pub fn limitation(&self) -> Option<Limitation> {
        match *self {
            InstrumentState::Sound => None,
            InstrumentState::Limited(limitation, _) | InstrumentState::Useless(limitation) => {
                Some(limitation)
            }
        }
    }
}

/// The margin by which a FAIL must hold; `None` if no margin is enough.
fn margin(target: Duration, flags: &[Limitation], send_lag: &Histogram) -> Option<Margin> {
    let only_late = flags
        .iter()
        .all(|flag| matches!(flag, Limitation::Late { .. }));
    [Margin::Near, Margin::Far]
        .into_iter()
        .filter(|&margin| only_late || margin == Margin::Far)
        .find(|margin| on_time(send_lag, margin.most_lag(target)))
}

/// Every flag that is up for a target, the one that says most first.
fn flags(
    target: Duration,
    load: &InstrumentLoad,
    send_lag: &Histogram,
    client_failures: u64,
) -> Vec<Limitation> {
    let late = late(target, send_lag);
    let throttled = load.throttled.filter(|time| !time.is_zero());
    let busy = load.busy.filter(|&share| share > BUSY);
    let failed = (client_failures > 0).then_some(client_failures);
    throttled
        .map(|time| Limitation::Throttled { time })
        .into_iter()
        .chain(busy.map(|share| Limitation::Busy { share }))
        .chain(late)
        .chain(failed.map(|count| Limitation::SocketErrors { count }))
        .collect()
}

fn late(target: Duration, send_lag: &Histogram) -> Option<Limitation> {
    let allowed = ON_TIME.max(target / 100);
    let n = send_lag.count();
    let p99_ns = send_lag.value_at_rank(Quantile::P99.rank(n))?;
    (!on_time(send_lag, allowed)).then(|| Limitation::Late {
        p99: Duration::from_nanos(p99_ns),
        on_time: 1.0 - beyond(send_lag, allowed) as f64 / n as f64,
        allowed,
    })
}

/// Whether all but 1 % of the sends were at most so late; nothing sent is nothing sent late.
fn on_time(send_lag: &Histogram, allowed: Duration) -> bool {
    let n = send_lag.count();
    beyond(send_lag, allowed) <= n - Quantile::P99.rank(n)
}

fn beyond(send_lag: &Histogram, allowed: Duration) -> u64 {
    let (certain, _) = send_lag.count_above(allowed.as_nanos() as u64);
    certain
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{InstrumentLoad, InstrumentState, Limitation};
    use crate::run::histogram::{Histogram, Precision};
    use crate::run::recording::Margin;

    const TARGET: Duration = Duration::from_millis(150);

    /// A hundred sends, and ten times this many more that were this late.
    fn lags(late: u64, lag: Duration) -> Histogram {
        let mut lags = Histogram::new(Precision::Three);
        lags.record_n(40_000, 1_000 - late);
        lags.record_n(lag.as_nanos() as u64, late);
        lags
    }

    fn state(
        target: Duration,
        load: InstrumentLoad,
        lags: &Histogram,
        failures: u64,
    ) -> InstrumentState {
        InstrumentState::of(target, &load, lags, failures)
    }

    #[test]
    fn one_per_cent_of_late_sends_is_on_time_and_one_more_is_not() {
        // 1 % of 150 ms is 1.5 ms.
        let late = Duration::from_micros(1_600);
        let at = |n| state(TARGET, InstrumentLoad::default(), &lags(n, late), 0);
        assert_eq!(at(10), InstrumentState::Sound);
        let InstrumentState::Limited(
            Limitation::Late {
                on_time, allowed, ..
            },
            Margin::Near,
        ) = at(11)
        else {
            panic!("{:?}", at(11));
        };
        assert_eq!((on_time, allowed), (0.989, Duration::from_micros(1_500)));
        assert_eq!(
            state(
                TARGET,
                InstrumentLoad::default(),
                &lags(1_000, Duration::from_micros(1_400)),
                0
            ),
            InstrumentState::Sound
        );
        // Of a small target it is 1 ms.
        let small = Duration::from_millis(10);
        let at = |micros| lags(500, Duration::from_micros(micros));
        assert_eq!(
            state(small, InstrumentLoad::default(), &at(990), 0),
            InstrumentState::Sound
        );
        assert_ne!(
            state(small, InstrumentLoad::default(), &at(1_010), 0),
            InstrumentState::Sound
        );
    }

    #[test]
    fn who_is_a_third_of_the_target_late_cannot_judge_latencies_at_all() {
        let late = |ms| lags(11, Duration::from_millis(ms));
        let of = |ms| state(TARGET, InstrumentLoad::default(), &late(ms), 0);
        let limited = |ms, margin| matches!(of(ms), InstrumentState::Limited(Limitation::Late { .. }, by) if by == margin);
        assert!(limited(7, Margin::Near));
        assert!(limited(8, Margin::Far));
        assert!(limited(49, Margin::Far));
        assert!(matches!(
            of(51),
            InstrumentState::Useless(Limitation::Late { .. })
        ));
    }

    #[test]
    fn only_lateness_by_itself_says_that_a_tenth_of_the_target_is_enough() {
        let late = lags(11, Duration::from_millis(5));
        let busy = InstrumentLoad {
            busy: Some(0.9),
            throttled: None,
        };
        assert!(matches!(
            state(TARGET, InstrumentLoad::default(), &late, 0),
            InstrumentState::Limited(Limitation::Late { .. }, Margin::Near)
        ));
        assert!(matches!(
            state(TARGET, busy, &late, 0),
            InstrumentState::Limited(Limitation::Busy { .. }, Margin::Far)
        ));
        assert!(matches!(
            state(TARGET, InstrumentLoad::default(), &late, 1),
            InstrumentState::Limited(_, Margin::Far)
        ));
    }

    #[test]
    fn each_flag_is_raised_by_its_own_cause() {
        let punctual = lags(0, Duration::ZERO);
        let busy = |busy| InstrumentLoad {
            busy: Some(busy),
            throttled: Some(Duration::ZERO),
        };
        assert_eq!(
            state(TARGET, busy(0.8), &punctual, 0),
            InstrumentState::Sound
        );
        assert_eq!(
            state(TARGET, busy(0.81), &punctual, 0),
            InstrumentState::Limited(Limitation::Busy { share: 0.81 }, Margin::Far)
        );
        let time = Duration::from_millis(3);
        let throttled = InstrumentLoad {
            busy: None,
            throttled: Some(time),
        };
        assert_eq!(
            state(TARGET, throttled, &punctual, 0),
            InstrumentState::Limited(Limitation::Throttled { time }, Margin::Far)
        );
        assert_eq!(
            state(TARGET, InstrumentLoad::default(), &punctual, 2),
            InstrumentState::Limited(Limitation::SocketErrors { count: 2 }, Margin::Far)
        );
        let closed = Histogram::new(Precision::Three);
        assert_eq!(
            state(TARGET, InstrumentLoad::default(), &closed, 0),
            InstrumentState::Sound
        );
    }
}
