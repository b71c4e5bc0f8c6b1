//! Text in UTF-8 from bytes in UTF-8 or UTF-16, with or without a byte order mark, as a stream.

use std::borrow::Cow;
use std::io::{self, Cursor, Read};

/// How the text of a file is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    Utf8,
    Utf16(Endian),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Endian {
    Little,
    Big,
}

/// How many bytes identify the encoding.
const HEAD: usize = 4;

/// The encoding of a text and the length of its byte order mark. A text begins with an ASCII character, so a zero byte
/// in its first pair identifies UTF-16 without a mark.
fn sniff(head: &[u8]) -> (Encoding, usize) {
    match head {
        [0xef, 0xbb, 0xbf, ..] => (Encoding::Utf8, 3),
        [0xff, 0xfe, ..] => (Encoding::Utf16(Endian::Little), 2),
        [0xfe, 0xff, ..] => (Encoding::Utf16(Endian::Big), 2),
        [1..=255, 0] | [1..=255, 0, 1..=255, 0] => (Encoding::Utf16(Endian::Little), 0),
        [0, 1..=255] | [0, 1..=255, 0, 1..=255] => (Encoding::Utf16(Endian::Big), 0),
        _ => (Encoding::Utf8, 0),
    }
}

/// Whether a text begins with the byte order mark of UTF-32.
pub(super) fn is_utf32(head: &[u8]) -> bool {
    matches!(head, [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..])
}

/// A reader of UTF-8 without a byte order mark. Bytes that are not valid UTF-8 pass unchanged; a code unit that is
/// not valid UTF-16 becomes U+FFFD.
pub(super) struct Utf8<R> {
    input: io::Chain<Cursor<Vec<u8>>, R>,
    encoding: Encoding,
    /// Bytes of a character that the input has not completed.
    rest: Vec<u8>,
    decoded: Cursor<Vec<u8>>,
}

impl<R: Read> Utf8<R> {
    /// Reads the first bytes to learn the encoding.
    pub(super) fn new(mut input: R) -> io::Result<Utf8<R>> {
        let mut head = Vec::new();
        input.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
        let (encoding, mark) = sniff(&head);
        head.drain(..mark);
        Ok(Utf8 {
            input: Cursor::new(head).chain(input),
            encoding,
            rest: Vec::new(),
            decoded: Cursor::new(Vec::new()),
        })
    }

    /// Decodes another piece of UTF-16. An empty result means the end of the input.
    fn refill(&mut self, endian: Endian) -> io::Result<()> {
        let mut piece = vec![0; 16 << 10];
        loop {
            let read = self.input.read(&mut piece)?;
            self.rest.extend_from_slice(&piece[..read]);
            let whole = match read {
                0 => self.rest.len(),
                _ => complete(&self.rest, endian),
            };
            let text = decode_utf16(&self.rest[..whole], endian);
            self.rest.drain(..whole);
            if read == 0 || !text.is_empty() {
                self.decoded = Cursor::new(text.into_bytes());
                return Ok(());
            }
        }
    }
}

impl<R: Read> Read for Utf8<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let Encoding::Utf16(endian) = self.encoding else {
            return self.input.read(out);
        };
        let read = self.decoded.read(out)?;
        if read > 0 || out.is_empty() {
            return Ok(read);
        }
        self.refill(endian)?;
        self.decoded.read(out)
    }
}

fn unit(pair: &[u8], endian: Endian) -> u16 {
    match (pair, endian) {
        (&[a, b], Endian::Little) => u16::from_le_bytes([a, b]),
        (&[a, b], Endian::Big) => u16::from_be_bytes([a, b]),
        // Half a unit at the end of a cut file.
        _ => 0xfffd,
    }
}

/// How many bytes hold whole characters.
fn complete(bytes: &[u8], endian: Endian) -> usize {
    let even = bytes.len() & !1;
    if even >= 2 && (0xd800..0xdc00).contains(&unit(&bytes[even - 2..even], endian)) {
        even - 2
    } else {
        even
    }
}

fn decode_utf16(bytes: &[u8], endian: Endian) -> String {
    let units = bytes.chunks(2).map(|pair| unit(pair, endian));
    char::decode_utf16(units)
        .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect()
}

/// The bytes of a file in UTF-8 without a byte order mark.
pub(super) fn to_utf8(bytes: &[u8]) -> Cow<'_, [u8]> {
    match sniff(&bytes[..bytes.len().min(HEAD)]) {
        (Encoding::Utf8, mark) => Cow::Borrowed(&bytes[mark..]),
        (Encoding::Utf16(endian), mark) => {
            Cow::Owned(decode_utf16(&bytes[mark..], endian).into_bytes())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::{Utf8, to_utf8};

    /// A reader that gives one byte at a time.
    struct Dribble<'a>(&'a [u8]);

    impl Read for Dribble<'_> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            let n = self.0.len().min(out.len()).min(1);
            out[..n].copy_from_slice(&self.0[..n]);
            self.0 = &self.0[n..];
            Ok(n)
        }
    }

    #[test]
    fn every_encoding_gives_the_same_text_in_pieces_of_any_size() {
        let text = "Latenz (µs)\n163.5\n\u{1f40c}\n";
        let units: Vec<u16> = text.encode_utf16().collect();
        let le: Vec<u8> = units.iter().flat_map(|u| u.to_le_bytes()).collect();
        let be: Vec<u8> = units.iter().flat_map(|u| u.to_be_bytes()).collect();
        for bytes in [
            text.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            [b"\xff\xfe", le.as_slice()].concat(),
            [b"\xfe\xff", be.as_slice()].concat(),
            le,
            be,
        ] {
            assert_eq!(to_utf8(&bytes), text.as_bytes());
            let mut read = String::new();
            let mut stream = Utf8::new(Dribble(&bytes)).unwrap();
            stream.read_to_string(&mut read).unwrap();
            assert_eq!(read, text);
        }
    }

    #[test]
    fn half_a_character_at_the_end_is_marked() {
        let mut read = String::new();
        let mut stream = Utf8::new(&b"\xff\xfe1\x002"[..]).unwrap();
        stream.read_to_string(&mut read).unwrap();
        assert_eq!(read, "1\u{fffd}");
    }
}
