//! Why an encoded histogram cannot be read.

/// An encoded histogram that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not base64.
    #[error("the histogram is not base64")]
    Base64,
    /// Not one of HdrHistogram's encodings, or damaged.
    #[error("the histogram cannot be decoded: {0}")]
    Encoding(String),
    /// Of another precision than its place in the file has.
    #[error("the histogram has {found} significant digits where {expected} are expected")]
    Precision {
        /// Digits it has.
        found: u8,
        /// Digits it should have.
        expected: u8,
    },
}
