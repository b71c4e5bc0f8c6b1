//! Histograms that other tools encoded: of any precision and in any unit.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hdrhistogram::Histogram as Hdr;
use hdrhistogram::serialization::Deserializer;

use super::{Bucket, DecodeError, inflated};

/// More values than any tool records in one histogram; what claims more is damaged.
const MAX_COUNT: u64 = 1 << 40;

/// The occupied buckets of a V2 compressed histogram in base64 whose values count in units of so many ns.
///
/// # Errors
/// [`DecodeError::Base64`] and [`DecodeError::Encoding`].
pub fn decode_buckets(text: &str, unit_ns: u64) -> Result<Vec<Bucket>, DecodeError> {
    let bytes = BASE64.decode(text).map_err(|_| DecodeError::Base64)?;
    let counts: Hdr<u64> = Deserializer::new()
        .deserialize(&mut inflated(&bytes, u64::MAX)?.as_slice())
        .map_err(|e| DecodeError::Encoding(e.to_string()))?;
    let mut total = 0u64;
    counts
        .iter_recorded()
        .map(|step| {
            let (top, count) = (step.value_iterated_to(), step.count_at_value());
            total = total.saturating_add(count);
            if total > MAX_COUNT {
                return Err(DecodeError::Encoding(
                    "it claims more values than any run has".to_owned(),
                ));
            }
            let low = counts.lowest_equivalent(top);
            let above = counts.highest_equivalent(top).saturating_add(1);
            Ok(Bucket {
                low_ns: low.saturating_mul(unit_ns),
                high_ns: above.saturating_mul(unit_ns) - 1,
                count,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::decode_buckets;
    use crate::histogram::{Histogram, Precision};

    #[test]
    fn a_bucket_in_microseconds_reaches_to_the_next_microsecond() {
        let mut histogram = Histogram::new(Precision::Three);
        histogram.record_n(1_000, 7);
        let [bucket] = decode_buckets(&histogram.encode(), 1_000).expect("our own encoding")[..]
        else {
            panic!("one bucket")
        };
        assert_eq!(
            (bucket.low_ns, bucket.high_ns, bucket.count),
            (1_000_000, 1_000_999, 7)
        );
    }

    #[test]
    fn the_buckets_are_those_that_were_encoded_whatever_the_precision() {
        for precision in [Precision::Two, Precision::Three, Precision::Four] {
            let mut histogram = Histogram::new(precision);
            (1..5_000u64).for_each(|i| histogram.record(i * i * 131));
            let decoded = decode_buckets(&histogram.encode(), 1).expect("our own encoding");
            assert!(histogram.buckets().eq(decoded));
        }
    }
}
