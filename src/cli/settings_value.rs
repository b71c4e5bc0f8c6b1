//! Values of the settings file that have the right type, and that no run can use.

use std::time::Duration;

use super::settings_key::SettingForm;
use crate::judge::gate::Gate;
use crate::run::rate_profile::{PartError, TypedPart};
use crate::units::{Rate, parse_duration};

/// Most requests in flight, as `-c` reads them.
const MOST_IN_FLIGHT: i64 = 65_535;

/// Durations that may be 0; a length of a run has an error of its own.
const MAY_BE_ZERO: [&str; 6] = ["warmup", "quiet", "spell", "episode", "duration", "budget"];

/// Why a value cannot be used; `None` if it can. Such values hold no secrets, so the reason may repeat them.
pub(super) fn unusable(key: &str, form: SettingForm, value: &toml::Value) -> Option<String> {
    match form {
        SettingForm::Rate => {
            let text = match value {
                toml::Value::String(text) => text.clone(),
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Float(number) => number.to_string(),
                _ => return None,
            };
            let error = rate_error(&text)?;
            let what = error.split(", such as ").next().unwrap_or(&error);
            Some(format!("{key}: {what}"))
        }
        SettingForm::Gates => {
            let texts = value.as_array()?.iter().filter_map(toml::Value::as_str);
            let error = texts.map(Gate::parse).find_map(Result::err)?;
            Some(error.to_string())
        }
        SettingForm::Duration if !MAY_BE_ZERO.contains(&key) => {
            let duration = parse_duration(value.as_str()?).ok()?;
            (duration == Duration::ZERO).then(|| format!("{key}: the time must be above 0"))
        }
        SettingForm::Count if key == "concurrency" => {
            let is_possible = (1..=MOST_IN_FLIGHT).contains(&value.as_integer()?);
            (!is_possible).then(|| format!("{key}: the number must be from 1 to {MOST_IN_FLIGHT}"))
        }
        _ => None,
    }
}

/// Why a text is neither a rate nor the parts of a profile.
fn rate_error(text: &str) -> Option<String> {
    if !TypedPart::is_meant(text) {
        return Some(text.parse::<Rate>().err()?.to_string());
    }
    let parts = text.split(',').map(str::parse::<TypedPart>);
    let error: PartError = parts.into_iter().find_map(Result::err)?;
    Some(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::unusable;
    use crate::cli::settings_key::form_at;

    fn reason(text: &str) -> Option<String> {
        let table: toml::Table = toml::from_str(text).unwrap();
        let (key, value) = table.into_iter().next().unwrap();
        let form = form_at(std::slice::from_ref(&key)).unwrap();
        unusable(&key, form, &value)
    }

    #[test]
    fn a_value_that_no_run_can_use_has_its_reason() {
        for (text, expected) in [
            ("rate = 'often'", "rate: 'often' is not a rate"),
            ("rate = -5", "rate: '-5' is out of range"),
            ("rate = '5@1s,9@1'", "rate: the time after the @ of '9@1': "),
            ("gates = ['p95 <= 1s', 'p95 < 150']", "gate 'p95 < 150': "),
            ("timeout = '0s'", "timeout: the time must be above 0"),
            ("target = '0ms'", "target: the time must be above 0"),
            (
                "concurrency = 0",
                "concurrency: the number must be from 1 to 65535",
            ),
            (
                "concurrency = 70000",
                "concurrency: the number must be from 1 to 65535",
            ),
        ] {
            let reason = reason(text).unwrap_or_default();
            assert!(reason.starts_with(expected), "{text}: {reason}");
        }
        for text in [
            "rate = 20",
            "rate = 0.5",
            "rate = '20/s'",
            "rate = '50/s..500/s@1m,500/s@5m'",
            "gates = ['* p95 <= 150ms warn']",
            "warmup = '0s'",
            "timeout = '1s'",
            "concurrency = 64",
            "iid = true",
        ] {
            assert_eq!(reason(text), None, "{text}");
        }
    }
}
