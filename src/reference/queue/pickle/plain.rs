//! Plain data as a pickle holds it, on its way to JSON: integers of any length stay exact.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::rc::Rc;

/// The kinds of plain data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Plain {
    /// None, a boolean or a number, as JSON.
    Atom(Rc<str>),
    /// A string. The same one may occur often, and is kept once.
    Text(Rc<str>),
    /// A list or a tuple.
    List(Vec<Plain>),
    Map(BTreeMap<Rc<str>, Plain>),
}

impl Plain {
    pub(super) fn word(word: &'static str) -> Plain {
        Plain::Atom(Rc::from(word))
    }

    pub(super) fn number(digits: String) -> Plain {
        Plain::Atom(Rc::from(digits))
    }

    /// JSON has no infinity, but every reader accepts a number that overflows to it.
    pub(super) fn float(float: f64) -> Result<Plain, String> {
        if float.is_nan() {
            return Err("a float that is not a number".to_owned());
        }
        Ok(Plain::number(match float {
            f64::INFINITY => "1e999".to_owned(),
            f64::NEG_INFINITY => "-1e999".to_owned(),
            // With a fraction or an exponent, so that it stays a float.
            finite => format!("{finite:?}"),
        }))
    }

    /// The length of its own text.
    pub(super) fn text_bytes(&self) -> usize {
        match self {
            Plain::Atom(text) | Plain::Text(text) => text.len(),
            Plain::List(_) | Plain::Map(_) => 0,
        }
    }

    pub(in super::super) fn as_str(&self) -> Option<&str> {
        match self {
            Plain::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The item at this position of a list.
    pub(in super::super) fn at(&self, position: usize) -> Option<&Plain> {
        match self {
            Plain::List(items) => items.get(position),
            _ => None,
        }
    }

    /// The value of this name in a dictionary.
    pub(in super::super) fn named(&self, name: &str) -> Option<&Plain> {
        match self {
            Plain::Map(fields) => fields.get(name),
            _ => None,
        }
    }

    /// The whole value as JSON.
    pub(in super::super) fn to_json(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    /// Recursive once for each level; the levels are bounded.
    fn write(&self, out: &mut String) {
        match self {
            Plain::Atom(text) => out.push_str(text),
            Plain::Text(text) => write_text(out, text),
            Plain::List(items) => {
                out.push('[');
                for (number, item) in items.iter().enumerate() {
                    out.push_str(if number > 0 { "," } else { "" });
                    item.write(out);
                }
                out.push(']');
            }
            Plain::Map(fields) => {
                out.push('{');
                for (number, (name, value)) in fields.iter().enumerate() {
                    out.push_str(if number > 0 { "," } else { "" });
                    write_text(out, name);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

fn write_text(out: &mut String, text: &str) {
    let json = serde_json::to_string(text);
    out.push_str(&json.expect("a string is always JSON"));
}

/// The digits of a two's complement number, its least byte first.
pub(super) fn integer(little_endian: &[u8]) -> String {
    let is_negative = little_endian.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut bytes = little_endian.to_vec();
    if is_negative {
        negate(&mut bytes);
    }
    // Nine digits at a time, the least first.
    let (mut limbs, mut groups) = (limbs(&bytes), Vec::new());
    while !limbs.is_empty() {
        let mut rest = 0u64;
        for limb in limbs.iter_mut().rev() {
            let value = rest << 32 | u64::from(*limb);
            *limb = (value / GROUP) as u32;
            rest = value % GROUP;
        }
        groups.push(rest);
        while limbs.last() == Some(&0) {
            limbs.pop();
        }
    }
    let mut digits = String::from(if is_negative { "-" } else { "" });
    let _ = write!(digits, "{}", groups.pop().unwrap_or(0));
    for group in groups.iter().rev() {
        let _ = write!(digits, "{group:09}");
    }
    digits
}

const GROUP: u64 = 1_000_000_000;

fn limbs(bytes: &[u8]) -> Vec<u32> {
    let limb = |chunk: &[u8]| {
        let mut bytes = [0; 4];
        bytes[..chunk.len()].copy_from_slice(chunk);
        u32::from_le_bytes(bytes)
    };
    let mut limbs: Vec<u32> = bytes.chunks(4).map(limb).collect();
    while limbs.last() == Some(&0) {
        limbs.pop();
    }
    limbs
}

/// The other way round: the shortest two's complement number, its least byte first, of an integer as JSON writes it.
pub(super) fn integer_bytes(number: &str) -> Vec<u8> {
    let digits = number.strip_prefix('-').unwrap_or(number);
    let mut limbs: Vec<u32> = Vec::new();
    for digit in digits.bytes() {
        let mut carry = u64::from(digit - b'0');
        for limb in &mut limbs {
            let value = u64::from(*limb) * 10 + carry;
            *limb = value as u32;
            carry = value >> 32;
        }
        if carry > 0 {
            limbs.push(carry as u32);
        }
    }
    let mut bytes: Vec<u8> = limbs.iter().flat_map(|limb| limb.to_le_bytes()).collect();
    // Room for the sign.
    bytes.push(0);
    if digits.len() < number.len() {
        negate(&mut bytes);
    }
    while let [.., below, last] = bytes[..] {
        let sign = if below & 0x80 == 0 { 0 } else { 0xff };
        if last != sign {
            break;
        }
        bytes.pop();
    }
    bytes
}

fn negate(bytes: &mut [u8]) {
    let mut carry = true;
    for byte in bytes {
        (*byte, carry) = (!*byte).overflowing_add(u8::from(carry));
    }
}
