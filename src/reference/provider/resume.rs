//! When a provider asks for the next attempt: `Retry-After`, and `X-RateLimit-Reset` if the limit is used up.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// When a limit is reset, as providers spell it. SendGrid and GitHub give seconds since 1970; others, and the draft
/// "RateLimit header fields for HTTP", seconds from now.
const RESETS: [&str; 3] = ["x-ratelimit-reset", "x-rate-limit-reset", "ratelimit-reset"];

/// From here on a number is a time since 1970: five years of seconds. A limit does not last that long.
const EPOCH_FROM: f64 = 157_680_000.0;

/// From here on a time since 1970 is in milliseconds: the year 5138, in seconds.
const MILLISECONDS_FROM: f64 = 100_000_000_000.0;

/// How long after `now` the provider asks for the next attempt; `None` if it does not say. Of several times the latest
/// counts.
pub(super) fn after(status: u16, headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let texts = |name: &str| {
        let values = headers.get_all(name).iter();
        values.filter_map(|value| Some(value.to_str().ok()?.trim().to_owned()))
    };
    let retry_after = texts(RETRY_AFTER.as_str()).filter_map(|text| retry_after(&text, now));
    // Other answers name the end of a window with requests left.
    let limited = status == 429;
    let resets = { RESETS.iter().filter(|_| limited) }
        .flat_map(|name| texts(name))
        .filter_map(|text| reset(&text, now));
    retry_after.chain(resets).max()
}

/// Seconds, or a date.
fn retry_after(text: &str, now: Timestamp) -> Option<Duration> {
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        // A number that does not fit counts as the longest duration.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    date(text, now)
}

/// Seconds since 1970 or from now, with or without a fraction, or a date.
fn reset(text: &str, now: Timestamp) -> Option<Duration> {
    let is_number = text.starts_with(|first: char| first.is_ascii_digit()) && { text.bytes() }
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    if !is_number {
        return date(text, now).or_else(|| until(text.parse().ok()?, now));
    }
    let number: f64 = text.parse().ok()?;
    let seconds = match number {
        at if at >= MILLISECONDS_FROM => at / 1e3 - seconds_since_1970(now),
        at if at >= EPOCH_FROM => at - seconds_since_1970(now),
        from_now => from_now,
    };
    // A time in the past counts as now.
    Some(Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX))
}

fn date(text: &str, now: Timestamp) -> Option<Duration> {
    let at = rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    until(at, now)
}

fn until(at: Timestamp, now: Timestamp) -> Option<Duration> {
    Some(Duration::try_from(at.duration_since(now)).unwrap_or_default())
}

fn seconds_since_1970(now: Timestamp) -> f64 {
    now.as_microsecond() as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;
    use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

    use super::after;

    /// 2024-05-01T12:00:00Z is 1,714,564,800 s after 1970.
    fn asked(status: u16, headers: &[(&str, &str)]) -> Option<Duration> {
        let now: Timestamp = "2024-05-01T12:00:00Z".parse().unwrap();
        let headers = headers.iter().map(|(name, value)| {
            let name = HeaderName::try_from(*name).unwrap();
            (name, HeaderValue::try_from(*value).unwrap())
        });
        after(status, &headers.collect::<HeaderMap>(), now)
    }

    fn seconds(s: u64) -> Option<Duration> {
        Some(Duration::from_secs(s))
    }

    #[test]
    fn a_time_to_ask_again_is_read_in_seconds_or_as_a_date() {
        for (value, meant) in [
            ("0", seconds(0)),
            ("120", seconds(120)),
            ("99999999999999999999", seconds(u64::MAX)),
            ("Wed, 01 May 2024 12:02:00 GMT", seconds(120)),
            ("Wed, 01 May 2024 11:00:00 GMT", seconds(0)),
            ("-1", None),
            ("soon", None),
            ("", None),
        ] {
            for status in [429, 503] {
                assert_eq!(asked(status, &[("retry-after", value)]), meant, "{value}");
            }
        }
    }

    #[test]
    fn the_reset_of_a_used_up_limit_is_read_since_1970_or_from_now() {
        for (value, meant) in [
            ("1714564830", seconds(30)),
            ("1714564830000", seconds(30)),
            ("1714564830.5", Some(Duration::from_millis(30_500))),
            ("30", seconds(30)),
            ("0.25", Some(Duration::from_millis(250))),
            ("0", seconds(0)),
            ("1714561200", seconds(0)),
            ("2024-05-01T12:00:30Z", seconds(30)),
            ("Wed, 01 May 2024 12:00:30 GMT", seconds(30)),
            ("NaN", None),
            ("inf", None),
            ("-5", None),
            ("1e3", None),
            ("0x10", None),
            ("1.2.3", None),
            ("soon", None),
            ("", None),
        ] {
            for name in ["X-RateLimit-Reset", "X-Rate-Limit-Reset", "RateLimit-Reset"] {
                assert_eq!(asked(429, &[(name, value)]), meant, "{name}: {value}");
            }
        }
        let far = asked(429, &[("x-ratelimit-reset", "9".repeat(400).as_str())]);
        assert!(far.is_some_and(|far| far > Duration::from_secs(3_600)));
    }

    #[test]
    fn the_longest_wish_counts_and_a_window_that_is_not_used_up_is_none() {
        let reset = ("x-ratelimit-reset", "1714564830");
        assert_eq!(asked(429, &[("retry-after", "5"), reset]), seconds(30));
        assert_eq!(asked(429, &[("retry-after", "50"), reset]), seconds(50));
        assert_eq!(asked(429, &[("retry-after", "soon"), reset]), seconds(30));
        for status in [500, 503, 400, 202] {
            assert_eq!(asked(status, &[reset]), None, "{status}");
        }
        assert_eq!(asked(503, &[("retry-after", "5"), reset]), seconds(5));
    }
}
