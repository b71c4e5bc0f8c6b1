//! Where a request stands in its caller's trace: W3C Trace Context, <https://www.w3.org/TR/trace-context/>.

use std::fmt;
use std::num::NonZeroU128;
use std::str::FromStr;

use serde::{Deserialize, Serialize, Serializer};

/// The header that carries a trace.
pub const TRACEPARENT: &str = "traceparent";

/// Length of the value of that header, in version 00.
pub const TRACEPARENT_BYTES: usize = 55;

/// Longest `tracestate` that is passed on, in bytes.
const STATE_BYTES: usize = 512;

/// The one flag that version 00 knows; a program that does not know the others passes zeros on.
const SAMPLED: u8 = 1;

/// A position in a trace: what `traceparent` and `tracestate` carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The whole trace.
    trace_id: TraceId,
    /// One step of it; not zero.
    span_id: u64,
    /// [`SAMPLED`] or nothing.
    flags: u8,
    /// Vendor data of tracing systems, unchanged.
    state: Option<String>,
}

impl Trace {
    /// A new trace without a caller, not sampled.
    pub fn start() -> Trace {
        Trace {
            trace_id: TraceId::of(rand::random()),
            span_id: random_span(),
            flags: 0,
            state: None,
        }
    }

    /// The first step of a trace that is to be kept; a span of 0, which the standard excludes, becomes 1.
    pub fn sampled(trace_id: TraceId, span_id: u64) -> Trace {
        Trace {
            trace_id,
            span_id: span_id.max(1),
            flags: SAMPLED,
            state: None,
        }
    }

    /// Reads a `traceparent`: version 00 as it is written, later ones as far as they begin like it. `None` for anything
    /// else, which is to be treated as if nothing had come.
    pub fn parse(traceparent: &str) -> Option<Trace> {
        let bytes = traceparent.as_bytes();
        if bytes.len() < TRACEPARENT_BYTES || !traceparent.is_ascii() {
            return None;
        }
        let version = hex(&traceparent[..2])?;
        let rest_fits = match version {
            0 => bytes.len() == TRACEPARENT_BYTES,
            0xff => false,
            _ => bytes.len() == TRACEPARENT_BYTES || bytes[TRACEPARENT_BYTES] == b'-',
        };
        if !rest_fits || [2, 35, 52].iter().any(|at| bytes[*at] != b'-') {
            return None;
        }
        let trace_id = traceparent[3..35].parse().ok()?;
        let span_id = u64::try_from(hex(&traceparent[36..52])?).ok()?;
        let flags = u8::try_from(hex(&traceparent[53..55])?).ok()? & SAMPLED;
        (span_id != 0).then_some(Trace {
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

    /// The trace, as logs name it.
    pub fn trace_id(&self) -> TraceId {
        self.trace_id
    }

    /// The step, as logs name it: 16 hexadecimal digits.
    pub fn span_id(&self) -> impl fmt::Display {
        format!("{:016x}", self.span_id)
    }

    /// The header for the next hop.
    pub fn traceparent(&self) -> String {
        let mut place = [0; TRACEPARENT_BYTES];
        self.write_over(&mut place);
        place.map(char::from).iter().collect()
    }

    /// Writes [`Trace::traceparent`] over bytes that are there already.
    pub fn write_over(&self, place: &mut [u8; TRACEPARENT_BYTES]) {
        place.copy_from_slice(b"00-00000000000000000000000000000000-0000000000000000-00");
        write_digits(self.trace_id.0.get(), &mut place[3..35]);
        write_digits(self.span_id.into(), &mut place[36..52]);
        write_digits(self.flags.into(), &mut place[53..55]);
    }

    /// Sent together with [`Trace::traceparent`].
    pub fn tracestate(&self) -> Option<&str> {
        self.state.as_deref()
    }
}

/// The name of a trace: 32 lower-case hexadecimal digits, not all zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(try_from = "String")]
pub struct TraceId(#[cfg_attr(test, schemars(with = "String"))] NonZeroU128);

impl TraceId {
    /// These 128 bits; 0, which the standard excludes, becomes 1.
    pub fn of(bits: u128) -> TraceId {
        TraceId(NonZeroU128::new(bits).unwrap_or(NonZeroU128::MIN))
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A text that is not the name of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a trace id is 32 lower-case hexadecimal digits, not all zero")]
pub struct TraceIdError;

impl FromStr for TraceId {
    type Err = TraceIdError;

    fn from_str(text: &str) -> Result<TraceId, TraceIdError> {
        let bits = hex(text).filter(|_| text.len() == 32);
        let bits = bits.and_then(NonZeroU128::new);
        bits.map(TraceId).ok_or(TraceIdError)
    }
}

impl Serialize for TraceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl TryFrom<String> for TraceId {
    type Error = TraceIdError;

    fn try_from(text: String) -> Result<TraceId, TraceIdError> {
        text.parse()
    }
}

/// Fills these bytes with the last digits of a number.
fn write_digits(mut number: u128, digits: &mut [u8]) {
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 0xf) as usize];
        number >>= 4;
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

    use super::{Trace, TraceId, TraceIdError};

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
    fn a_sampled_trace_has_no_number_of_zeros() {
        let trace = Trace::sampled(TraceId::of(0), 0);
        assert_eq!(
            trace.traceparent(),
            "00-00000000000000000000000000000001-0000000000000001-01"
        );
        assert_eq!(Trace::parse(&trace.traceparent()), Some(trace));
    }

    #[test]
    fn a_trace_id_is_read_as_it_is_written() {
        let text = "0af7651916cd43dd8448eb211c80319c";
        let id: TraceId = text.parse().unwrap();
        assert_eq!(id.to_string(), text);
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<TraceId>(&json).unwrap(), id);
        for wrong in [
            "",
            "0af7651916cd43dd8448eb211c80319",
            "00af7651916cd43dd8448eb211c80319c",
            "0AF7651916CD43DD8448EB211C80319C",
            "+af7651916cd43dd8448eb211c80319c",
            "00000000000000000000000000000000",
        ] {
            assert_eq!(wrong.parse::<TraceId>(), Err(TraceIdError), "{wrong}");
        }
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
