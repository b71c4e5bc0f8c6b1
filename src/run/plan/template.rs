//! Templates: text with placeholders that differ from request to request.

use std::fmt;

/// Text that may differ from request to request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

/// A part of a [`Template`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// The same in every request.
    Text(Vec<u8>),
    /// `{{{{`: two braces, which begin no placeholder.
    Braces,
    /// `{{uuid}}`: a new event id, a function of seed, endpoint and index, the same wherever it
    /// stands in one request.
    Uuid,
    /// `{{n}}`: the index of the request, from 0.
    Index,
    /// `{{now}}`: the time of sending, RFC 3339 in UTC with milliseconds.
    Now,
    /// `{{row.COLUMN}}`: the value of this column in the request's row.
    Row(String),
    /// `{{env.NAME}}`: a variable of the environment, read once before the run.
    Env(EnvValue),
    /// The path of the request in a replayed log. No text is read as one.
    LoggedPath,
}

impl Piece {
    /// Whether it is the same in every request.
    pub fn is_fixed(&self) -> bool {
        matches!(self, Piece::Text(_) | Piece::Braces | Piece::Env(_))
    }

    /// The placeholder as it is written in a template; `None` for text.
    pub fn placeholder(&self) -> Option<String> {
        Some(match self {
            Piece::Text(_) | Piece::Braces => return None,
            Piece::Uuid => "{{uuid}}".to_owned(),
            Piece::Index => "{{n}}".to_owned(),
            Piece::Now => "{{now}}".to_owned(),
            Piece::Row(column) => format!("{{{{row.{column}}}}}"),
            Piece::Env(variable) => format!("{{{{env.{}}}}}", variable.name),
            Piece::LoggedPath => "{{log.path}}".to_owned(),
        })
    }
}

/// A variable of the environment. Its value may be a secret, and only requests have it.
#[derive(Clone, PartialEq, Eq)]
pub struct EnvValue {
    /// As in `{{env.NAME}}`.
    pub name: String,
    /// What the variable held when the plan was made.
    pub value: String,
}

impl fmt::Debug for EnvValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("EnvValue").field(&self.name).finish()
    }
}

/// A `{{…}}` that cannot be filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateError {
    /// Not a placeholder.
    Unknown {
        /// The number of its first byte, from 1.
        byte: usize,
        /// The word, if it is a typing error of a placeholder. Any other word may be a secret, and is not shown.
        typo: Option<String>,
        /// The placeholder that was probably meant.
        meant: Option<&'static str>,
    },
    /// `{{env.NAME}}` of a variable that is not set.
    Unset(String),
}

impl TemplateError {
    fn unknown(byte: usize, word: &str) -> TemplateError {
        let edits = |known: &str| strsim::damerau_levenshtein(word, known);
        let names = || PLACEHOLDERS.iter().map(|(name, _)| *name);
        let nearest = PLACEHOLDERS.iter().min_by_key(|(name, _)| edits(name));
        let meant = nearest.filter(|(name, _)| edits(name) <= 1);
        TemplateError::Unknown {
            byte,
            typo: names()
                .any(|name| edits(name) <= 2)
                .then(|| word.to_owned()),
            meant: meant.map(|(_, whole)| *whole),
        }
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TemplateError::Unknown { byte, typo, meant } => {
                match typo {
                    Some(word) => write!(f, "'{{{{{word}}}}}' at byte {byte}")?,
                    None => write!(f, "the {{{{…}}}} at byte {byte}")?,
                }
                f.write_str(" is not a placeholder\nhint: ")?;
                match meant {
                    Some(meant) => write!(f, "did you mean {meant}?"),
                    None => f.write_str(
                        "use {{uuid}}, {{n}}, {{now}}, {{row.COLUMN}} of --data, or {{env.NAME}}; write {{{{ for two braces",
                    ),
                }
            }
            TemplateError::Unset(name) => write!(
                f,
                "{{{{env.{name}}}}}: the variable {name} is not set\nhint: export {name}, or remove the placeholder"
            ),
        }
    }
}

impl std::error::Error for TemplateError {}

/// The beginnings of the words between the braces, and each whole.
const PLACEHOLDERS: [(&str, &str); 5] = [
    ("uuid", "{{uuid}}"),
    ("n", "{{n}}"),
    ("now", "{{now}}"),
    ("row", "{{row.COLUMN}}"),
    ("env", "{{env.NAME}}"),
];

const COLUMN_OF: &str = "row.";
const VARIABLE: &str = "env.";

impl Template {
    /// Whether it is the same in every request.
    pub fn is_fixed(&self) -> bool {
        self.pieces.iter().all(Piece::is_fixed)
    }

    /// Whether every request has a `{{uuid}}` of its own here.
    pub fn has_uuid(&self) -> bool {
        self.pieces.contains(&Piece::Uuid)
    }

