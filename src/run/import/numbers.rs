//! Numbers as one file writes them: with a decimal point or a decimal comma, and with thousands separators.

use super::ValueError;

/// The decimal sign of a file, as far as its numbers have shown it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Decimals {
    #[default]
    Unknown,
    Point,
    Comma,
}

/// The possible readings of a text as a number.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// Digits alone, or another notation of code without a point.
    Plain(f64),
    /// One point: decimals, or thousands if exactly three digits follow and one to three precede.
    Point { value: f64, may_group: bool },
    /// One comma, likewise.
    Comma { value: f64, may_group: bool },
    /// Thousands separators and decimals that are unambiguous.
    Grouped { value: f64, decimals: Decimals },
}

/// Reads the numbers of one column.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    decimals: Decimals,
    /// A number such as 1.234 that was read as decimals without confirmation from another number of the file.
    doubtful: Option<(u64, String)>,
    /// Whether some numbers without a point are below 1000, and whether some are not.
    small: bool,
    large: bool,
}

impl Numbers {
    /// Learns from the first rows before any of them is read.
    pub(super) fn learn<'a>(&mut self, texts: impl Iterator<Item = &'a str>) {
        let (mut point, mut comma) = (false, false);
        for form in texts.filter_map(|text| form(numeric_part(text))) {
            match evidence(form) {
                Decimals::Point => point = true,
                Decimals::Comma => comma = true,
                Decimals::Unknown => {}
            }
        }
        self.decimals = match (point, comma) {
            (true, false) => Decimals::Point,
            (false, true) => Decimals::Comma,
            _ => Decimals::Unknown,
        };
    }

    /// The number in a text; `None` if it is not a number.
    pub(super) fn read(&mut self, line: u64, text: &str) -> Option<Result<f64, ValueError>> {
        let form = form(text)?;
        let evident = evidence(form);
        let refused = || Some(Err(ValueError::MixedDecimals(text.to_owned())));
        if evident != Decimals::Unknown {
            let contradicted = self.decimals != Decimals::Unknown && self.decimals != evident;
            if contradicted || (evident == Decimals::Comma && self.doubtful.is_some()) {
                return refused();
            }
            self.decimals = evident;
        }
        Some(Ok(match (form, self.decimals) {
            (Form::Plain(value), _) => {
                self.small |= value < 1000.0;
                self.large |= value >= 1000.0;
                value
            }
            (Form::Point { value, .. }, Decimals::Point)
            | (Form::Comma { value, .. }, Decimals::Comma)
            | (Form::Grouped { value, .. }, _) => value,
            (Form::Point { value, .. }, Decimals::Comma)
            | (Form::Comma { value, .. }, Decimals::Point) => (value * 1000.0).round(),
            (Form::Point { value, .. }, Decimals::Unknown) => {
                self.doubtful.get_or_insert_with(|| (line, text.to_owned()));
                value
            }
            (Form::Comma { .. }, Decimals::Unknown) => {
                return Some(Err(ValueError::AmbiguousNumber {
                    text: text.to_owned(),
                }));
            }
        }))
    }

    /// A number that may be 1,000 times its reading. If every point has three digits behind it and numbers below 1000
    /// have no point, points may separate thousands.
    pub(super) fn ambiguous_number(&self) -> Option<(u64, ValueError)> {
        let (line, text) = self.doubtful.as_ref()?;
        (self.decimals == Decimals::Unknown && self.small && !self.large)
            .then(|| (*line, ValueError::AmbiguousNumber { text: text.clone() }))
    }
}

/// The decimal sign that a number implies.
fn evidence(form: Form) -> Decimals {
    match form {
        Form::Point {
            may_group: false, ..
        } => Decimals::Point,
        Form::Comma {
            may_group: false, ..
        } => Decimals::Comma,
        Form::Grouped { decimals, .. } => decimals,
        _ => Decimals::Unknown,
    }
}

/// A text without the unit behind it.
fn numeric_part(text: &str) -> &str {
    text.trim_end_matches(|c: char| c.is_alphabetic() || c.is_whitespace())
}

/// Whether a text is a number in some style.
pub(super) fn is_number(text: &str) -> bool {
    form(text).is_some()
}

/// Whether a number such as `1,234` has a comma that may separate decimals or thousands.
pub(super) fn is_ambiguous(text: &str) -> bool {
    let ambiguous = |form| matches!(form, Form::Comma { may_group, .. } if may_group);
    form(text).is_some_and(ambiguous)
}

/// The number in a text, wherever one style gives it; for looking at columns, not for reading them.
pub(super) fn roughly(text: &str) -> Option<f64> {
    form(text).map(|form| match form {
        Form::Plain(value)
        | Form::Point { value, .. }
        | Form::Comma { value, .. }
        | Form::Grouped { value, .. } => value,
    })
}

