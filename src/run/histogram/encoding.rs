//! HdrHistogram's binary encodings V0, V1 and V2, plain and compressed. Every length is checked before memory is
//! allocated, because the bytes come from files.

use std::io::Read;

use flate2::read::ZlibDecoder;

use super::bucket::Bucket;
use super::decode_error::DecodeError;

/// A cookie without the bits that give the size of a word.
const BASE: u32 = !0xf0;

const V0: u32 = 0x1c84_9308;
const V1: u32 = 0x1c84_9301;
const V2: u32 = 0x1c84_9303;
const COMPRESSED: [u32; 3] = [0x1c84_9309, 0x1c84_9302, 0x1c84_9304];
const DOUBLE: [u32; 2] = [0x0c72_124e, 0x0c72_124f];

/// Most bytes of one inflated histogram: five digits over the 42 bits of an hour in ns take 27 MB in V1.
const MAX_INFLATED: u64 = 64 << 20;

/// Parameters of an encoded histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Significant decimal digits, 0 to 5.
    pub(super) digits: u8,
    /// The smallest distinguishable unit.
    pub(super) lowest: u64,
}

/// How the buckets of a histogram are numbered.
struct Layout {
    /// Values below 2^bits units have a bucket each.
    bits: u32,
    /// Power of two of the smallest unit.
    unit: u32,
}

impl Layout {
    fn of(header: Header) -> Layout {
        // The smallest power of two that holds 2·10^digits (Tene's "sub-bucket count").
        let steps = 2 * 10u64.pow(u32::from(header.digits));
        Layout {
            bits: u64::BITS - (steps - 1).leading_zeros(),
            unit: header.lowest.ilog2(),
        }
    }

    /// Bounds of a bucket, both included; `None` beyond 63 bits, which no histogram counts.
    fn bounds(&self, index: u64) -> Option<(u64, u64)> {
        let half = self.bits - 1;
        let octave = (index >> half).saturating_sub(1);
        let kept = index - (octave << half);
        let shift = u32::try_from(octave).ok()?.checked_add(self.unit)?;
        (self.bits + shift <= 63).then(|| (kept << shift, ((kept + 1) << shift) - 1))
    }

    /// How many buckets 63 bits have.
    fn buckets(&self) -> u64 {
        u64::from((65 - self.bits).saturating_sub(self.unit)) << (self.bits - 1)
    }
}

/// Decodes a histogram and calls `each` with its occupied buckets in ascending order, in units of the encoder. Gives the
/// number of bytes that were inflated or read.
pub(super) fn decode(
    bytes: &[u8],
    mut each: impl FnMut(Header, Bucket) -> Result<(), DecodeError>,
) -> Result<(Header, u64), DecodeError> {
    let mut fields = Fields(bytes);
    let cookie = fields.u32()?;
    if DOUBLE.contains(&cookie) {
        return Err(wrong(
            "it is a DoubleHistogram, whose values are not integers",
        ));
    }
    if !COMPRESSED.contains(&(cookie & BASE)) {
        return plain(bytes, &mut each).map(|header| (header, bytes.len() as u64));
    }
    // The compressed bytes know their own end.
    let _length = fields.u32()?;
    let inflated = inflate(fields.0)?;
    plain(&inflated, &mut each).map(|header| (header, inflated.len() as u64))
}

/// The bytes of a compressed histogram, not more than its own header allows.
fn inflate(zlib: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let mut decoder = ZlibDecoder::new(zlib);
    let mut inflated = Vec::new();
    let mut read = |inflated: &mut Vec<u8>, limit: u64| {
        let read = decoder.by_ref().take(limit).read_to_end(inflated);
        read.map_err(|_| wrong("it does not inflate"))
    };
    read(&mut inflated, 40)?;
    let (_, header, fields) = Header::of(&inflated)?;
    let used = (inflated.len() - fields.0.len()) as u64;
    let limit = (used + 9 * Layout::of(header).buckets()).min(MAX_INFLATED);
    read(&mut inflated, limit)?;
    if inflated.len() as u64 <= limit {
        Ok(inflated)
    } else {
        Err(wrong("it inflates to more than its header allows"))
    }
}

/// How counts are written.
#[derive(Clone, Copy)]
enum Word {
    /// Big-endian, of this many bytes.
    Fixed(usize),
    /// ZigZag LEB128 of at most nine bytes; a negative number is a run of empty buckets.
    Variable,
}

