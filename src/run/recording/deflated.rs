//! Rows of bytes as text in a run file: zlib in base64.

use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

/// Bytes that are deflated at a time.
const CHUNK: usize = 1 << 14;

/// A text that is not the row that is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum InflateError {
    /// Not base64, or not zlib inside it.
    Encoding,
    /// Another number of bytes; counted up to one more than there should be.
    Length {
        /// Bytes that are there.
        found: u64,
    },
}

/// Deflates a row of bytes.
pub(crate) fn encode(bytes: impl IntoIterator<Item = u8>) -> String {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    let mut chunk = Vec::with_capacity(CHUNK);
    let mut bytes = bytes.into_iter();
    loop {
        chunk.clear();
        chunk.extend(bytes.by_ref().take(CHUNK));
        if chunk.is_empty() {
            break;
        }
        encoder
            .write_all(&chunk)
            .expect("writing to memory does not fail");
    }
    let compressed = encoder.finish().expect("writing to memory does not fail");
    BASE64.encode(compressed)
}

/// The same as [`decode`]; `None` for anything that is not a row of this length.
pub(crate) fn inflate(text: &str, expected: u64) -> Option<Vec<u8>> {
    decode(text, expected).ok()
}

/// Inflates a row of this many bytes, and no more than that even if the text has more.
pub(super) fn decode(text: &str, expected: u64) -> Result<Vec<u8>, InflateError> {
    let compressed = BASE64.decode(text).map_err(|_| InflateError::Encoding)?;
    let mut bytes = Vec::new();
    ZlibDecoder::new(compressed.as_slice())
        .take(expected.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|_| InflateError::Encoding)?;
    let found = bytes.len() as u64;
    if found == expected {
        Ok(bytes)
    } else {
        Err(InflateError::Length { found })
    }
}
