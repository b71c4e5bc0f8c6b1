//! Where the time of a request went, for the `Server-Timing` header.

use std::fmt::Write;
use std::time::Duration;

use axum::http::HeaderValue;

/// The phases of an `/ingest` request; the handler leaves them in the extensions of its response.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct IngestPhases {
    /// From the hand-over to the store until its answer: queue, transaction, sync.
    pub(super) commit: Option<Duration>,
    /// The attempt within the request: the provider's call and the commit of its outcome.
    pub(super) provider: Option<Duration>,
}

impl IngestPhases {
    /// `commit;dur=1.204, provider;dur=163.310, total;dur=164.733`, in milliseconds.
    pub(super) fn header(&self, total: Duration) -> HeaderValue {
        let phases = [
            ("commit", self.commit),
            ("provider", self.provider),
            ("total", Some(total)),
        ];
        let mut text = String::with_capacity(64);
        for (name, took) in phases {
            if let Some(took) = took {
                let comma = if text.is_empty() { "" } else { ", " };
                let (ms, us) = (took.as_micros() / 1000, took.as_micros() % 1000);
                let _ = write!(text, "{comma}{name};dur={ms}.{us:03}");
            }
        }
        HeaderValue::try_from(text).expect("names and digits are a header value")
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::IngestPhases;

    #[test]
    fn durations_are_milliseconds_with_microseconds_after_the_point() {
        let phases = IngestPhases {
            commit: Some(Duration::from_micros(1_004)),
            provider: None,
        };
        assert_eq!(
            phases.header(Duration::from_micros(163_250)),
            "commit;dur=1.004, total;dur=163.250"
        );
        assert_eq!(
            IngestPhases::default().header(Duration::ZERO),
            "total;dur=0.000"
        );
    }
}