/// How the counts follow a header.
struct Shape {
    word: Word,
    /// In bytes; V0 does not state it.
    length: Option<usize>,
}

impl Header {
    /// The header at the start of plain bytes, how its counts follow, and the rest.
    fn of(bytes: &[u8]) -> Result<(Shape, Header, Fields<'_>), DecodeError> {
        let mut fields = Fields(bytes);
        let cookie = fields.u32()?;
        let base = cookie & BASE;
        let length = match base {
            V0 => None,
            V1 | V2 => {
                let length = fields.u32()?;
                // The encoder's offset of index 0 in its memory. The counts are in the order of values regardless.
                let _normalizing_offset = fields.u32()?;
                Some(length as usize)
            }
            _ => return Err(wrong("it is in none of the encodings V0, V1 and V2")),
        };
        let digits = fields.u32()?;
        let lowest = fields.u64()?;
        let _highest = fields.u64()?;
        // The total count in V0, else the factor from integers to doubles.
        let last = fields.u64()?;
        let header = Header {
            digits: u8::try_from(digits).unwrap_or(u8::MAX),
            lowest,
        };
        if header.digits > 5 || !(1..1 << 62).contains(&lowest) {
            return Err(wrong("its digits or its unit are out of range"));
        }
        if length.is_some() && f64::from_bits(last) != 1.0 {
            return Err(wrong("its values are scaled"));
        }
        let word = match (base, (cookie >> 4) & 0xe) {
            (V2, _) => Word::Variable,
            (_, size @ (2 | 4 | 8)) => Word::Fixed(size as usize),
            _ => return Err(wrong("its counts have an unknown size")),
        };
        Ok((Shape { word, length }, header, fields))
    }
}

fn plain(
    bytes: &[u8],
    each: &mut impl FnMut(Header, Bucket) -> Result<(), DecodeError>,
) -> Result<Header, DecodeError> {
    let (shape, header, mut fields) = Header::of(bytes)?;
    if shape.length.is_some_and(|length| length != fields.0.len()) {
        return Err(wrong("its length contradicts its header"));
    }
    let layout = Layout::of(header);
    let mut index = 0u64;
    while !fields.0.is_empty() {
        let count = fields.count(shape.word)?;
        if count > 0 {
            let (low_ns, high_ns) = layout
                .bounds(index)
                .ok_or_else(|| wrong("a value is out of range"))?;
            let count = count.unsigned_abs();
            each(
                header,
                Bucket {
                    low_ns,
                    high_ns,
                    count,
                },
            )?;
        }
        let step = if count < 0 { count.unsigned_abs() } else { 1 };
        index = index.saturating_add(step);
    }
    Ok(header)
}

/// Big-endian fields, read from the front.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (first, rest) = self
            .0
            .split_first_chunk::<N>()
            .ok_or_else(|| wrong("it is too short"))?;
        self.0 = rest;
        Ok(*first)
    }

    fn u32(&mut self) -> Result<u32, DecodeError> {
        self.take().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Result<u64, DecodeError> {
        self.take().map(u64::from_be_bytes)
    }

    /// A count, or minus the length of a run of empty buckets.
    fn count(&mut self, word: Word) -> Result<i64, DecodeError> {
        let count = match word {
            Word::Variable => return self.zigzag(),
            Word::Fixed(2) => u64::from(u16::from_be_bytes(self.take()?)),
            Word::Fixed(4) => u64::from(self.u32()?),
            Word::Fixed(_) => self.u64()?,
        };
        i64::try_from(count).map_err(|_| wrong("a count is out of range"))
    }

    fn zigzag(&mut self) -> Result<i64, DecodeError> {
        let mut value = 0u64;
        for position in 0..9 {
            let [byte] = self.take()?;
            // The ninth byte has eight bits of the number and no mark of continuation.
            let (bits, more) = match position {
                8 => (byte, false),
                _ => (byte & 0x7f, byte & 0x80 != 0),
            };
            value |= u64::from(bits) << (7 * position);
            if !more {
                break;
            }
        }
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }
}

fn wrong(why: &str) -> DecodeError {
    DecodeError::Encoding(why.to_owned())
}

#[cfg(test)]
pub(super) mod tests;
