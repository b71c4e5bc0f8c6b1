//! Reads `a7probe.toml`: one file for a team to share, with profiles.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use serde::Deserialize as _;

use super::settings::Settings;
use super::settings_error::SettingsError;
use crate::printable::Shown as _;

/// The file that is read when there is one and no other is named.
pub(crate) const DEFAULT_FILE: &str = "a7probe.toml";

/// Places behind the flags of a run, under the same heading.
const CONFIG: usize = 993;
const PROFILE: usize = 994;

/// Which settings are read.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Run")]
pub struct SettingsArgs {
    /// Settings file [default: a7probe.toml here, if there is one].
    #[arg(long, env = "A7PROBE_CONFIG", value_name = "FILE", display_order = CONFIG)]
    pub config: Option<PathBuf>,

    /// Profile of the settings file.
    #[arg(long, env = "A7PROBE_PROFILE", value_name = "NAME", display_order = PROFILE)]
    pub profile: Option<String>,
}

/// The settings below the flags, the chosen profile over the file.
#[derive(Debug, Clone, Default)]
pub(crate) struct SettingsLayers {
    pub profile: Settings,
    /// The file's own settings.
    pub file: Settings,
    /// Folder that file paths in the settings are relative to.
    pub folder: PathBuf,
}

impl SettingsLayers {
    /// The highest layer with a value decides: the flag, the profile, the file.
    pub(super) fn first<T>(
        &self,
        flag: Option<T>,
        get: impl Fn(&Settings) -> Option<T>,
    ) -> Option<T> {
        flag.or_else(|| get(&self.profile))
            .or_else(|| get(&self.file))
    }
}

/// Reads the settings. A file that was named must exist; the default one may be absent, unless a profile is named.
pub(super) fn load(args: &SettingsArgs) -> anyhow::Result<SettingsLayers> {
    let (named, profile) = (args.config.as_deref(), args.profile.as_deref());
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && named.is_none() => {
            if let Some(profile) = profile {
                bail!(
                    "there is no {DEFAULT_FILE} here that could have a profile '{profile}'\nhint: name the file with --config FILE"
                );
            }
            return Ok(SettingsLayers::default());
        }
        Err(e) => return Err(e).with_context(|| format!("cannot read {}", path.shown())),
    };
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    parse(&text, profile, folder).map_err(|error| {
        let join = if error.is::<SettingsError>() { "" } else { ":" };
        anyhow!("{}{join} {error:#}", path.shown())
    })
}

/// Reads the text of a file: settings for every run, and below `profiles` those that override them.
pub(super) fn parse(
    text: &str,
    profile: Option<&str>,
    folder: PathBuf,
) -> anyhow::Result<SettingsLayers> {
    let mut base: toml::Table =
        toml::from_str(text).map_err(|error| SettingsError::syntax(text, &error))?;
    let profiles = match base.remove("profiles") {
        None => toml::Table::new(),
        Some(toml::Value::Table(profiles)) => profiles,
        Some(_) => bail!("profiles is not a table\nhint: write [profiles.NAME]"),
    };
    let file = settings(text, &[], base)?;
    let profiles: BTreeMap<String, Settings> = profiles
        .into_iter()
        .map(|(name, value)| {
            let toml::Value::Table(table) = value else {
                bail!("profiles.{name} is not a table\nhint: write [profiles.{name}]");
            };
            let profile = settings(text, &["profiles", &name], table)?;
            Ok((name, profile))
        })
        .collect::<Result<_, _>>()?;
    let profile = match profile {
        None => Settings::default(),
        Some(name) => profiles
            .get(name)
            .cloned()
            .with_context(|| unknown_profile(name, &profiles))?,
    };
    Ok(SettingsLayers {
        profile,
        file,
        folder,
    })
}

fn unknown_profile(name: &str, profiles: &BTreeMap<String, Settings>) -> String {
    let known: Vec<&str> = profiles.keys().map(String::as_str).collect();
    if known.is_empty() {
        format!("there is no profile '{name}', nor any other")
    } else {
        format!(
            "there is no profile '{name}'; there are {}",
            known.join(", ")
        )
    }
}

fn settings(text: &str, section: &[&str], table: toml::Table) -> Result<Settings, SettingsError> {
    Settings::deserialize(table.clone())
        .map_err(|error| SettingsError::of(text, section, &table, &error))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::parse;
    use crate::cli::settings::NumberOrText;

    const FILE: &str = r#"
url = "http://127.0.0.1:8080"
target = "200ms"
rate = 50
gates = ["* p95 <= 150ms"]

[endpoints.health]
path = "/healthz"

[endpoints.ingest]
method = "POST"
path = "/v2/ingest"
body = '{"id":"{{uuid}}"}'
rate = "5/s"
expect = 202

[profiles.ci]
duration = "10s"
"#;

    #[test]
    fn a_file_and_its_profile_are_two_levels() {
        let layers = parse(FILE, Some("ci"), PathBuf::new()).unwrap();
        assert_eq!(layers.profile.duration, Some(Duration::from_secs(10)));
        assert_eq!(layers.file.target, Some(Duration::from_millis(200)));
        assert_eq!(layers.file.rate, Some(NumberOrText::Integer(50)));
        assert_eq!(
            layers.file.endpoints["ingest"].expect,
            Some(NumberOrText::Integer(202))
        );
    }

    #[test]
    fn mistakes_in_the_file_are_named() {
        let message = |text: &str, profile| {
            format!("{:#}", parse(text, profile, PathBuf::new()).unwrap_err())
        };
        assert!(message("ratee = 5", None).contains("ratee"));
        assert!(
            message("timeout = \"5\"", None)
                .contains("timeout: the value cannot be read: has no unit")
        );
        assert!(message(FILE, Some("cd")).contains("there is no profile 'cd'; there are ci"));
        assert!(message("[profiles.x]\nfoo = 1", Some("x")).contains("foo"));
    }
}
