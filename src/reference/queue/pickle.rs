//! The few opcodes of Python's pickle that plain data needs, because RQ jobs are pickled by default.
//!
//! Nothing is ever called or imported: an opcode that would is refused. Written is protocol 2, which every Python 3
//! reads; read are the opcodes that protocols 2 to 5 use for None, booleans, numbers, strings, lists, tuples and
//! dictionaries with string keys. Opcodes: `pickletools` of Python's standard library.
//!
//! A pickle is a program, so a few bytes can ask for any depth and any size. Both are bounded while it runs: no deeply
//! nested value is ever built, and therefore none is ever dropped.

mod plain;

use std::collections::HashMap;
use std::rc::Rc;

use crate::reference::payload::{self, Token};

pub(super) use plain::Plain;

/// Levels of a call: those of a payload, and the tuples around it.
const LEVELS: usize = payload::LEVELS + 2;
/// Bytes that a call may take in memory. A job of this program takes a fraction of it.
const MEMORY: usize = 64 << 20;
/// The size of a value besides its text.
const VALUE: usize = 64;
/// The longest integer: 4,300 digits.
const LONGEST_INTEGER: usize = 1_786;

/// A call as RQ stores it: `(func_name, instance, (event_id, payload), {})`. The payload is JSON. Text that is not JSON
/// becomes a string, and a payload beyond the bounds becomes None.
pub(super) fn call(function: &str, event_id: &str, payload: &str) -> Vec<u8> {
    let mut out = vec![0x80, 2, b'('];
    write_text(&mut out, function);
    out.push(b'N');
    out.push(b'(');
    write_text(&mut out, event_id);
    write_payload(&mut out, payload);
    out.push(b't');
    out.extend(*b"}t.");
    out
}

fn write_payload(out: &mut Vec<u8>, payload: &str) {
    let start = out.len();
    let written = payload::walk(payload, |token| write(out, &token));
    if let Err(refusal) = written {
        out.truncate(start);
        if refusal.is_of_the_bounds() {
            out.push(b'N');
        } else {
            write_text(out, payload);
        }
    }
}

/// The opcodes of a token. Arrays and objects begin with a mark, so their content need not be known in advance.
fn write(out: &mut Vec<u8>, token: &Token<'_>) {
    match token {
        Token::Null => out.push(b'N'),
        Token::Bool(true) => out.push(0x88),
        Token::Bool(false) => out.push(0x89),
        Token::Number(number) => write_number(out, number),
        Token::Text(text) => write_text(out, text),
        Token::Array => out.extend(*b"]("),
        Token::ArrayEnd => out.push(b'e'),
        Token::Object => out.extend(*b"}("),
        Token::ObjectEnd => out.push(b'u'),
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'X');
    // A body is at most 256 KiB.
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.as_bytes());
}

/// As Python's `json` reads it: an integer of any length is exact, and a number with a fraction or an exponent is a
/// float.
fn write_number(out: &mut Vec<u8>, number: &str) {
    if number.contains(['.', 'e', 'E']) {
        out.push(b'G');
        // Infinite beyond the range, as in Python.
        let float = number.parse::<f64>().unwrap_or_default();
        return out.extend(float.to_be_bytes());
    }
    let integer = plain::integer_bytes(number);
    match u8::try_from(integer.len()) {
        Ok(length) => out.extend([0x8a, length]),
        Err(_) => {
            out.push(0x8b);
            out.extend((integer.len() as u32).to_le_bytes());
        }
    }
    out.extend(integer);
}

/// What a pickle of plain data holds; tuples become lists.
pub(super) fn read(bytes: &[u8]) -> Result<Plain, String> {
    Machine {
        rest: bytes,
        stack: Vec::new(),
        memo: HashMap::new(),
        memory: MEMORY,
    }
    .run()
}

/// The stack machine that a pickle is a program for.
struct Machine<'a> {
    rest: &'a [u8],
    stack: Vec<Slot>,
    /// Strings and numbers; `None` for what may change after it was remembered.
    memo: HashMap<u32, Option<Plain>>,
    /// The remaining bytes.
    memory: usize,
}

enum Slot {
    Mark,
    /// A value, and the levels of lists and dictionaries that it consists of.
    Value(Plain, usize),
}

