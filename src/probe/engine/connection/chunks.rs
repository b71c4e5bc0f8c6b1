//! The framing of a chunked body, byte by byte (RFC 9112 §7.1): sizes, ends and trailers.

use super::response_error::ResponseError;

/// Longest chunk-size line or trailer section, in bytes.
const MAX_CHUNK_LINE_BYTES: usize = 16 * 1024;

/// Hexadecimal digits of a chunk's size, leading zeros included; fewer than fill 64 bits.
const MAX_SIZE_DIGITS: u32 = 15;

/// The part of a chunked body that the next byte belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunks {
    Size(SizeLine),
    /// Bytes of the chunk that are left, at least one.
    Data(u64),
    End {
        seen_cr: bool,
    },
    Trailer(Trailer),
}

/// The received part of a chunk's size line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SizeLine {
    digits: u32,
    size: u64,
    /// Received bytes of the line.
    line: usize,
    part: SizePart,
}

/// Where in a chunk's size line the reader is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SizePart {
    Digits,
    Extension,
    /// After the carriage return: only the line feed may follow.
    End,
}

/// The received trailers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Trailer {
    /// Received bytes of the line, without a carriage return at its end.
    line: usize,
    seen_cr: bool,
    /// Received bytes of all trailers.
    total: usize,
}

impl Chunks {
    /// Before the first chunk.
    pub(super) const START: Chunks = Chunks::Size(SizeLine {
        digits: 0,
        size: 0,
        line: 0,
        part: SizePart::Digits,
    });

    /// Inside or behind the data of a chunk.
    pub(super) fn data(left: u64) -> Chunks {
        if left > 0 {
            Chunks::Data(left)
        } else {
            Chunks::End { seen_cr: false }
        }
    }

    /// Takes one byte of framing; `None` if it was the last one of the body.
    pub(super) fn next(self, byte: u8) -> Result<Option<Chunks>, ResponseError> {
        match self {
            Chunks::Size(line) => line.next(byte).map(Some),
            Chunks::Data(left) => Ok(Some(Chunks::data(left - 1))),
            Chunks::End { seen_cr } => match byte {
                b'\r' if !seen_cr => Ok(Some(Chunks::End { seen_cr: true })),
                b'\n' => Ok(Some(Chunks::START)),
                _ => Err(ResponseError::Chunk(
                    "a chunk is longer than its size line states",
                )),
            },
            Chunks::Trailer(trailer) => trailer.next(byte),
        }
    }
}

impl SizeLine {
    fn next(mut self, byte: u8) -> Result<Chunks, ResponseError> {
        if self.line >= MAX_CHUNK_LINE_BYTES {
            return Err(ResponseError::Chunk("a chunk's size line is too long"));
        }
        self.part = match (byte, self.part) {
            (b'\n', _) => return self.ended(),
            (_, SizePart::End) => {
                return Err(ResponseError::Chunk(
                    "a chunk's size line has a stray return",
                ));
            }
            (b'\r', _) => SizePart::End,
            (_, SizePart::Extension) | (b';' | b' ' | b'\t', _) => SizePart::Extension,
            (_, SizePart::Digits) => {
                self.add_digit(byte)?;
                SizePart::Digits
            }
        };
        self.line += 1;
        Ok(Chunks::Size(self))
    }

    fn add_digit(&mut self, byte: u8) -> Result<(), ResponseError> {
        let digit = (byte as char)
            .to_digit(16)
            .ok_or(ResponseError::Chunk("a chunk's size is not a number"))?;
        if self.digits >= MAX_SIZE_DIGITS {
            return Err(ResponseError::Chunk("a chunk's size is too large"));
        }
        self.digits += 1;
        self.size = self.size * 16 + u64::from(digit);
        Ok(())
    }

    fn ended(self) -> Result<Chunks, ResponseError> {
        match (self.digits, self.size) {
            (0, _) => Err(ResponseError::Chunk("a chunk has no size")),
            (_, 0) => Ok(Chunks::Trailer(Trailer::default())),
            (_, size) => Ok(Chunks::Data(size)),
        }
    }
}

impl Trailer {
    fn next(mut self, byte: u8) -> Result<Option<Chunks>, ResponseError> {
        if self.total >= MAX_CHUNK_LINE_BYTES {
            return Err(ResponseError::Chunk("the trailers are too long"));
        }
        self.total += 1;
        match byte {
            b'\n' if self.line == 0 => return Ok(None),
            b'\n' => (self.line, self.seen_cr) = (0, false),
            _ if self.seen_cr => {
                return Err(ResponseError::Chunk("a trailer has a stray return"));
            }
            b'\r' => self.seen_cr = true,
            _ => self.line += 1,
        }
        Ok(Some(Chunks::Trailer(self)))
    }
}