    /// The columns that `{{row.…}}` names here, in their order.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Row(column) => Some(column.as_str()),
            _ => None,
        })
    }

    /// Reads a template that names no variable of the environment.
    ///
    /// # Errors
    /// As [`Template::parse_with`]; every variable counts as not set.
    pub fn parse(text: &[u8]) -> Result<Template, TemplateError> {
        Template::parse_with(text, &|_| None)
    }

    /// Reads `{{uuid}}`, `{{n}}`, `{{now}}`, `{{row.COLUMN}}` and `{{env.NAME}}`, whose variables it looks up. `{{{{` is
    /// `{{`; everything else, a lone `{{` too, is text.
    ///
    /// # Errors
    /// [`TemplateError`] names a placeholder that does not exist, or a variable that is not set.
    pub fn parse_with(
        text: &[u8],
        look_up: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Template, TemplateError> {
        let mut pieces = Vec::new();
        let mut from = 0;
        while let Some(found) = next_braces(&text[from..]) {
            push_text(&mut pieces, &text[from..from + found.start]);
            let byte = from + found.start + 1;
            pieces.push(match found.word {
                None => Piece::Braces,
                Some(word) => piece(word, byte, look_up)?,
            });
            from += found.end;
        }
        push_text(&mut pieces, &text[from..]);
        Ok(Template { pieces })
    }

    /// The same bytes in every request.
    pub fn literal(text: impl Into<Vec<u8>>) -> Template {
        Template {
            pieces: vec![Piece::Text(text.into())],
        }
    }

    /// The path of each request in a replayed log.
    pub fn logged_path() -> Template {
        Template {
            pieces: vec![Piece::LoggedPath],
        }
    }

    /// Its parts, in order.
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// The bytes that were parsed. Variables of the environment stand in it by their names.
    pub fn source_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => bytes.extend_from_slice(text),
                Piece::Braces => bytes.extend_from_slice(b"{{{{"),
                other => bytes.extend(other.placeholder().unwrap_or_default().into_bytes()),
            }
        }
        bytes
    }

    /// The text that was parsed, lossy where it is not UTF-8. Variables of the environment stand in it by their names.
    pub fn source(&self) -> String {
        String::from_utf8_lossy(&self.source_bytes()).into_owned()
    }

    /// The bytes of every request, with the values of variables; `None` where requests differ.
    pub fn fixed_bytes(&self) -> Option<Vec<u8>> {
        let mut bytes = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => bytes.extend_from_slice(text),
                Piece::Braces => bytes.extend_from_slice(b"{{"),
                Piece::Env(variable) => bytes.extend_from_slice(variable.value.as_bytes()),
                _ => return None,
            }
        }
        Some(bytes)
    }

    /// Where the placeholders and escaped braces of a text are, as ranges of bytes.
    pub(crate) fn places(text: &str) -> Vec<std::ops::Range<usize>> {
        let (mut places, mut from) = (Vec::new(), 0);
        while let Some(found) = next_braces(&text.as_bytes()[from..]) {
            places.push(from + found.start..from + found.end);
            from += found.end;
        }
        places
    }
}

fn piece(
    word: &str,
    byte: usize,
    look_up: &dyn Fn(&str) -> Option<String>,
) -> Result<Piece, TemplateError> {
    Ok(match word {
        "uuid" => Piece::Uuid,
        "n" => Piece::Index,
        "now" => Piece::Now,
        _ => {
            let column = word.strip_prefix(COLUMN_OF).map(str::trim);
            if let Some(column) = column.filter(|title| !title.is_empty()) {
                Piece::Row(column.to_owned())
            } else if let Some(name) = word.strip_prefix(VARIABLE).filter(|n| is_variable(n)) {
                let value = look_up(name).ok_or_else(|| TemplateError::Unset(name.to_owned()))?;
                Piece::Env(EnvValue {
                    name: name.to_owned(),
                    value,
                })
            } else {
                return Err(TemplateError::unknown(byte, word));
            }
        }
    })
}

/// Whether this can be the name of a variable of the environment.
pub(crate) fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A `{{word}}`, or `{{{{` where there is no word.
struct FoundBraces<'a> {
    start: usize,
    end: usize,
    word: Option<&'a str>,
}

/// The first `{{word}}` or `{{{{`; JSON's own double braces are not words, so they stay text.
fn next_braces(text: &[u8]) -> Option<FoundBraces<'_>> {
    let mut from = 0;
    loop {
        let start = from + text[from..].windows(2).position(|w| w == b"{{")?;
        let inner = &text[start + 2..];
        if inner.starts_with(b"{{") {
            return Some(FoundBraces {
                start,
                end: start + 4,
                word: None,
            });
        }
        if let Some(length) = word_length(inner)
            && let Ok(word) = std::str::from_utf8(&inner[..length])
        {
            return Some(FoundBraces {
                start,
                end: start + 2 + length + 2,
                word: Some(word.trim()),
            });
        }
        from = start + 1;
    }
}

