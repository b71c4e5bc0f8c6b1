//! Durations by bucket: recording, exact ranks, lossless merging, and the V2 encoding of HdrHistogram, whose buckets
//! these are. The only user of that crate.

mod bucket;
mod counts;
mod decode_error;
mod encoding;
mod foreign;
mod ranked_values;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hdrhistogram::Histogram as Hdr;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

use counts::BucketCounts;

pub use bucket::{Bucket, Precision};
pub use decode_error::DecodeError;
pub use foreign::decode_buckets;
pub use ranked_values::RankedValues;

/// Longest duration a histogram holds, in ns: 60 minutes. Longer ones are recorded as this.
pub const MAX_NS: u64 = 3_600_000_000_000;

/// Durations in nanoseconds, 1 ns to 60 min, at a fixed relative precision; minimum and maximum exact.
#[derive(Clone, Debug)]
pub struct Histogram {
    counts: BucketCounts,
    precision: Precision,
    min_ns: u64,
    max_ns: u64,
}

impl Histogram {
    /// An empty histogram. It uses memory for the values that it has, so an idle one costs next to none.
    pub fn new(precision: Precision) -> Histogram {
        Histogram {
            counts: BucketCounts::new(precision),
            precision,
            min_ns: u64::MAX,
            max_ns: 0,
        }
    }

    /// Adds one value in ns.
    pub fn record(&mut self, value_ns: u64) {
        self.record_n(value_ns, 1);
    }

    /// Adds a value in ns this many times.
    pub(crate) fn record_n(&mut self, value_ns: u64, count: u64) {
        if count == 0 {
            return;
        }
        let value_ns = value_ns.min(MAX_NS);
        self.counts.add(value_ns, count);
        self.min_ns = self.min_ns.min(value_ns);
        self.max_ns = self.max_ns.max(value_ns);
    }

    /// Adds the counts of another; lossless, both have the same precision.
    ///
    /// # Panics
    /// If the precisions differ: each place in a recording has one.
    pub fn add(&mut self, other: &Histogram) {
        assert_eq!(
            self.precision, other.precision,
            "histograms of one place have one precision"
        );
        self.counts.merge(&other.counts);
        self.min_ns = self.min_ns.min(other.min_ns);
        self.max_ns = self.max_ns.max(other.max_ns);
    }

    /// How many values were recorded.
    pub fn count(&self) -> u64 {
        self.counts.total()
    }

    /// Smallest value in ns, exact.
    pub fn min_ns(&self) -> Option<u64> {
        (self.count() > 0).then_some(self.min_ns)
    }

    /// Largest value in ns, exact.
    pub fn max_ns(&self) -> Option<u64> {
        (self.count() > 0).then_some(self.max_ns)
    }

    /// Mean in ns, at the histogram's precision.
    pub(crate) fn mean_ns(&self) -> Option<f64> {
        let weight = |b: Bucket| self.representative(&b) as f64 * b.count as f64;
        (self.count() > 0).then(|| self.buckets().map(weight).sum::<f64>() / self.count() as f64)
    }

    /// The value at a 1-based rank, in ns: the middle of its bucket; the first and the last exactly.
    /// (The crate's `value_at_percentile` errs by a rank in places and reports the top of the bucket.)
    pub fn value_at_rank(&self, rank: u64) -> Option<u64> {
        self.ranked_values().at_rank(rank)
    }

