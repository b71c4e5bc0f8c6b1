//! The few opcodes of Python's pickle that plain data needs, because RQ jobs are pickled by default.
//!
//! Nothing is ever called or imported: an opcode that would is refused. Written is protocol 2, which every Python 3
//! reads; read are the opcodes that protocols 2 to 5 use for None, booleans, numbers, strings, lists, tuples and
//! dictionaries with string keys. Opcodes: `pickletools` of Python's standard library.

use std::collections::HashMap;

use serde_json::{Map, Number, Value};

/// A call as RQ stores it: `(func_name, instance, args, kwargs)`; the arguments by position.
pub(super) fn call(function: &str, args: &[Value]) -> Vec<u8> {
    let mut out = vec![0x80, 2, b'('];
    write(&mut out, &Value::from(function));
    out.push(b'N');
    out.push(b'(');
    args.iter().for_each(|arg| write(&mut out, arg));
    out.push(b't');
    out.extend(*b"}t.");
    out
}

fn write(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => out.push(b'N'),
        Value::Bool(true) => out.push(0x88),
        Value::Bool(false) => out.push(0x89),
        Value::Number(number) => write_number(out, number),
        Value::String(text) => {
            out.push(b'X');
            // A body is at most 256 KiB.
            out.extend((text.len() as u32).to_le_bytes());
            out.extend(text.as_bytes());
        }
        Value::Array(values) => {
            out.extend(*b"](");
            values.iter().for_each(|value| write(out, value));
            out.push(b'e');
        }
        Value::Object(fields) => {
            out.extend(*b"}(");
            for (name, value) in fields {
                write(out, &Value::from(name.as_str()));
                write(out, value);
            }
            out.push(b'u');
        }
    }
}

fn write_number(out: &mut Vec<u8>, number: &Number) {
    let integer = number.as_i64().map(i128::from);
    match integer.or(number.as_u64().map(i128::from)) {
        // LONG1: nine bytes hold every u64 with its sign.
        Some(integer) => {
            out.extend([0x8a, 9]);
            out.extend(&integer.to_le_bytes()[..9]);
        }
        None => {
            out.push(b'G');
            out.extend(number.as_f64().unwrap_or_default().to_be_bytes());
        }
    }
}

/// What a pickle of plain data holds; tuples become lists.
pub(super) fn read(bytes: &[u8]) -> Result<Value, String> {
    Machine {
        rest: bytes,
        stack: Vec::new(),
        memo: HashMap::new(),
    }
    .run()
}

/// The stack machine that a pickle is a program for.
struct Machine<'a> {
    rest: &'a [u8],
    stack: Vec<Slot>,
    /// Strings and numbers; `None` for what may change after it was remembered.
    memo: HashMap<u32, Option<Value>>,
}

#[derive(Clone)]
enum Slot {
    Mark,
    Value(Value),
}

impl Machine<'_> {
    fn run(mut self) -> Result<Value, String> {
        loop {
            match self.byte()? {
                b'.' => return self.pop(),
                opcode => self.step(opcode)?,
            }
        }
    }

    fn step(&mut self, opcode: u8) -> Result<(), String> {
        match opcode {
            0x80 => drop(self.take(1)?),
            0x95 => drop(self.take(8)?),
            b'(' => self.stack.push(Slot::Mark),
            b'N' => self.push(Value::Null),
            0x88 => self.push(true.into()),
            0x89 => self.push(false.into()),
            b'J' => {
                let integer = i32::from_le_bytes(self.array()?);
                self.push(integer.into());
            }
            b'K' | b'M' => {
                let integer = self.length(if opcode == b'K' { 1 } else { 2 })?;
                self.push(integer.into());
            }
            0x8a => {
                let size = self.length(1)?;
                let integer = integer(self.take(size)?)?;
                self.push(integer);
            }
            b'G' => {
                let float = f64::from_be_bytes(self.array()?);
                self.push(float.into());
            }
            0x8c => self.text(1)?,
            b'X' => self.text(4)?,
            0x8d => self.text(8)?,
            b']' | b')' => self.push(Value::Array(Vec::new())),
            b'}' => self.push(Value::Object(Map::new())),
            0x85..=0x87 => {
                let start = self.stack.len().checked_sub(usize::from(opcode - 0x84));
                let values = values(self.stack.split_off(start.ok_or(SHORT)?))?;
                self.push(values.into());
            }
            b't' => {
                let values = self.since_mark()?;
                self.push(values.into());
            }
            b'a' => {
                let value = self.pop()?;
                self.list()?.push(value);
            }
            b'e' => {
                let values = self.since_mark()?;
                self.list()?.extend(values);
            }
            b's' => {
                let value = self.pop()?;
                let name = self.pop()?;
                self.set(vec![name, value])?;
            }
            b'u' => {
                let pairs = self.since_mark()?;
                self.set(pairs)?;
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
                self.push(value.ok_or("a list or a dictionary occurs twice")?);
            }
            other => return Err(format!("pickle opcode 0x{other:02x} is not plain data")),
        }
        Ok(())
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

    fn text(&mut self, length_bytes: usize) -> Result<(), String> {
        let length = self.length(length_bytes)?;
        let text = std::str::from_utf8(self.take(length)?).map_err(|error| error.to_string())?;
        let text = Value::from(text);
        self.push(text);
        Ok(())
    }

    fn push(&mut self, value: Value) {
        self.stack.push(Slot::Value(value));
    }

    fn pop(&mut self) -> Result<Value, String> {
        match self.stack.pop() {
            Some(Slot::Value(value)) => Ok(value),
            _ => Err(SHORT.to_owned()),
        }
    }

    fn since_mark(&mut self) -> Result<Vec<Value>, String> {
        let is_mark = |slot: &Slot| matches!(slot, Slot::Mark);
        let mark = self.stack.iter().rposition(is_mark).ok_or(SHORT)?;
        let found = values(self.stack.split_off(mark + 1))?;
        self.stack.pop();
        Ok(found)
    }

    fn list(&mut self) -> Result<&mut Vec<Value>, String> {
        match self.stack.last_mut() {
            Some(Slot::Value(Value::Array(values))) => Ok(values),
            _ => Err(SHORT.to_owned()),
        }
    }

    fn set(&mut self, pairs: Vec<Value>) -> Result<(), String> {
        let Some(Slot::Value(Value::Object(fields))) = self.stack.last_mut() else {
            return Err(SHORT.to_owned());
        };
        let mut pairs = pairs.into_iter();
        while let (Some(name), Some(value)) = (pairs.next(), pairs.next()) {
            let Value::String(name) = name else {
                return Err(format!("the key {name} is no string"));
            };
            fields.insert(name, value);
        }
        Ok(())
    }

    fn remember(&mut self, index: u32) -> Result<(), String> {
        match self.stack.last() {
            Some(Slot::Value(value)) => {
                // A list or dictionary is remembered while it is empty, and filled after that.
                let is_container = value.is_array() || value.is_object();
                let value = (!is_container).then(|| value.clone());
                self.memo.insert(index, value);
                Ok(())
            }
            _ => Err(SHORT.to_owned()),
        }
    }
}

