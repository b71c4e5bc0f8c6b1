//! Templates as the encoder fills them: columns by their numbers, and values in the spelling of their place.

use crate::run::plan::{Piece, RowWindow, Template};

/// A part of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum RequestPart {
    /// The same in every request.
    Text(Vec<u8>),
    Uuid,
    /// `{{n}}`.
    Number,
    /// The time of sending.
    Now,
    /// The path of the request in a replayed log, as it is there.
    LoggedPath,
    /// A value of the request's row.
    Field {
        /// The number of its column.
        column: usize,
        spelling: Spelling,
    },
}

/// How a value of a row or of the environment is written where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As it is: in a header, and in a body of another type.
    AsIs,
    /// Percent-encoded as a component, so that it stays one segment or one value (RFC 3986 §2.3).
    Percent,
    /// With the escapes of a JSON string (RFC 8259 §7).
    JsonString,
}

/// Where a template stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TemplatePlace {
    /// Path and query.
    Target,
    Header,
    /// A body with values inside of JSON strings.
    JsonBody,
    /// A body of `application/x-www-form-urlencoded`.
    FormBody,
    OtherBody,
}

impl TemplatePlace {
    /// Of a body with this Content-Type.
    pub(super) fn of_body(content_type: Option<&str>) -> TemplatePlace {
        let essence = content_type.unwrap_or_default().split(';').next();
        let essence = essence.unwrap_or_default().trim().to_ascii_lowercase();
        let subtype = essence.split_once('/').map_or("", |(_, subtype)| subtype);
        match subtype {
            "json" | "x-ndjson" | "ndjson" | "jsonl" => TemplatePlace::JsonBody,
            _ if subtype.ends_with("+json") => TemplatePlace::JsonBody,
            "x-www-form-urlencoded" => TemplatePlace::FormBody,
            _ => TemplatePlace::OtherBody,
        }
    }
}

impl Spelling {
    /// Writes a value.
    pub(super) fn write(self, value: &str, out: &mut Vec<u8>) {
        match self {
            Spelling::AsIs => out.extend_from_slice(value.as_bytes()),
            Spelling::Percent => write_percent_encoded(value, out),
            Spelling::JsonString => write_json_string(value, out),
        }
    }
}

fn write_percent_encoded(value: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte);
        } else {
            let digits = [HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]];
            out.extend_from_slice(&[b'%', digits[0], digits[1]]);
        }
    }
}

fn write_json_string(value: &str, out: &mut Vec<u8>) {
    for byte in value.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control if control < 0x20 => {
                out.extend_from_slice(format!("\\u{control:04x}").as_bytes());
            }
            byte => out.push(byte),
        }
    }
}

/// Gathers the parts of a request, text in as few of them as possible.
pub(super) struct PartWriter<'a> {
    rows: Option<&'a RowWindow>,
    parts: Vec<RequestPart>,
}

impl<'a> PartWriter<'a> {
    /// For requests that are filled from these rows.
    pub(super) fn new(rows: Option<&'a RowWindow>) -> PartWriter<'a> {
        PartWriter {
            rows,
            parts: Vec::new(),
        }
    }

    pub(super) fn into_parts(self) -> Vec<RequestPart> {
        self.parts
    }

    pub(super) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    fn bytes(&mut self, text: &[u8]) {
        match self.parts.last_mut() {
            Some(RequestPart::Text(last)) => last.extend_from_slice(text),
            _ => self.parts.push(RequestPart::Text(text.to_vec())),
        }
    }

    /// A template in its place.
    pub(super) fn template(&mut self, template: &Template, place: TemplatePlace) {
        let mut string = JsonString::Outside;
        for piece in template.pieces() {
            let spelling = match place {
                TemplatePlace::Target | TemplatePlace::FormBody => Spelling::Percent,
                TemplatePlace::JsonBody if string != JsonString::Outside => Spelling::JsonString,
                _ => Spelling::AsIs,
            };
            match piece {
                Piece::Text(text) => {
                    self.bytes(text);
                    string = string.after(text);
                }
                // Braces are not allowed in a URL.
                Piece::Braces if place == TemplatePlace::Target => self.text("%7B%7B"),
                Piece::Braces => self.text("{{"),
                Piece::Env(variable) => {
                    let mut value = Vec::new();
                    spelling.write(&variable.value, &mut value);
                    self.bytes(&value);
                }
                Piece::Uuid => self.parts.push(RequestPart::Uuid),
                Piece::Index => self.parts.push(RequestPart::Number),
                Piece::Now => self.parts.push(RequestPart::Now),
                Piece::LoggedPath => self.parts.push(RequestPart::LoggedPath),
                Piece::Row(title) => {
                    // `cli` has refused a column that there is not.
                    if let Some(column) = self.rows.and_then(|rows| rows.column(title)) {
                        self.parts.push(RequestPart::Field { column, spelling });
                    }
                }
            }
        }
    }
}

/// Whether a place in a JSON text is within a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum JsonString {
    Outside,
    Inside,
    /// Behind a backslash.
    Escape,
}

impl JsonString {
    fn after(self, text: &[u8]) -> JsonString {
        text.iter().fold(self, |state, byte| match (state, byte) {
            (JsonString::Outside, b'"') => JsonString::Inside,
            (JsonString::Inside, b'"') => JsonString::Outside,
            (JsonString::Inside, b'\\') => JsonString::Escape,
            (JsonString::Escape, _) => JsonString::Inside,
            _ => state,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;

    use super::{Spelling, TemplatePlace};

    fn written(spelling: Spelling, value: &str) -> String {
        let mut out = Vec::new();
        spelling.write(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_value_in_a_url_is_one_component() {
        // RFC 3986 §2.3: unreserved characters stay, all others are bytes of UTF-8.
        for (value, encoded) in [
            ("a-Z_0.9~", "a-Z_0.9~"),
            ("a b/c?d=e&f#g+h%", "a%20b%2Fc%3Fd%3De%26f%23g%2Bh%25"),
            ("é", "%C3%A9"),
            ("", ""),
        ] {
            assert_eq!(written(Spelling::Percent, value), encoded);
        }
    }

    #[test]
    fn the_type_of_a_body_decides_how_its_values_are_written() {
        for (content_type, place) in [
            (Some("application/json"), TemplatePlace::JsonBody),
            (
                Some("Application/JSON; charset=utf-8"),
                TemplatePlace::JsonBody,
            ),
            (Some("application/vnd.api+json"), TemplatePlace::JsonBody),
            (Some("application/x-ndjson"), TemplatePlace::JsonBody),
            (
                Some("application/x-www-form-urlencoded"),
                TemplatePlace::FormBody,
            ),
            (Some("text/plain"), TemplatePlace::OtherBody),
            (None, TemplatePlace::OtherBody),
        ] {
            assert_eq!(
                TemplatePlace::of_body(content_type),
                place,
                "{content_type:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn a_value_in_a_json_string_is_that_string(value: String) {
            let quoted = format!("\"{}\"", written(Spelling::JsonString, &value));
            proptest::prop_assert_eq!(serde_json::from_str::<String>(&quoted).unwrap(), value);
        }

        #[test]
        fn a_value_in_a_query_is_that_value(value: String) {
            let query = format!("http://h/?v={}", written(Spelling::Percent, &value));
            let url = reqwest::Url::parse(&query).unwrap();
            let (_, read) = url.query_pairs().next().unwrap();
            proptest::prop_assert_eq!(read, value);
        }
    }
}
