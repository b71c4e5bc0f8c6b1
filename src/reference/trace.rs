//! Where a request stands in its caller's trace: W3C Trace Context, <https://www.w3.org/TR/trace-context/>.

use std::fmt;

/// Longest `tracestate` that is passed on, in bytes.
const STATE_BYTES: usize = 512;

/// The one flag that version 00 knows; a program that does not know the others passes zeros on.
const SAMPLED: u8 = 1;

/// A position in a trace: what `traceparent` and `tracestate` carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The whole trace; not zero.
    trace_id: u128,
    /// One step of it; not zero.
    span_id: u64,
    /// [`SAMPLED`] or nothing.
    flags: u8,
    /// What tracing systems keep beside it, as it came.
    state: Option<String>,
}

impl Trace {
    /// A new trace without a caller, not sampled.
    pub fn start() -> Trace {
        Trace {
            trace_id: rand::random::<u128>().max(1),
            span_id: random_span(),
            flags: 0,
            state: None,
        }
    }

    /// Reads a `traceparent`: version 00 as it is written, later ones as far as they begin like it. `None` for anything
    /// else, which is to be treated as if nothing had come.
    pub fn parse(traceparent: &str) -> Option<Trace> {
        let bytes = traceparent.as_bytes();
        if bytes.len() < 55 || !traceparent.is_ascii() {
            return None;
        }
        let version = hex(&traceparent[..2])?;
        let rest_fits = match version {
            0 => bytes.len() == 55,
            0xff => false,
            _ => bytes.len() == 55 || bytes[55] == b'-',
        };
        if !rest_fits || [2, 35, 52].iter().any(|at| bytes[*at] != b'-') {
            return None;
        }
        let trace_id = hex(&traceparent[3..35])?;
        let span_id = u64::try_from(hex(&traceparent[36..52])?).ok()?;
        let flags = u8::try_from(hex(&traceparent[53..55])?).ok()? & SAMPLED;
        (trace_id != 0 && span_id != 0).then_some(Trace {
            trace_id,
            span_id,
            flags,
            state: None,
        })
    }

    /// The same with a `tracestate`; one that is too long or not printable is left out.
    pub fn with_state(mut self, state: Option<String>) -> Trace {
        self.state = state.filter(|state| {
            (1..=STATE_BYTES).contains(&state.len())
                && state
                    .bytes()
                    .all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte))
        });
        self
    }

    /// The next step: the same trace, a span of its own.
    pub fn child(&self) -> Trace {
        Trace {
            span_id: random_span(),
            ..self.clone()
        }
    }

    /// The trace, as logs name it: 32 hexadecimal digits.
    pub fn trace_id(&self) -> impl fmt::Display {
        Hex(self.trace_id, 32)
    }

    /// The step, as logs name it: 16 hexadecimal digits.
    pub fn span_id(&self) -> impl fmt::Display {
        Hex(self.span_id.into(), 16)
    }

    /// The header for the next hop.
    pub fn traceparent(&self) -> String {
        format!(
            "00-{:032x}-{:016x}-{:02x}",
            self.trace_id, self.span_id, self.flags
        )
    }

    /// Goes beside [`Trace::traceparent`].
    pub fn tracestate(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

/// A number in so many hexadecimal digits.
struct Hex(u128, usize);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0width$x}", self.0, width = self.1)
    }
}

/// Lower-case digits only, as the standard has it.
fn hex(digits: &str) -> Option<u128> {
    digits
        .bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        .then(|| u128::from_str_radix(digits, 16).ok())
        .flatten()
}

fn random_span() -> u64 {
    rand::random::<u64>().max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Trace;

    /// From the standard.
    const EXAMPLE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn what_is_read_is_what_is_written() {
        let trace = Trace::parse(EXAMPLE).expect("valid");
        assert_eq!(trace.traceparent(), EXAMPLE);
        assert_eq!(
            trace.trace_id().to_string(),
            "0af7651916cd43dd8448eb211c80319c"
        );
        assert_eq!(trace.span_id().to_string(), "b7ad6b7169203331");
    }

    #[test]
    fn a_child_is_another_step_of_the_same_trace() {
        let trace = Trace::parse(EXAMPLE)
            .expect("valid")
            .with_state(Some("a=1".to_owned()));
        let child = trace.child();
        assert_eq!(child.trace_id().to_string(), trace.trace_id().to_string());
        assert_ne!(child.span_id().to_string(), trace.span_id().to_string());
        assert!(
            child.traceparent().ends_with("-01"),
            "sampled stays sampled"
        );
        assert_eq!(child.tracestate(), Some("a=1"));
    }

    #[test]
    fn what_the_standard_calls_invalid_is_as_if_nothing_had_come() {
        for invalid in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more",
            "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(Trace::parse(invalid), None, "{invalid}");
        }
        let later = "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-comes";
        assert!(Trace::parse(later).is_some(), "later versions begin alike");
    }

    #[test]
    fn a_state_that_cannot_be_a_header_is_left_out() {
        let with = |state: &str| {
            Trace::start()
                .with_state(Some(state.to_owned()))
                .tracestate()
                .map(str::to_owned)
        };
        assert_eq!(
            with("rojo=00f067aa0ba902b7,congo=t61").as_deref(),
            Some("rojo=00f067aa0ba902b7,congo=t61")
        );
        for state in ["", "a=\u{1}", "a=ü", "a\r\nb"] {
            assert_eq!(with(state), None, "{state:?}");
        }
        assert_eq!(with(&"x".repeat(513)), None);
    }

    proptest! {
        #[test]
        fn nothing_that_comes_can_break_the_reader(text in "\\PC*", hexish in "[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}") {
            let _ = Trace::parse(&text);
            if let Some(trace) = Trace::parse(&hexish) {
                let passed_on = trace.traceparent();
                prop_assert_eq!(&passed_on[..53], format!("00{}", &hexish[2..53]));
                let sampled = "13579bdf".contains(&hexish[54..]);
                prop_assert_eq!(&passed_on[53..], if sampled { "01" } else { "00" });
            }
        }
    }
}
