//! The encodings against bytes that are written out here from their definition.

use std::io::Write;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use super::{Bucket, DecodeError, Header, decode};

/// Counts by index, as an encoder writes them.
enum EncodedCounts<'a> {
    /// Every index up to the last occupied one, in words of this many bytes.
    Fixed(u32, &'a [u64]),
    /// Bytes that are variable words already.
    Variable(&'a [u8]),
}

/// A plain histogram of a version with three digits.
fn plain(version: u32, lowest: u64, counts: &EncodedCounts<'_>) -> Vec<u8> {
    let payload: Vec<u8> = match counts {
        EncodedCounts::Fixed(size, counts) => {
            let word = |count: &u64| count.to_be_bytes()[8 - *size as usize..].to_vec();
            counts.iter().flat_map(word).collect()
        }
        EncodedCounts::Variable(bytes) => bytes.to_vec(),
    };
    let size = match counts {
        EncodedCounts::Fixed(size, _) => *size,
        EncodedCounts::Variable(_) => 1,
    };
    let mut bytes = match version {
        0 => (0x1c84_9308u32 | size << 4).to_be_bytes().to_vec(),
        1 => (0x1c84_9301u32 | size << 4).to_be_bytes().to_vec(),
        _ => 0x1c84_9313u32.to_be_bytes().to_vec(),
    };
    if version > 0 {
        bytes.extend((payload.len() as u32).to_be_bytes());
        // The offset of an encoder that shifted its values; it does not move them.
        bytes.extend(2_048u32.to_be_bytes());
    }
    bytes.extend(3u32.to_be_bytes());
    bytes.extend(lowest.to_be_bytes());
    bytes.extend(3_600_000_000_000u64.to_be_bytes());
    match version {
        0 => bytes.extend(7u64.to_be_bytes()),
        _ => bytes.extend(1f64.to_bits().to_be_bytes()),
    }
    bytes.extend(payload);
    bytes
}

fn compressed(version: u32, plain: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    let zlib = encoder.finish().unwrap();
    let cookie: u32 = match version {
        0 => 0x1c84_9309,
        1 => 0x1c84_9302,
        _ => 0x1c84_9314,
    };
    let mut bytes = cookie.to_be_bytes().to_vec();
    bytes.extend((zlib.len() as u32).to_be_bytes());
    bytes.extend(zlib);
    bytes
}

/// Lowest and highest value of a bucket, and its count.
type Occupied = (u64, u64, u64);

fn read(bytes: &[u8]) -> Result<(Header, Vec<Occupied>), DecodeError> {
    let mut buckets = Vec::new();
    let (header, _) = decode(bytes, |_, b: Bucket| {
        buckets.push((b.low_ns, b.high_ns, b.count));
        Ok(())
    })?;
    Ok((header, buckets))
}

/// Two of 5, three of 2050 or 2051 (from 2048 on a bucket holds two values), in the order of the buckets' indices.
fn indices() -> Vec<u64> {
    let mut counts = vec![0; 2_050];
    counts[5] = 2;
    counts[2_049] = 3;
    counts
}

#[test]
fn every_version_gives_the_buckets_that_were_counted() {
    let counts = indices();
    // Minus 5, 2, minus 2043, 3 in ZigZag LEB128.
    let variable = [0x09, 0x04, 0xf5, 0x1f, 0x06];
    let expected = vec![(5, 5, 2), (2_050, 2_051, 3)];
    let header = Header {
        digits: 3,
        lowest: 1,
    };
    for (version, counts) in [
        (0, EncodedCounts::Fixed(2, &counts)),
        (0, EncodedCounts::Fixed(4, &counts)),
        (0, EncodedCounts::Fixed(8, &counts)),
        (1, EncodedCounts::Fixed(2, &counts)),
        (1, EncodedCounts::Fixed(8, &counts)),
        (2, EncodedCounts::Variable(&variable)),
    ] {
        let plain = plain(version, 1, &counts);
        let expected = (header, expected.clone());
        assert_eq!(read(&plain), Ok(expected.clone()), "V{version}");
        assert_eq!(
            read(&compressed(version, &plain)),
            Ok(expected),
            "V{version}"
        );
    }
}

#[test]
fn a_larger_unit_widens_every_bucket() {
    let counts = indices();
    let (header, buckets) = read(&plain(1, 1_000, &EncodedCounts::Fixed(8, &counts))).unwrap();
    assert_eq!(header.lowest, 1_000);
    // 1,000 counts in steps of 512.
    assert_eq!(
        buckets,
        [(5 * 512, 6 * 512 - 1, 2), (2_050 * 512, 2_052 * 512 - 1, 3)]
    );
}

#[test]
fn more_than_the_header_allows_is_not_inflated() {
    // 256 MiB of zeros in 260 kB.
    let mut bomb = plain(1, 1, &EncodedCounts::Fixed(8, &[]));
    bomb.resize(256 << 20, 0);
    let length = (bomb.len() as u32 - 40).to_be_bytes();
    bomb[4..8].copy_from_slice(&length);
    let bomb = compressed(1, &bomb);
    assert!(bomb.len() < 300_000);
    let why = |error: DecodeError| error.to_string();
    assert_eq!(
        read(&bomb).map_err(why).unwrap_err(),
        "the histogram cannot be decoded: it inflates to more than its header allows"
    );
}

#[test]
fn what_no_encoder_writes_is_refused() {
    let good = plain(2, 1, &EncodedCounts::Variable(&[0x02]));
    let with = |at: usize, bytes: &[u8]| {
        let mut changed = good.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        changed
    };
    let far = plain(
        2,
        1,
        &EncodedCounts::Variable(&[0xff, 0xff, 0xff, 0xff, 0x0f, 0x02]),
    );
    let full = plain(1, 1, &EncodedCounts::Fixed(8, &[u64::MAX]));
    let cases: [(Vec<u8>, &str); 9] = [
        (good[..20].to_vec(), "it is too short"),
        (Vec::new(), "it is too short"),
        (
            with(0, &[0; 4]),
            "it is in none of the encodings V0, V1 and V2",
        ),
        (
            with(12, &6u32.to_be_bytes()),
            "its digits or its unit are out of range",
        ),
        (
            with(12, &u32::MAX.to_be_bytes()),
            "its digits or its unit are out of range",
        ),
        (
            with(16, &0u64.to_be_bytes()),
            "its digits or its unit are out of range",
        ),
        (
            with(4, &9u32.to_be_bytes()),
            "its length contradicts its header",
        ),
        (far, "a value is out of range"),
        (full, "a count is out of range"),
    ];
    for (bytes, why) in cases {
        assert_eq!(read(&bytes), Err(DecodeError::Encoding(why.to_owned())));
    }
}
