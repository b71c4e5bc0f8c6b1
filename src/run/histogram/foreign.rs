//! Histograms that other tools encoded: of any precision and in any unit.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::bucket::Bucket;
use super::decode_error::DecodeError;
use super::encoding;

/// More values than any tool records in one histogram; what claims more is damaged.
const MAX_COUNT: u64 = 1 << 40;

/// Calls `each` with the occupied buckets of a histogram in base64 (V0, V1 or V2, plain or compressed). `unit_ns` is
/// the unit of its values. Gives the number of inflated bytes.
///
/// # Errors
/// [`DecodeError::Base64`] and [`DecodeError::Encoding`], and what `each` gives.
pub fn decode_buckets(
    text: &str,
    unit_ns: u64,
    mut each: impl FnMut(Bucket) -> Result<(), DecodeError>,
) -> Result<u64, DecodeError> {
    let bytes = BASE64.decode(text).map_err(|_| DecodeError::Base64)?;
    let mut total = 0u64;
    let (_, inflated) = encoding::decode(&bytes, |_, bucket| {
        total = total.saturating_add(bucket.count);
        if total > MAX_COUNT {
            return Err(DecodeError::Encoding(
                "it claims more values than any run has".to_owned(),
            ));
        }
        let above = bucket.high_ns.saturating_add(1).saturating_mul(unit_ns);
        each(Bucket {
            low_ns: bucket.low_ns.saturating_mul(unit_ns),
            high_ns: above - 1,
            count: bucket.count,
        })
    })?;
    Ok(inflated)
}

#[cfg(test)]
mod tests {
    use crate::run::histogram::{Bucket, Histogram, Precision};

    fn decode(text: &str, unit_ns: u64) -> Vec<Bucket> {
        let mut buckets = Vec::new();
        let each = |bucket| {
            buckets.push(bucket);
            Ok(())
        };
        super::decode_buckets(text, unit_ns, each).expect("our own encoding");
        buckets
    }

    #[test]
    fn a_bucket_in_microseconds_reaches_to_the_next_microsecond() {
        let mut histogram = Histogram::new(Precision::Three);
        histogram.record_n(1_000, 7);
        let [bucket] = decode(&histogram.encode(), 1_000)[..] else {
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
            assert!(histogram.buckets().eq(decode(&histogram.encode(), 1)));
        }
    }
}
