//! When the provider is out: planned before the start, or begun and ended while it runs.

use std::str::FromStr;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::reference::mutex::lock;
use crate::units::parse_duration;

/// A planned outage, counted from the provider's start. The end is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedOutage {
    /// When it begins.
    pub from: Duration,
    /// Its end; after `from`.
    pub to: Duration,
}

impl FromStr for PlannedOutage {
    type Err = String;

    /// Reads `10s..20s`.
    fn from_str(text: &str) -> Result<PlannedOutage, String> {
        let form = || format!("'{text}' is not an outage; write FROM..TO, such as 10s..20s");
        let (from, to) = text.split_once("..").ok_or_else(form)?;
        let time = |text: &str| parse_duration(text).map_err(|error| error.to_string());
        let (from, to) = (time(from)?, time(to)?);
        if from < to {
            Ok(PlannedOutage { from, to })
        } else {
            Err(format!(
                "'{text}' ends before it begins; write FROM..TO, such as 10s..20s"
            ))
        }
    }
}

/// Is the provider out, and why?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OutageState {
    /// It answers.
    None,
    /// As planned.
    Planned,
    /// Started by a request.
    Begun,
}

/// The planned outages, and those started by a request.
pub(super) struct Outages {
    start: Instant,
    planned: Option<PlannedOutage>,
    /// Its end; the inner `None` is until a request ends it.
    begun: Mutex<Option<Option<Instant>>>,
}

impl Outages {
    pub(super) fn new(planned: Option<PlannedOutage>) -> Outages {
        Outages {
            start: Instant::now(),
            planned,
            begun: Mutex::new(None),
        }
    }

    /// Begins one now, for this time or until it is ended.
    pub(super) fn begin(&self, lasting: Option<Duration>) {
        let until = lasting.and_then(|lasting| Instant::now().checked_add(lasting));
        *lock(&self.begun) = Some(until);
    }

    /// Ends one that was begun; a planned one continues.
    pub(super) fn end(&self) {
        *lock(&self.begun) = None;
    }

    pub(super) fn state(&self, now: Instant) -> OutageState {
        let running = now.saturating_duration_since(self.start);
        if self
            .planned
            .is_some_and(|planned| (planned.from..planned.to).contains(&running))
        {
            return OutageState::Planned;
        }
        let begun = *lock(&self.begun);
        match begun {
            Some(until) if until.is_none_or(|until| now < until) => OutageState::Begun,
            _ => OutageState::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{OutageState, Outages, PlannedOutage};

    #[test]
    fn a_planned_outage_lasts_from_its_begin_up_to_its_end() {
        let outages = Outages::new(Some("10s..20s".parse().expect("an outage")));
        let at = |ms| outages.state(outages.start + Duration::from_millis(ms));
        for (ms, state) in [
            (0, OutageState::None),
            (9_999, OutageState::None),
            (10_000, OutageState::Planned),
            (19_999, OutageState::Planned),
            (20_000, OutageState::None),
        ] {
            assert_eq!(at(ms), state, "{ms} ms");
        }
    }

    #[test]
    fn one_that_was_begun_ends_when_it_is_told_or_when_its_time_is_over() {
        let outages = Outages::new(None);
        let now = Instant::now;
        outages.begin(None);
        assert_eq!(
            outages.state(now() + Duration::from_secs(3600)),
            OutageState::Begun
        );
        outages.end();
        assert_eq!(outages.state(now()), OutageState::None);
        outages.begin(Some(Duration::from_secs(60)));
        assert_eq!(outages.state(now()), OutageState::Begun);
        assert_eq!(
            outages.state(now() + Duration::from_secs(61)),
            OutageState::None
        );
    }

    #[test]
    fn what_is_no_outage_is_told_how_to_write_one() {
        for text in ["10s", "20s..10s", "10s..10s"] {
            let error = text.parse::<PlannedOutage>().expect_err(text);
            assert!(error.contains("such as 10s..20s"), "{error}");
        }
        assert!("10..20s".parse::<PlannedOutage>().is_err());
    }
}
