//! Quantiles as exact fractions, and the ranks of a sorted sample that stand for them.
//!
//! Ranks are computed in integers: in floating point, P99.9 of 1000 samples comes out one rank too high,
//! because 99.9/100 has no exact binary form.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::binomial;
use super::search::first_where;

/// A percentile has at most this many decimals, so that its fraction fits `u32`.
const MAX_DECIMALS: usize = 7;

/// A quantile strictly between 0 and 1, held as a reduced fraction of integers.
///
/// Text is `P95`, `P99.9`; JSON is `"p95"`, `"p99.9"`; k6's `p(95)` is read too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(try_from = "String", into = "String")]
pub struct Quantile {
    numerator: u32,
    denominator: u32,
}

/// Why a text is not a percentile.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuantileError {
    /// Not of the form `p95`.
    #[error("'{0}' is not a percentile\nhint: write p50, p95, p99.9 or p(95)")]
    Form(String),
    /// 0 and 100 are the minimum and maximum, and more than 100 is nothing.
    #[error("'{0}' is not a percentile\nhint: write a number above 0 and below 100, such as p95")]
    Range(String),
    /// More decimals than any sample can resolve.
    #[error("'{0}' has too many decimals\nhint: write at most {MAX_DECIMALS}, such as p99.9")]
    Decimals(String),
}

impl Quantile {
    /// The median.
    pub const P50: Quantile = Quantile::reduced(50, 100);
    /// The upper quartile.
    pub const P75: Quantile = Quantile::reduced(75, 100);
    /// The 90th percentile.
    pub const P90: Quantile = Quantile::reduced(90, 100);
    /// The 95th percentile.
    pub const P95: Quantile = Quantile::reduced(95, 100);
    /// The 99th percentile.
    pub const P99: Quantile = Quantile::reduced(99, 100);
    /// The 99.9th percentile.
    pub const P999: Quantile = Quantile::reduced(999, 1000);

    const fn reduced(numerator: u32, denominator: u32) -> Quantile {
        let (mut divisor, mut rest) = (denominator, numerator);
        while rest != 0 {
            (divisor, rest) = (rest, divisor % rest);
        }
        Quantile {
            numerator: numerator / divisor,
            denominator: denominator / divisor,
        }
    }

    /// The quantile as a number in (0, 1).
    pub fn as_f64(self) -> f64 {
        f64::from(self.numerator) / f64::from(self.denominator)
    }

    /// θ0 = 1 − q, the share of samples allowed above the quantile. The subtraction is done in integers:
    /// P95 gives exactly the nearest number to 0.05.
    pub fn exceedance(self) -> f64 {
        f64::from(self.denominator - self.numerator) / f64::from(self.denominator)
    }

    /// The nearest rank ⌈n·q⌉ in a sorted sample of `n`, from 1; 0 only for `n = 0`.
    pub fn rank(self, n: u64) -> u64 {
        let scaled = u128::from(n) * u128::from(self.numerator);
        // At most n, because the fraction is below 1.
        scaled.div_ceil(u128::from(self.denominator)) as u64
    }
}

impl Ord for Quantile {
    fn cmp(&self, other: &Self) -> Ordering {
        let left = u64::from(self.numerator) * u64::from(other.denominator);
        let right = u64::from(other.numerator) * u64::from(self.denominator);
        left.cmp(&right)
    }
}

impl PartialOrd for Quantile {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl FromStr for Quantile {
    type Err = QuantileError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = || QuantileError::Form(text.to_owned());
        let number = text.strip_prefix(['p', 'P']).ok_or_else(form)?;
        let number = match number.strip_prefix('(') {
            Some(inner) => inner.strip_suffix(')').ok_or_else(form)?.trim(),
            None => number,
        };
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let digits =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(decimals) {
            return Err(form());
        }
        let decimals = decimals.trim_end_matches('0');
        if decimals.len() > MAX_DECIMALS {
            return Err(QuantileError::Decimals(text.to_owned()));
        }
        let range = || QuantileError::Range(text.to_owned());
        let scale = 10_u32.pow(decimals.len() as u32);
        let scaled: u64 = format!("{whole}{decimals}").parse().map_err(|_| range())?;
        let numerator = u32::try_from(scaled)
            .ok()
            .filter(|&value| value > 0 && value < 100 * scale)
            .ok_or_else(range)?;
        Ok(Quantile::reduced(numerator, 100 * scale))
    }
}