const SHORT: &str = "the pickle is cut off or no pickle";

fn values(slots: Vec<Slot>) -> Result<Vec<Value>, String> {
    let value = |slot| match slot {
        Slot::Value(value) => Ok(value),
        Slot::Mark => Err(SHORT.to_owned()),
    };
    slots.into_iter().map(value).collect()
}

/// A two's complement number of any length; beyond 64 bits it becomes a float, as in JSON.
fn integer(little_endian: &[u8]) -> Result<Value, String> {
    let negative = little_endian.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut bytes = [if negative { 0xff } else { 0 }; 16];
    let low = bytes
        .get_mut(..little_endian.len())
        .ok_or("an integer of more than 128 bits")?;
    low.copy_from_slice(little_endian);
    let integer = i128::from_le_bytes(bytes);
    Ok(i64::try_from(integer)
        .map(Value::from)
        .or_else(|_| u64::try_from(integer).map(Value::from))
        .unwrap_or_else(|_| Value::from(integer as f64)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{call, read};

    #[test]
    fn every_kind_of_value_survives() {
        let args = [
            json!("ü"),
            json!({"n": 1, "list": [null, true, false, 1.5, -7, u64::MAX, i64::MIN], "o": {}, "a": []}),
        ];
        let expected = json!(["mod.f", null, args, {}]);
        assert_eq!(read(&call("mod.f", &args)), Ok(expected));
    }

    #[test]
    fn what_python_pickled_is_read() {
        // pickle.dumps(('mod.rqf', None, ('abc', {'n': 300, 'é': None, 'l': ['abc', 1.5]}), {'k': -1}), protocol=5) in Python 3.11.
        let pickled = b"\x80\x05\x95G\0\0\0\0\0\0\0(\x8c\x07mod.rqf\x94N\x8c\x03abc\x94}\x94(\x8c\x01n\x94M,\x01\x8c\x02\xc3\xa9\x94N\x8c\x01l\x94]\x94(h\x01G?\xf8\0\0\0\0\0\0eu\x86\x94}\x94\x8c\x01k\x94J\xff\xff\xff\xffst\x94.";
        let expected =
            json!(["mod.rqf", null, ["abc", {"n": 300, "é": null, "l": ["abc", 1.5]}], {"k": -1}]);
        assert_eq!(read(pickled), Ok(expected));
    }

    #[test]
    fn a_pickle_that_calls_something_is_refused() {
        // pickle.dumps(print, protocol=2) and protocol=5: GLOBAL and STACK_GLOBAL.
        for pickled in [
            &b"\x80\x02c__builtin__\nprint\nq\0."[..],
            b"\x80\x04\x95\x16\0\0\0\0\0\0\0\x8c\x08builtins\x94\x8c\x05print\x94\x93\x94.",
        ] {
            let refused = read(pickled).unwrap_err();
            assert!(refused.contains("is not plain data"), "{refused}");
        }
    }

    #[test]
    fn nonsense_is_an_error() {
        let whole = call("mod.f", &[json!([1, {"a": 2}])]);
        for end in 0..whole.len() {
            assert!(read(&whole[..end]).is_err(), "{end}");
        }
        for nonsense in [
            &b"t."[..],
            b"s.",
            b"(u.",
            b"\x87.",
            b"h\x05.",
            b"\x94.",
            b"\x8a\xff.",
        ] {
            assert!(read(nonsense).is_err(), "{nonsense:?}");
        }
    }
}
