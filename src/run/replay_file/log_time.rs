//! A time of a log: of the common log format, RFC 3339 with its relatives, or a number since 1970.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::strtime;
use jiff::tz::Offset;

/// A point in time as a log has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogTime {
    /// Since 1970 in ns; of a time without a zone, as if it were UTC.
    pub at_ns: i128,
    /// Whether the log says in which zone.
    pub has_zone: bool,
}

impl LogTime {
    fn of(timestamp: Timestamp) -> LogTime {
        LogTime {
            at_ns: timestamp.as_nanosecond(),
            has_zone: true,
        }
    }

    /// Reads `10/Oct/2000:13:55:36 -0700`, `2000-10-10T13:55:36.789Z`, `2000-10-10 13:55:36,789`, or a number.
    pub(super) fn parse(text: &str) -> Option<LogTime> {
        let text = text.trim().trim_start_matches('[').trim_end_matches(']');
        LogTime::common(text)
            .or_else(|| LogTime::number(text))
            .or_else(|| LogTime::iso(text))
    }

    /// The date of the common log format; some servers add a fraction of the second.
    pub(super) fn common(text: &str) -> Option<LogTime> {
        let parsed = strtime::parse("%d/%b/%Y:%H:%M:%S%.f %z", text).ok()?;
        parsed.to_timestamp().ok().map(LogTime::of)
    }

    fn iso(text: &str) -> Option<LogTime> {
        // Log4j and Python write the fraction behind a comma.
        let text = text.replacen(',', ".", 1);
        if let Ok(timestamp) = text.parse::<Timestamp>() {
            return Some(LogTime::of(timestamp));
        }
        let civil: DateTime = text.parse().ok()?;
        let utc = Offset::UTC.to_timestamp(civil).ok()?;
        Some(LogTime {
            at_ns: utc.as_nanosecond(),
            has_zone: false,
        })
    }

    /// Since 1970 in s, ms, µs or ns: which of them, the size of the number says.
    fn number(text: &str) -> Option<LogTime> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let is_number = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit());
        if whole.is_empty() || whole.len() > 20 || !is_number(whole) || !is_number(fraction) {
            return None;
        }
        let number: i128 = whole.parse().ok()?;
        // In 2001 there were 10⁹ s since 1970, and in 5138 there will be 10¹¹.
        let unit_ns: i128 = match number {
            n if n < 100_000_000_000 => 1_000_000_000,
            n if n < 100_000_000_000_000 => 1_000_000,
            n if n < 100_000_000_000_000_000 => 1_000,
            _ => 1,
        };
        let digits: String = fraction
            .chars()
            .chain(std::iter::repeat('0'))
            .take(9)
            .collect();
        let billionths: i128 = digits.parse().ok()?;
        Some(LogTime {
            at_ns: number * unit_ns + billionths * unit_ns / 1_000_000_000,
            has_zone: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::LogTime;

    #[test]
    fn every_spelling_of_a_time_is_the_same_time() {
        for text in [
            "10/Oct/2000:13:55:36 -0700",
            "[10/Oct/2000:20:55:36 +0000]",
            "2000-10-10T20:55:36Z",
            "2000-10-10T13:55:36-07:00",
            "2000-10-10 22:55:36+02:00",
            "971211336",
            "971211336000",
            "971211336000000",
            "971211336000000000",
        ] {
            let time = LogTime::parse(text).expect(text);
            assert_eq!(
                (time.at_ns, time.has_zone),
                (971_211_336_000_000_000, true),
                "{text}"
            );
        }
        for text in ["2000-10-10T20:55:36", "2000-10-10 20:55:36,000"] {
            let time = LogTime::parse(text).expect(text);
            assert_eq!(
                (time.at_ns, time.has_zone),
                (971_211_336_000_000_000, false),
                "{text}"
            );
        }
    }

    #[test]
    fn a_fraction_of_a_second_is_kept() {
        for text in [
            "10/Oct/2000:13:55:36.25 -0700",
            "2000-10-10T20:55:36.25Z",
            "2000-10-10 20:55:36,250",
            "971211336.25",
            "971211336250",
            "971211336250000",
            "971211336250000000",
        ] {
            let time = LogTime::parse(text).expect(text);
            assert_eq!(time.at_ns, 971_211_336_250_000_000, "{text}");
        }
        assert_eq!(
            LogTime::parse("971211336250.5").expect("ms").at_ns,
            971_211_336_250_500_000
        );
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "-",
            "yesterday",
            "10/Oct/2000:13:55:36",
            "31/Feb/2000:00:00:00 +0000",
            "1.2.3",
            "-5",
            "13:55:36",
        ] {
            assert_eq!(LogTime::parse(text), None, "{text}");
        }
    }
}
