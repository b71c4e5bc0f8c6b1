//! The JSON of an event, bounded so that every worker can read it: the check before acceptance, and the tokens.
//!
//! Celery and RQ workers read a payload with Python's `json`, which refuses integers of more than 4,300 digits and
//! gives up on deep nesting. An event that no worker can read would be dispatched again indefinitely, so its request is
//! refused. The tokenizer keeps a bit for each level and is not recursive, so no input can overflow a stack.

#[cfg(test)]
pub(crate) mod mutation;

use std::fmt;
use std::ops::Range;

/// Arrays and objects inside each other, the outermost included.
pub(crate) const LEVELS: usize = 128;
/// Digits of one number: the default limit of Python's `int`.
pub(crate) const DIGITS: usize = 4_300;

/// Why a text is not the payload of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum PayloadError {
    /// Not JSON; the expected token, and the byte at which it is missing.
    NotJson(&'static str, usize),
    /// More than [`LEVELS`]; the byte where the level begins.
    TooDeep(usize),
    /// A number of more than [`DIGITS`]: its digits, and the byte where it begins.
    TooLong(usize, usize),
    /// Half of a surrogate pair, which no UTF-8 text can hold; the byte of its escape.
    LoneSurrogate(usize),
}

impl PayloadError {
    /// Is it JSON, and beyond the bounds?
    pub(crate) fn is_of_the_bounds(&self) -> bool {
        !matches!(self, PayloadError::NotJson(..))
    }
}

impl fmt::Display for PayloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PayloadError::NotJson(expected, at) => write!(f, "not JSON: {expected} at byte {at}"),
            PayloadError::TooDeep(at) => write!(
                f,
                "more than {LEVELS} levels of arrays and objects, at byte {at}"
            ),
            PayloadError::TooLong(digits, at) => write!(
                f,
                "a number of {digits} digits at byte {at}; at most {DIGITS} are allowed"
            ),
            PayloadError::LoneSurrogate(at) => write!(
                f,
                "half of a surrogate pair at byte {at}, which UTF-8 cannot encode"
            ),
        }
    }
}

/// A piece of a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token<'a> {
    Null,
    Bool(bool),
    /// A number as it is written.
    Number(&'a str),
    /// A string, or a name in an object, without its escapes.
    Text(String),
    Array,
    ArrayEnd,
    Object,
    ObjectEnd,
}

/// Checks that the text is JSON within the bounds.
pub(crate) fn check(text: &str) -> Result<(), PayloadError> {
    walk(text, |_| {})
}

/// Gives every token of a text in order. If the text is refused, the tokens given before are void.
pub(crate) fn walk<'a>(text: &'a str, mut give: impl FnMut(Token<'a>)) -> Result<(), PayloadError> {
    let mut reader = PayloadReader {
        text,
        at: 0,
        levels: OpenLevels::default(),
    };
    let mut next = Expected::Value;
    loop {
        reader.skip_space();
        next = match next {
            Expected::Value => reader.value(&mut give)?,
            Expected::FirstOrEnd => match reader.peek() {
                Some(b']' | b'}') => Expected::CommaOrEnd,
                _ => reader.item(&mut give)?,
            },
            Expected::Item => reader.item(&mut give)?,
            Expected::CommaOrEnd => match reader.after(&mut give)? {
                Some(next) => next,
                None => return Ok(()),
            },
        };
    }
}

/// The next expected token.
enum Expected {
    Value,
    /// The first item of an array or object, or its end.
    FirstOrEnd,
    /// An item after a comma.
    Item,
    CommaOrEnd,
}

/// The open arrays and objects: a bit each, set for an object.
#[derive(Default)]
struct OpenLevels {
    objects: u128,
    open: usize,
}

impl OpenLevels {
    fn open(&mut self, is_object: bool, at: usize) -> Result<(), PayloadError> {
        if self.open == LEVELS {
            return Err(PayloadError::TooDeep(at));
        }
        self.objects = self.objects << 1 | u128::from(is_object);
        self.open += 1;
        Ok(())
    }

    fn close(&mut self) {
        self.objects >>= 1;
        self.open -= 1;
    }

    fn is_in_object(&self) -> bool {
        self.objects & 1 == 1
    }
}

struct PayloadReader<'a> {
    text: &'a str,
    at: usize,
    levels: OpenLevels,
}