    /// Every occupied bucket, ascending.
    pub fn buckets(&self) -> impl Iterator<Item = Bucket> + '_ {
        self.counts.buckets()
    }

    /// The values as a step function of the rank, for looking up many ranks.
    pub fn ranked_values(&self) -> RankedValues {
        let mut ranked = RankedValues::default();
        for bucket in self.buckets() {
            ranked.push(self.representative(&bucket), bucket.count);
        }
        ranked.set_extremes(self.min_ns, self.max_ns);
        ranked
    }

    /// How many values exceed a limit: certain, and at most, where the limit falls inside an occupied bucket.
    pub fn count_above(&self, limit_ns: u64) -> (u64, u64) {
        let (mut certain, mut possible) = (0, 0);
        for bucket in self.buckets() {
            // Minimum and maximum are exact, so they narrow the first and the last bucket.
            let low_ns = bucket.low_ns.max(self.min_ns);
            let high_ns = bucket.high_ns.min(self.max_ns);
            if low_ns > limit_ns {
                certain += bucket.count;
            }
            if high_ns > limit_ns {
                possible += bucket.count;
            }
        }
        (certain, possible)
    }

    /// HdrHistogram's V2 compressed encoding in base64, as its own tools and `.hlog` files use.
    pub fn encode(&self) -> String {
        let mut reference = Hdr::<u64>::new(self.precision.digits())
            .expect("two to four digits are within the crate's 0 to 5");
        reference.auto(true);
        for bucket in self.buckets() {
            reference
                .record_n(bucket.low_ns, bucket.count)
                .expect("an auto-resizing histogram takes every value up to 60 min");
        }
        let mut bytes = Vec::new();
        V2DeflateSerializer::new()
            .serialize(&reference, &mut bytes)
            .expect("writing to memory does not fail, and 60 min at 4 digits fits the encoding");
        BASE64.encode(bytes)
    }

    /// Reads [`Histogram::encode`]'s text; exact minimum and maximum are stored next to it, where known.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub fn decode(
        text: &str,
        precision: Precision,
        min_max_ns: Option<(u64, u64)>,
    ) -> Result<Histogram, DecodeError> {
        Histogram::decode_of(text, precision, min_max_ns, u64::MAX)
    }

    /// The same for a histogram that is known to hold at most `values` values.
    ///
    /// # Errors
    /// [`DecodeError`].
    pub(crate) fn decode_of(
        text: &str,
        precision: Precision,
        min_max_ns: Option<(u64, u64)>,
        values: u64,
    ) -> Result<Histogram, DecodeError> {
        let bytes = BASE64.decode(text).map_err(|_| DecodeError::Base64)?;
        let mut histogram = Histogram::new(precision);
        let mut total = 0u64;
        let mut add = |header, bucket: Bucket| {
            check(header, precision)?;
            total = total
                .checked_add(bucket.count)
                .filter(|&total| total <= values)
                .ok_or_else(|| DecodeError::Encoding("its counts are out of range".to_owned()))?;
            histogram.record_n(bucket.high_ns, bucket.count);
            Ok(())
        };
        let (header, _) = encoding::decode(&bytes, &mut add)?;
        check(header, precision)?;
        histogram.set_extremes(min_max_ns);
        Ok(histogram)
    }

    /// Minimum and maximum as given, held within the first and the last bucket; those buckets' ends if not given.
    fn set_extremes(&mut self, min_max_ns: Option<(u64, u64)>) {
        let mut buckets = self.counts.buckets();
        let Some(first) = buckets.next() else { return };
        let last_high_ns = buckets.last().unwrap_or(first).high_ns;
        let (min_ns, max_ns) = min_max_ns.unwrap_or((first.low_ns, last_high_ns));
        self.min_ns = min_ns.clamp(first.low_ns, last_high_ns);
        self.max_ns = max_ns.clamp(self.min_ns, last_high_ns);
    }

    /// Bytes of memory that its counts take.
    pub(crate) fn footprint(&self) -> u64 {
        self.counts.footprint()
    }

    fn representative(&self, bucket: &Bucket) -> u64 {
        (bucket.low_ns + (bucket.high_ns - bucket.low_ns) / 2).clamp(self.min_ns, self.max_ns)
    }
}