fn form(text: &str) -> Option<Form> {
    let commas = text.matches(',').count();
    let points = text.matches('.').count();
    let grouping = |value: f64, decimals| Form::Grouped { value, decimals };
    match (commas, points) {
        (0, 0) => text.parse().ok().map(Form::Plain),
        (0, 1) => Some(Form::Point {
            value: text.parse().ok()?,
            may_group: may_group(text, '.'),
        }),
        (1, 0) => Some(Form::Comma {
            value: decimal(text, ',')?,
            may_group: may_group(text, ','),
        }),
        (_, 0) => Some(grouping(grouped(text, ',')?, Decimals::Point)),
        (0, _) => Some(grouping(grouped(text, '.')?, Decimals::Comma)),
        (_, 1) if text.rfind(',') < text.find('.') => {
            let (whole, fraction) = text.split_once('.')?;
            let value = with_fraction(grouped(whole, ',')?, fraction)?;
            Some(grouping(value, Decimals::Point))
        }
        (1, _) => {
            let (whole, fraction) = text.split_once(',')?;
            let value = with_fraction(grouped(whole, '.')?, fraction)?;
            Some(grouping(value, Decimals::Comma))
        }
        _ => None,
    }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// `1.234` and `12.345`, but not `0.123` or `1234.567`.
fn may_group(text: &str, sign: char) -> bool {
    text.trim_start_matches(['+', '-'])
        .split_once(sign)
        .is_some_and(|(whole, fraction)| {
            digits(whole)
                && (1..=3).contains(&whole.len())
                && !whole.starts_with('0')
                && digits(fraction)
                && fraction.len() == 3
        })
}

fn decimal(text: &str, sign: char) -> Option<f64> {
    let (whole, fraction) = text.split_once(sign)?;
    (digits(whole.trim_start_matches(['+', '-'])) && digits(fraction))
        .then(|| format!("{whole}.{fraction}").parse().ok())?
}

/// Groups of three digits.
fn grouped(text: &str, sign: char) -> Option<f64> {
    let mut groups = text.trim_start_matches(['+', '-']).split(sign);
    let first = groups.next()?;
    let proper =
        digits(first) && first.len() <= 3 && groups.all(|group| digits(group) && group.len() == 3);
    proper.then(|| text.replace(sign, "").parse().ok())?
}

fn with_fraction(whole: f64, fraction: &str) -> Option<f64> {
    digits(fraction).then(|| format!("{whole}.{fraction}").parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::Numbers;
    use crate::run::import::ValueError;

    fn read(texts: &[&str]) -> Result<Vec<f64>, ValueError> {
        let mut numbers = Numbers::default();
        numbers.learn(texts.iter().copied());
        let read = (1..)
            .zip(texts)
            .map(|(line, text)| numbers.read(line, text).expect("a number"))
            .collect::<Result<Vec<f64>, ValueError>>()?;
        match numbers.ambiguous_number() {
            Some((_, error)) => Err(error),
            None => Ok(read),
        }
    }

    #[test]
    fn one_number_tells_the_style_of_its_column() {
        for (texts, expected) in [
            (
                &["100,0", "1.234,5", "1.234", "7"][..],
                &[100.0, 1234.5, 1234.0, 7.0][..],
            ),
            (
                &["1,234", "2.5", "1,234,567.25"],
                &[1234.0, 2.5, 1_234_567.25],
            ),
            (&["1.234", "0.5"], &[1.234, 0.5]),
            (&["1.234", "2.345"], &[1.234, 2.345]),
            (&["1.234", "1500"], &[1.234, 1500.0]),
            (&["0,123", "1,5"], &[0.123, 1.5]),
            (&["1e-3", "-2.5", "+7"], &[0.001, -2.5, 7.0]),
        ] {
            assert_eq!(read(texts).as_deref(), Ok(expected), "{texts:?}");
        }
    }

    #[test]
    fn what_may_be_a_thousand_times_more_is_refused() {
        let ambiguous = |text: &str| {
            Err(ValueError::AmbiguousNumber {
                text: text.to_owned(),
            })
        };
        assert_eq!(read(&["1,234", "2,345"]), ambiguous("1,234"));
        assert_eq!(read(&["950", "1.234"]), ambiguous("1.234"));
        let mixed = |text: &str| Err(ValueError::MixedDecimals(text.to_owned()));
        assert_eq!(read(&["100,5", "100.5"]), mixed("100.5"));
        assert_eq!(read(&["1.5", "1.234,5"]), mixed("1.234,5"));
    }

    #[test]
    fn other_texts_are_not_numbers() {
        let mut numbers = Numbers::default();
        for text in [
            "", "1,23,456", "12.34.5", "1,", ",5", "1 234", "1'234", "ms", "1,2.3,4",
        ] {
            assert!(numbers.read(1, text).is_none(), "{text}");
        }
    }
}