impl fmt::Display for Quantile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("P{}", self.percent()))
    }
}

impl Quantile {
    /// `95`, `99.9`: exact, because every fraction came from a decimal of at most [`MAX_DECIMALS`] places.
    fn percent(self) -> String {
        let unit = 10_u64.pow(MAX_DECIMALS as u32);
        let scaled = u64::from(self.numerator) * 100 * unit / u64::from(self.denominator);
        let text = format!("{}.{:0MAX_DECIMALS$}", scaled / unit, scaled % unit);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

impl From<Quantile> for String {
    fn from(quantile: Quantile) -> String {
        format!("p{}", quantile.percent())
    }
}

impl TryFrom<String> for Quantile {
    type Error = QuantileError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

/// The ranks between which the true quantile lies with at least the given `confidence` (two-sided,
/// distribution-free; Le Boudec, "Performance Evaluation of Computer and Communication Systems", theorem
/// 2.1): `l = ppf(α/2, n, q)`, `u = ppf(1 − α/2, n, q) + 1`.
///
/// `None` on a side means that `n` samples do not bound it: the lower end is −∞ (rank 0), the upper end
/// +∞ (rank n+1).
///
/// # Panics
/// If `confidence` is not inside (0, 1).
pub fn interval_ranks(n: u64, q: Quantile, confidence: f64) -> (Option<u64>, Option<u64>) {
    let tail = tail_of(confidence);
    let lower = binomial::ppf(tail, n, q.as_f64());
    let upper = binomial::ppf(1.0 - tail, n, q.as_f64()) + 1;
    (
        Some(lower).filter(|&rank| rank > 0),
        Some(upper).filter(|&rank| rank <= n),
    )
}

/// The fewest samples that can pass a gate on this quantile: with no exceedance at all, `q^n ≤ α`.
///
/// # Panics
/// If `alpha` is not inside (0, 1).
pub fn min_samples_to_pass(q: Quantile, alpha: f64) -> u64 {
    assert!(
        alpha > 0.0 && alpha < 1.0,
        "alpha must be inside (0, 1): {alpha}"
    );
    fewest(|n| binomial::reaches(binomial::p_pass(n, 0, q.exceedance()), alpha))
}

/// The fewest samples for which [`interval_ranks`] bounds this quantile on both sides.
///
/// # Panics
/// If `confidence` is not inside (0, 1).
pub fn min_samples_for_interval(q: Quantile, confidence: f64) -> u64 {
    let tail = tail_of(confidence);
    let all_within = |n| binomial::p_pass(n, 0, q.exceedance());
    let all_beyond = |n| binomial::p_fail(n, n, q.exceedance());
    fewest(|n| binomial::reaches(all_within(n), tail) && !binomial::reaches(tail, all_beyond(n)))
}

/// Half of what the confidence leaves over.
fn tail_of(confidence: f64) -> f64 {
    assert!(
        confidence > 0.0 && confidence < 1.0,
        "confidence must be inside (0, 1): {confidence}"
    );
    (1.0 - confidence) / 2.0
}

/// The smallest sample size with a monotone property. The bound is out of reach: the finest quantile that
/// can be written, 1 − 10⁻⁹, needs 7·10¹¹ samples at α = 10⁻³⁰⁰.
fn fewest(enough: impl Fn(u64) -> bool) -> u64 {
    const MOST: u64 = 1 << 40;
    first_where(1..=MOST, enough).unwrap_or(MOST)
}

#[cfg(test)]
mod tests {
    use super::{Quantile, QuantileError, min_samples_for_interval, min_samples_to_pass};

    fn parse(text: &str) -> Quantile {
        text.parse().expect(text)
    }

    #[test]
    fn every_spelling_of_a_percentile_is_read() {
        for text in ["p95", "P95", "p(95)", "P( 95 )", "p95.0", "p(95.00)"] {
            assert_eq!(parse(text), Quantile::P95, "{text}");
        }
        assert_eq!(parse("p99.9"), Quantile::P999);
        assert_eq!(parse("p(99.9)"), Quantile::P999);
    }

    #[test]
    fn what_is_no_percentile_is_refused_with_its_reason() {
        for text in [
            "", "95", "p", "p()", "p(95", "p95)", "p-5", "p9a", "p95.", "p.5", "p1e1", "q95",
        ] {
            assert_eq!(
                text.parse::<Quantile>(),
                Err(QuantileError::Form(text.into()))
            );
        }
        for text in ["p0", "p0.0", "p100", "p999", "p99999999999999999999999"] {
            assert_eq!(
                text.parse::<Quantile>(),
                Err(QuantileError::Range(text.into()))
            );
        }
        let text = "p99.99999999";
        assert_eq!(
            text.parse::<Quantile>(),
            Err(QuantileError::Decimals(text.into()))
        );
    }

    #[test]
    fn text_and_json_come_back_as_they_went() {
        for (text, display) in [
            ("p50", "P50"),
            ("p99.9", "P99.9"),
            ("p0.5", "P0.5"),
            ("p99.9999999", "P99.9999999"),
        ] {
            let quantile = parse(text);
            assert_eq!(quantile.to_string(), display);
            let json = serde_json::to_string(&quantile).expect("a string");
            assert_eq!(json, format!("\"{text}\""));
            assert_eq!(
                serde_json::from_str::<Quantile>(&json).expect("the same"),
                quantile
            );
        }
        assert!(serde_json::from_str::<Quantile>("\"p101\"").is_err());
    }

    #[test]
    fn the_schema_is_a_string() {
        let schema = schemars::schema_for!(Quantile);
        assert_eq!(
            schema.get("type").and_then(|kind| kind.as_str()),
            Some("string")
        );
    }

    #[test]
    fn order_is_by_value_not_by_fraction() {
        let sorted = [
            parse("p1"),
            Quantile::P50,
            Quantile::P75,
            Quantile::P90,
            Quantile::P95,
            Quantile::P99,
            Quantile::P999,
        ];
        assert!(sorted.is_sorted());
        assert!(sorted.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn the_allowed_share_has_no_rounding_of_its_own() {
        assert_eq!(Quantile::P95.exceedance(), 0.05);
        assert_eq!(Quantile::P999.exceedance(), 0.001);
        assert_eq!(Quantile::P999.as_f64(), 0.999);
    }

    #[test]
    fn the_rank_is_exact_for_any_sample_size() {
        assert_eq!(Quantile::P95.rank(0), 0);
        assert_eq!(Quantile::P95.rank(1), 1);
        assert_eq!(Quantile::P50.rank(10), 5);
        assert_eq!(Quantile::P50.rank(11), 6);
        assert_eq!(Quantile::P999.rank(1_000_000), 999_000);
        assert_eq!(Quantile::P50.rank(u64::MAX), u64::MAX / 2 + 1);
    }

    #[test]
    fn sample_sizes_of_the_usual_quantiles() {
        let usual = [
            Quantile::P50,
            Quantile::P75,
            Quantile::P90,
            Quantile::P95,
            Quantile::P99,
            Quantile::P999,
        ];
        assert_eq!(
            usual.map(|q| min_samples_to_pass(q, 0.05)),
            [5, 11, 29, 59, 299, 2995]
        );
        assert_eq!(
            usual.map(|q| min_samples_for_interval(q, 0.95)),
            [6, 13, 36, 72, 368, 3688]
        );
    }
}