/// An encoded histogram must have the kind of its place.
fn check(header: encoding::Header, precision: Precision) -> Result<(), DecodeError> {
    if header.digits != precision.digits() {
        return Err(DecodeError::Precision {
            found: header.digits,
            expected: precision.digits(),
        });
    }
    match header.lowest {
        1 => Ok(()),
        unit => Err(DecodeError::Encoding(format!(
            "its unit is {unit} ns where 1 ns is expected"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::{DecodeError, Histogram, Precision};

    fn of(precision: Precision, values: &[u64]) -> Histogram {
        let mut histogram = Histogram::new(precision);
        values.iter().for_each(|&v| histogram.record(v));
        histogram
    }

    #[test]
    fn a_value_is_reported_within_half_a_bucket_and_the_extremes_exactly() {
        let values: Vec<u64> = (1..=1000u64).map(|i| i * 320_500).collect();
        let histogram = of(Precision::Four, &values);
        let ranked = histogram.ranked_values();
        for rank in 1..=1000u64 {
            let (read, truth) = (
                ranked.at_rank(rank).unwrap() as f64,
                (rank * 320_500) as f64,
            );
            assert!(
                (read - truth).abs() / truth <= 1.0 / 32_768.0,
                "rank {rank}: {read} for {truth}"
            );
        }
        assert_eq!(histogram.value_at_rank(1000), Some(320_500_000));
        assert_eq!(histogram.value_at_rank(1), Some(320_500));
        assert_eq!(histogram.value_at_rank(0), None);
        assert_eq!(histogram.value_at_rank(1001), None);
    }

    #[test]
    fn merging_is_adding_counts_and_never_averaging() {
        // METHOD: 9 900 requests of 10 ms on one worker, 100 of 1 000 ms on the other.
        let mut a = Histogram::new(Precision::Four);
        a.record_n(10_000_000, 9_900);
        let mut b = Histogram::new(Precision::Four);
        b.record_n(1_000_000_000, 100);
        a.add(&b);
        let near = |rank: u64, ms: f64| {
            (a.value_at_rank(rank).unwrap() as f64 / 1e6 - ms).abs() < ms / 16_384.0
        };
        assert!(near(5_000, 10.0) && near(9_500, 10.0) && near(9_900, 10.0) && near(9_990, 1000.0));
    }

    #[test]
    fn the_encoding_round_trips_without_loss() {
        let values: Vec<u64> = (0..5_000u64).map(|i| i * i * 131 + 17).collect();
        let histogram = of(Precision::Four, &values);
        let bounds = (histogram.min_ns().unwrap(), histogram.max_ns().unwrap());
        let back = Histogram::decode(&histogram.encode(), Precision::Four, Some(bounds)).unwrap();
        assert!(back.buckets().eq(histogram.buckets()));
        assert_eq!(
            (back.min_ns(), back.max_ns()),
            (histogram.min_ns(), histogram.max_ns())
        );
        let empty = Histogram::decode(
            &Histogram::new(Precision::Three).encode(),
            Precision::Three,
            None,
        )
        .unwrap();
        assert_eq!((empty.count(), empty.max_ns()), (0, None));
    }

    #[test]
    fn a_damaged_or_foreign_encoding_is_refused() {
        let text = of(Precision::Three, &[1, 2, 3]).encode();
        assert_eq!(
            Histogram::decode("%%%", Precision::Three, None).unwrap_err(),
            DecodeError::Base64
        );
        assert!(matches!(
            Histogram::decode(&text[..8], Precision::Three, None),
            Err(DecodeError::Encoding(_))
        ));
        let other = Histogram::decode(&text, Precision::Four, None).unwrap_err();
        assert_eq!(
            other,
            DecodeError::Precision {
                found: 3,
                expected: 4
            }
        );
    }

    #[test]
    fn a_limit_inside_an_occupied_bucket_gives_a_range() {
        let histogram = of(
            Precision::Two,
            &[100, 150_000_000, 150_500_000, 150_900_000, 400_000_000],
        );
        // The reference bucket of 150 ms at two digits is 149 946 368 to 150 994 943 ns.
        assert_eq!(histogram.count_above(150_000_000), (1, 4));
        assert_eq!(histogram.count_above(149_946_367), (4, 4));
        assert_eq!(histogram.count_above(150_994_943), (1, 1));
        assert_eq!(histogram.count_above(400_000_000), (0, 0));
    }

    #[test]
    fn durations_beyond_an_hour_are_held_at_an_hour() {
        let histogram = of(Precision::Four, &[u64::MAX, 5]);
        assert_eq!(histogram.max_ns(), Some(super::MAX_NS));
    }
}
