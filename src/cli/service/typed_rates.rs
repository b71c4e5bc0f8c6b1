//! The rates of endpoints, and the profiles in their place: `50/s`, `health=50/s@30s,100/s@30s`, `50/s..500/s`.

use anyhow::{Context as _, bail};

use super::typed_values::NamedValue;
use crate::cli::command_line::flag_or_variable;
use crate::cli::defaults::DEFAULT_RATE_PER_S;
use crate::cli::plain_error::of_value;
use crate::cli::settings_file::SettingsLayers;
use crate::run::plan::{Endpoint, Model};
use crate::run::rate_profile::TypedPart;
use crate::units::{Rate, UnitError};

/// A profile as it was typed: only a single ramp may leave its length to the run.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::cli) struct TypedProfile {
    /// As it was typed.
    pub(in crate::cli) text: String,
    pub(in crate::cli) parts: Vec<TypedPart>,
}

/// What stands for the load of an endpoint.
#[derive(Clone, Debug, PartialEq)]
enum TypedRate {
    Steady(Rate),
    Profile(TypedProfile),
}

impl TypedProfile {
    /// Whether the size of the run is its length.
    pub(in crate::cli) fn is_open_ended(&self) -> bool {
        self.parts.iter().any(|part| part.length.is_none())
    }

    fn check(self) -> anyhow::Result<TypedProfile> {
        if let [_, _, ..] = self.parts.as_slice()
            && self.is_open_ended()
        {
            bail!(
                "'{}' has a step without a time\nhint: write the time of each step, such as 50/s@30s,100/s@30s",
                self.text
            );
        }
        Ok(self)
    }
}

impl TypedRate {
    /// Reads what a flag or variable has.
    fn typed(text: &str, origin: &str) -> anyhow::Result<TypedRate> {
        if TypedPart::is_meant(text) {
            return TypedRate::parse(text).with_context(|| format!("{origin} {text}"));
        }
        let rate: Result<Rate, UnitError> = text.parse();
        match rate {
            Ok(rate) => Ok(TypedRate::Steady(rate)),
            Err(error) => bail!(of_value(origin, text, &error.to_string())),
        }
    }

    /// Reads a rate, or parts with commas between them.
    fn parse(text: &str) -> anyhow::Result<TypedRate> {
        if !TypedPart::is_meant(text) {
            return Ok(TypedRate::Steady(text.parse()?));
        }
        let hint = "hint: write steps as 50/s@30s,100/s@30s, and a ramp as 50/s..500/s";
        let part = |part: &str| {
            let part = part.parse::<TypedPart>();
            part.map_err(|error| anyhow::anyhow!("{error}\n{hint}"))
        };
        let profile = TypedProfile {
            text: text.to_owned(),
            parts: text.split(',').map(part).collect::<Result<_, _>>()?,
        };
        profile.check().map(TypedRate::Profile)
    }
}

/// Sets the rate of each endpoint, and answers with the profiles of those that have one instead. An endpoint's own rate
/// wins over the one for all; a typed rate over the settings'. In a closed model there is none.
pub(super) fn set_rates(
    endpoints: &mut [Endpoint],
    configured: &[Option<String>],
    typed: &[String],
    model: Model,
    layers: &SettingsLayers,
) -> anyhow::Result<Vec<Option<TypedProfile>>> {
    if let Model::Closed { .. } = model {
        endpoints.iter_mut().for_each(|e| e.rate = None);
        return Ok(vec![None; endpoints.len()]);
    }
    let names: Vec<String> = endpoints.iter().map(|e| e.name.clone()).collect();
    let mut for_all: Option<TypedRate> = None;
    let mut named: Vec<(&str, TypedRate)> = Vec::new();
    let joined = joined(typed);
    for text in &joined {
        let NamedValue { name, value } = NamedValue::of_flag("-q", text, &names)?;
        let origin = flag_or_variable("-q", "A7PROBE_RATE", text);
        let rate = TypedRate::typed(value, &origin)?;
        match name {
            Some(name) => named.push((name, rate)),
            None => for_all = Some(rate),
        }
    }
    let below = layers.first(None, |s| s.rate.as_ref().map(ToString::to_string));
    let below = below.map(|text| TypedRate::parse(&text).context("the setting 'rate'"));
    let below = below.transpose()?;
    let default = Rate::per_second(DEFAULT_RATE_PER_S).map(TypedRate::Steady);
    let mut profiles = Vec::new();
    for (endpoint, configured) in endpoints.iter_mut().zip(configured) {
        let own = named.iter().find(|(name, _)| *name == endpoint.name);
        let own = own.map(|(_, rate)| rate.clone());
        let configured = configured.as_deref().map(TypedRate::parse).transpose();
        let configured = configured.with_context(|| format!("endpoint {}", endpoint.name))?;
        let rate = own
            .or(for_all.clone())
            .or(configured)
            .or(below.clone())
            .or(default.clone());
        let (rate, profile) = match rate {
            Some(TypedRate::Steady(rate)) => (Some(rate), None),
            Some(TypedRate::Profile(profile)) => (None, Some(profile)),
            None => (None, None),
        };
        endpoint.rate = rate;
        profiles.push(profile);
    }
    Ok(profiles)
}

/// The texts of `--rate`, which are split at commas, with the steps of a profile together again: a text without a name
/// behind a step is the next step.
fn joined(typed: &[String]) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    for text in typed {
        match joined.last_mut() {
            Some(last) if last.contains('@') && !text.contains('=') => {
                last.push(',');
                last.push_str(text.trim());
            }
            _ => joined.push(text.clone()),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::{TypedRate, joined};

    #[test]
    fn steps_stay_together() {
        let typed = |text: &str| text.split(',').map(str::to_owned).collect::<Vec<_>>();
        for (text, whole) in [
            ("50/s@30s,100/s@30s", vec!["50/s@30s,100/s@30s"]),
            ("50,health=20", vec!["50", "health=20"]),
            (
                "health=5@1s,0..9@2s,ingest=20",
                vec!["health=5@1s,0..9@2s", "ingest=20"],
            ),
            ("ingest=20,5@1s,6@1s", vec!["ingest=20", "5@1s,6@1s"]),
        ] {
            assert_eq!(joined(&typed(text)), whole);
        }
    }

    #[test]
    fn only_a_single_ramp_may_leave_its_length_to_the_run() {
        assert!(TypedRate::parse("50..500").is_ok());
        for (text, found) in [
            (
                "50/s@30s,100",
                "'50/s@30s,100' has a step without a time\nhint: write the time of each step, such as 50/s@30s,100/s@30s",
            ),
            (
                "50/s@,9/s@1s",
                "the time after the @ of '50/s@': '' is not a duration, such as 150ms or 1.5s\nhint: write steps as 50/s@30s,100/s@30s, and a ramp as 50/s..500/s",
            ),
        ] {
            assert_eq!(TypedRate::parse(text).unwrap_err().to_string(), found);
        }
    }
}