/// The bytes of a word before `}}`. The title of a column may hold every character but braces and line breaks.
fn word_length(inner: &[u8]) -> Option<usize> {
    let is_titled = inner.trim_ascii_start().starts_with(COLUMN_OF.as_bytes());
    let ends_word = |b: &u8| {
        if is_titled {
            b"{}\r\n".contains(b)
        } else {
            !(b.is_ascii_alphanumeric() || b" _-.".contains(b))
        }
    };
    let length = inner.iter().position(ends_word)?;
    (length > 0 && inner[length..].starts_with(b"}}")).then_some(length)
}

fn push_text(pieces: &mut Vec<Piece>, text: &[u8]) {
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_vec()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, proptest};

    use super::{EnvValue, Piece, Template};

    #[test]
    fn templates_find_their_placeholders_and_leave_json_alone() {
        let template = Template::parse(br#"{"id":"{{uuid}}","n":{{ n }},"a":{"b":{}}}"#).unwrap();
        assert!(template.pieces().contains(&Piece::Uuid));
        assert!(template.pieces().contains(&Piece::Index));
        assert_eq!(
            template.source(),
            r#"{"id":"{{uuid}}","n":{{n}},"a":{"b":{}}}"#
        );
        let nested = Template::parse(br#"{"a":{{"x"}}}"#).unwrap();
        assert_eq!(nested.pieces(), [Piece::Text(br#"{"a":{{"x"}}}"#.to_vec())]);
    }

    #[test]
    fn a_column_may_have_any_title_and_a_variable_is_looked_up() {
        let text = "{{row.first name}}{{ row.größe (cm) }}{{row.a.b}}{{env.REGION}}";
        let look_up = |name: &str| (name == "REGION").then(|| "eu-1".to_owned());
        let template = Template::parse_with(text.as_bytes(), &look_up).unwrap();
        let columns: Vec<&str> = template.columns().collect();
        assert_eq!(columns, ["first name", "größe (cm)", "a.b"]);
        let region = EnvValue {
            name: "REGION".into(),
            value: "eu-1".into(),
        };
        assert_eq!(template.pieces().last(), Some(&Piece::Env(region)));
        assert!(!format!("{template:?}{}", template.source()).contains("eu-1"));
    }

    #[test]
    fn four_braces_are_two_and_closing_braces_are_text() {
        for (text, sent) in [
            ("{{{{uuid}}", "{{uuid}}"),
            ("{{{{{{{{", "{{{{"),
            ("}}}}{{{{}}", "}}}}{{}}"),
            (r#"{"a":{"b":{"c":1}}}"#, r#"{"a":{"b":{"c":1}}}"#),
            ("{{", "{{"),
            ("{{{", "{{{"),
            ("{{ }", "{{ }"),
            ("{{row.}\n}}", "{{row.}\n}}"),
        ] {
            let template = Template::parse(text.as_bytes()).unwrap();
            assert_eq!(template.fixed_bytes().unwrap(), sent.as_bytes(), "{text}");
            assert_eq!(template.source(), text);
        }
        let three = Template::parse(b"{{{n}}}").unwrap();
        let brace = |text: &[u8]| Piece::Text(text.to_vec());
        assert_eq!(three.pieces(), [brace(b"{"), Piece::Index, brace(b"}")]);
    }

    #[test]
    fn an_unknown_template_is_refused_by_name() {
        let all = "use {{uuid}}, {{n}}, {{now}}, {{row.COLUMN}} of --data, or {{env.NAME}}; write {{{{ for two braces";
        for (text, named, hint) in [
            ("{{uid}}", "'{{uid}}' at byte 1", "did you mean {{uuid}}?"),
            (
                "ab{{n}}{{ nwo }}",
                "'{{nwo}}' at byte 8",
                "did you mean {{now}}?",
            ),
            (
                "{{{{{{row}}",
                "'{{row}}' at byte 5",
                "did you mean {{row.COLUMN}}?",
            ),
            ("{{nam}}", "'{{nam}}' at byte 1", all),
            ("k={{s3cretPW1}}", "the {{…}} at byte 3", all),
            ("{{uuid}}{{token}}", "the {{…}} at byte 9", all),
            ("{{user.name}}", "the {{…}} at byte 1", all),
            ("{{env.a-b}}", "the {{…}} at byte 1", all),
        ] {
            let error = Template::parse(text.as_bytes()).unwrap_err().to_string();
            assert_eq!(error, format!("{named} is not a placeholder\nhint: {hint}"));
        }
        let unset = Template::parse(b"/{{env.NOPE}}").unwrap_err().to_string();
        assert!(
            unset.starts_with("{{env.NOPE}}: the variable NOPE is not set\nhint: "),
            "{unset}"
        );
    }

    proptest! {
        #[test]
        fn the_source_of_a_template_reads_back_as_the_template(text in any::<String>(), odd in "[{}rown.uid ]{0,40}") {
            for text in [text, odd] {
                if let Ok(template) = Template::parse(text.as_bytes()) {
                    let again = Template::parse(&template.source_bytes()).unwrap();
                    proptest::prop_assert_eq!(&again, &template, "{}", text);
                }
            }
        }
    }
}