impl Machine<'_> {
    fn run(mut self) -> Result<Plain, String> {
        loop {
            match self.byte()? {
                b'.' => return self.pop().map(|(value, _)| value),
                opcode => self.step(opcode)?,
            }
        }
    }

    fn step(&mut self, opcode: u8) -> Result<(), String> {
        match opcode {
            0x80 => drop(self.take(1)?),
            0x95 => drop(self.take(8)?),
            b'(' => {
                self.charge(VALUE)?;
                self.stack.push(Slot::Mark);
            }
            b'N' => self.push(Plain::word("null"))?,
            0x88 => self.push(Plain::word("true"))?,
            0x89 => self.push(Plain::word("false"))?,
            b'J' => {
                let integer = i32::from_le_bytes(self.array()?);
                self.push(Plain::number(integer.to_string()))?;
            }
            b'K' | b'M' => {
                let integer = self.length(if opcode == b'K' { 1 } else { 2 })?;
                self.push(Plain::number(integer.to_string()))?;
            }
            0x8a => self.integer(1)?,
            0x8b => self.integer(4)?,
            b'G' => {
                let float = f64::from_be_bytes(self.array()?);
                self.push(Plain::float(float)?)?;
            }
            0x8c => self.text(1)?,
            b'X' => self.text(4)?,
            0x8d => self.text(8)?,
            b']' | b')' | b'}' | 0x85..=0x87 | b't' | b'a' | b'e' | b's' | b'u' => {
                self.gather(opcode)?;
            }
            0x94 => {
                let index = self.memo.len() as u32;
                self.remember(index)?;
            }
            b'q' | b'r' => {
                let index = self.length(if opcode == b'q' { 1 } else { 4 })?;
                self.remember(index as u32)?;
            }
            b'h' | b'j' => {
                let index = self.length(if opcode == b'h' { 1 } else { 4 })?;
                let value = self.memo.get(&(index as u32)).ok_or(SHORT)?.clone();
                self.push(value.ok_or("a list or a dictionary occurs twice")?)?;
            }
            other => return Err(format!("pickle opcode 0x{other:02x} is not plain data")),
        }
        Ok(())
    }

    /// Begins a list, tuple or dictionary, or moves values from the stack into one.
    fn gather(&mut self, opcode: u8) -> Result<(), String> {
        match opcode {
            b']' | b')' => self.push_nested(Plain::List(Vec::new()), 1),
            b'}' => self.push_nested(Plain::Map(Default::default()), 1),
            0x85..=0x87 => {
                let start = self.stack.len().checked_sub(usize::from(opcode - 0x84));
                let values = self.stack.split_off(start.ok_or(SHORT)?);
                self.tuple(values)
            }
            b't' => {
                let values = self.since_mark()?;
                self.tuple(values)
            }
            b'a' => {
                let (value, levels) = self.pop()?;
                self.append(vec![Slot::Value(value, levels)])
            }
            b'e' => {
                let values = self.since_mark()?;
                self.append(values)
            }
            b's' => {
                let start = self.stack.len().checked_sub(2).ok_or(SHORT)?;
                let pair = self.stack.split_off(start);
                self.set(pair)
            }
            _ => {
                let pairs = self.since_mark()?;
                self.set(pairs)
            }
        }
    }

    fn take(&mut self, count: usize) -> Result<&[u8], String> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(SHORT)?;
        self.rest = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?[0])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        Ok(self.take(N)?.try_into().map_err(|_| SHORT)?)
    }

    /// An unsigned number of this many bytes.
    fn length(&mut self, bytes: usize) -> Result<usize, String> {
        let mut little_endian = [0; 8];
        little_endian[..bytes].copy_from_slice(self.take(bytes)?);
        Ok(usize::try_from(u64::from_le_bytes(little_endian)).map_err(|_| SHORT)?)
    }

    fn integer(&mut self, length_bytes: usize) -> Result<(), String> {
        let size = self.length(length_bytes)?;
        if size > LONGEST_INTEGER {
            return Err(format!("an integer of {size} bytes"));
        }
        // Turning it into digits takes the square of its length.
        self.charge(size * size / 4)?;
        let integer = plain::integer(self.take(size)?);
        self.push(Plain::number(integer))
    }

    fn text(&mut self, length_bytes: usize) -> Result<(), String> {
        let length = self.length(length_bytes)?;
        let text = std::str::from_utf8(self.take(length)?).map_err(|error| error.to_string())?;
        let text = Plain::Text(Rc::from(text));
        self.push(text)
    }

    /// Takes this many of the remaining bytes.
    fn charge(&mut self, bytes: usize) -> Result<(), String> {
        let left = self.memory.checked_sub(bytes);
        self.memory = left.ok_or_else(|| format!("the call needs more than {MEMORY} bytes"))?;
        Ok(())
    }

    /// Pushes a value without items. Its text counts each time that it occurs.
    fn push(&mut self, value: Plain) -> Result<(), String> {
        self.charge(VALUE + value.text_bytes())?;
        self.stack.push(Slot::Value(value, 0));
        Ok(())
    }

    fn push_nested(&mut self, value: Plain, levels: usize) -> Result<(), String> {
        self.charge(VALUE)?;
        check_levels(levels)?;
        self.stack.push(Slot::Value(value, levels));
        Ok(())
    }

    fn pop(&mut self) -> Result<(Plain, usize), String> {
        match self.stack.pop() {
            Some(Slot::Value(value, levels)) => Ok((value, levels)),
            _ => Err(SHORT.to_owned()),
        }
    }

    fn since_mark(&mut self) -> Result<Vec<Slot>, String> {
        let is_mark = |slot: &Slot| matches!(slot, Slot::Mark);
        let mark = self.stack.iter().rposition(is_mark).ok_or(SHORT)?;
        let found = self.stack.split_off(mark + 1);
        self.stack.pop();
        Ok(found)
    }

    fn tuple(&mut self, slots: Vec<Slot>) -> Result<(), String> {
        let (values, levels) = values(slots)?;
        self.push_nested(Plain::List(values), levels + 1)
    }

    fn append(&mut self, slots: Vec<Slot>) -> Result<(), String> {
        let (values, inner) = values(slots)?;
        let Some(Slot::Value(Plain::List(list), levels)) = self.stack.last_mut() else {
            return Err(SHORT.to_owned());
        };
        check_levels(inner + 1)?;
        *levels = (*levels).max(inner + 1);
        list.extend(values);
        Ok(())
    }

    fn set(&mut self, slots: Vec<Slot>) -> Result<(), String> {
        let (pairs, inner) = values(slots)?;
        let Some(Slot::Value(Plain::Map(fields), levels)) = self.stack.last_mut() else {
            return Err(SHORT.to_owned());
        };
        check_levels(inner + 1)?;
        *levels = (*levels).max(inner + 1);
        let mut pairs = pairs.into_iter();
        while let (Some(name), Some(value)) = (pairs.next(), pairs.next()) {
            let Plain::Text(name) = name else {
                return Err("a key of a dictionary is not a string".to_owned());
            };
            fields.insert(name, value);
        }
        Ok(())
    }

    fn remember(&mut self, index: u32) -> Result<(), String> {
        self.charge(VALUE)?;
        match self.stack.last() {
            Some(Slot::Value(value, _)) => {
                // A list or dictionary is remembered while it is empty, and filled after that.
                let is_container = matches!(value, Plain::List(_) | Plain::Map(_));
                let value = (!is_container).then(|| value.clone());
                self.memo.insert(index, value);
                Ok(())
            }
            _ => Err(SHORT.to_owned()),
        }
    }
}

const SHORT: &str = "the data is not a pickle, or is cut off";

fn check_levels(levels: usize) -> Result<(), String> {
    if levels > LEVELS {
        return Err(format!("the call has more than {LEVELS} levels"));
    }
    Ok(())
}

/// The values, and the levels of the deepest of them.
fn values(slots: Vec<Slot>) -> Result<(Vec<Plain>, usize), String> {
    let (mut values, mut deepest) = (Vec::with_capacity(slots.len()), 0);
    for slot in slots {
        let Slot::Value(value, levels) = slot else {
            return Err(SHORT.to_owned());
        };
        deepest = deepest.max(levels);
        values.push(value);
    }
    Ok((values, deepest))
}

#[cfg(test)]
mod tests;