impl<'a> PayloadReader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek();
        self.at += usize::from(byte.is_some());
        byte
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), PayloadError> {
        if self.peek() != Some(byte) {
            return Err(PayloadError::NotJson(what, self.at));
        }
        self.at += 1;
        Ok(())
    }

    /// An item of the innermost array or object: a value, with its name before it in an object.
    fn item(&mut self, give: &mut impl FnMut(Token<'a>)) -> Result<Expected, PayloadError> {
        if self.levels.is_in_object() {
            self.expect(b'"', "a name in quotes is missing")?;
            give(Token::Text(self.string()?));
            self.skip_space();
            self.expect(b':', "a colon is missing")?;
            self.skip_space();
        }
        self.value(give)
    }

    fn value(&mut self, give: &mut impl FnMut(Token<'a>)) -> Result<Expected, PayloadError> {
        let at = self.at;
        match self.peek() {
            Some(open @ (b'[' | b'{')) => {
                self.at += 1;
                let is_object = open == b'{';
                self.levels.open(is_object, at)?;
                give(if is_object {
                    Token::Object
                } else {
                    Token::Array
                });
                return Ok(Expected::FirstOrEnd);
            }
            Some(b'"') => {
                self.at += 1;
                give(Token::Text(self.string()?));
            }
            Some(b'-' | b'0'..=b'9') => {
                let number = self.number()?;
                give(Token::Number(&self.text[number]));
            }
            _ => {
                let words = [
                    ("null", Token::Null),
                    ("true", Token::Bool(true)),
                    ("false", Token::Bool(false)),
                ];
                let rest = &self.text[at..];
                let found = words.into_iter().find(|(word, _)| rest.starts_with(word));
                let (word, token) = found.ok_or(PayloadError::NotJson("a value is missing", at))?;
                self.at += word.len();
                give(token);
            }
        }
        Ok(Expected::CommaOrEnd)
    }

    /// The token after a value; `None` at the end of the text.
    fn after(
        &mut self,
        give: &mut impl FnMut(Token<'a>),
    ) -> Result<Option<Expected>, PayloadError> {
        if self.levels.open == 0 {
            return match self.peek() {
                None => Ok(None),
                Some(_) => Err(PayloadError::NotJson("the end is missing", self.at)),
            };
        }
        let (end, token) = if self.levels.is_in_object() {
            (b'}', Token::ObjectEnd)
        } else {
            (b']', Token::ArrayEnd)
        };
        if self.peek() == Some(b',') {
            self.at += 1;
            return Ok(Some(Expected::Item));
        }
        self.expect(end, "a comma or the closing bracket is missing")?;
        self.levels.close();
        give(token);
        Ok(Some(Expected::CommaOrEnd))
    }

    fn number(&mut self) -> Result<Range<usize>, PayloadError> {
        let start = self.at;
        self.at += usize::from(self.peek() == Some(b'-'));
        let leads = self.peek();
        let mut digits = self.digits()?;
        if leads == Some(b'0') && digits > 1 {
            return Err(PayloadError::NotJson("a number begins with 0", start));
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            digits += self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            digits += self.digits()?;
        }
        if digits > DIGITS {
            return Err(PayloadError::TooLong(digits, start));
        }
        Ok(start..self.at)
    }

    /// The number of digits; at least one.
    fn digits(&mut self) -> Result<usize, PayloadError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start {
            return Err(PayloadError::NotJson("a digit is missing", start));
        }
        Ok(self.at - start)
    }

    /// The rest of a string behind its first quote.
    fn string(&mut self) -> Result<String, PayloadError> {
        let (mut text, mut plain) = (String::new(), self.at);
        loop {
            let at = self.at;
            match self.next() {
                Some(b'"') => {
                    text.push_str(&self.text[plain..at]);
                    return Ok(text);
                }
                Some(b'\\') => {
                    text.push_str(&self.text[plain..at]);
                    text.push(self.escape(at)?);
                    plain = self.at;
                }
                Some(0x20..) => {}
                _ => return Err(PayloadError::NotJson("the closing quote is missing", at)),
            }
        }
    }

    /// The character that an escape stands for; its backslash is at this byte.
    fn escape(&mut self, at: usize) -> Result<char, PayloadError> {
        Ok(match self.next() {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(plain @ (b'"' | b'\\' | b'/')) => plain.into(),
            Some(b'u') => {
                let unit = self.hex()?;
                let is_high = (0xd800..0xdc00).contains(&unit);
                if !is_high {
                    return char::from_u32(unit).ok_or(PayloadError::LoneSurrogate(at));
                }
                if !self.text[self.at..].starts_with("\\u") {
                    return Err(PayloadError::LoneSurrogate(at));
                }
                self.at += 2;
                let low = self.hex()?;
                if !(0xdc00..0xe000).contains(&low) {
                    return Err(PayloadError::LoneSurrogate(at));
                }
                let code = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
                char::from_u32(code).ok_or(PayloadError::LoneSurrogate(at))?
            }
            _ => return Err(PayloadError::NotJson("a known escape is missing", at)),
        })
    }

    fn hex(&mut self) -> Result<u32, PayloadError> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let digit = digit.ok_or(PayloadError::NotJson("four hexadecimal digits", self.at))?;
            self.at += 1;
            unit = unit << 4 | digit;
        }
        Ok(unit)
    }
}

#[cfg(test)]
mod tests;
