//! The name of a run: short and printable, wherever it comes from.

use super::problem::Problem;

/// Longest name, in bytes.
const BYTES: usize = 128;

/// The name, if it is one; `place` is where it was found.
pub(super) fn run_name(name: &[u8], place: &str) -> Result<String, Problem> {
    let printable = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~');
    match std::str::from_utf8(name) {
        Ok(text) if (1..=BYTES).contains(&name.len()) && name.iter().all(printable) => {
            Ok(text.to_owned())
        }
        _ => Err(Problem::Malformed(format!(
            "{place} needs 1 to {BYTES} bytes of printable ASCII"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::run_name;

    #[test]
    fn a_name_is_short_and_printable() {
        for name in ["r", "run 7\t", &"r".repeat(128)] {
            assert!(run_name(name.as_bytes(), "it").is_ok(), "{name}");
        }
        for name in ["", "\0", "a\0b", "\u{7f}", "ü", &"r".repeat(129)] {
            assert!(run_name(name.as_bytes(), "it").is_err(), "{name:?}");
        }
    }
}
