//! Reads `a7probe.toml`: one file for a team to share, with profiles.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use serde::Deserialize as _;

use super::settings::Settings;
use super::settings_error::{SettingsError, Unexpanded};
use super::variables::{ExpandedVariables, LookUp};
use crate::printable::Shown as _;

/// The file that is read when there is one and no other is named.
pub(crate) const DEFAULT_FILE: &str = "a7probe.toml";

/// Which settings are read.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Settings")]
pub struct SettingsArgs {
    /// Settings file [default: a7probe.toml, if it exists].
    #[arg(long, env = "A7PROBE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Profile of the settings file.
    #[arg(long, env = "A7PROBE_PROFILE", value_name = "NAME")]
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
    /// The variables that the file names.
    pub variables: ExpandedVariables,
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
pub(super) fn load(args: &SettingsArgs, look_up: LookUp<'_>) -> anyhow::Result<SettingsLayers> {
    let (named, profile) = (args.config.as_deref(), args.profile.as_deref());
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == ErrorKind::NotFound && named.is_none() => {
            if let Some(profile) = profile {
                bail!(
                    "no {DEFAULT_FILE} here for profile '{profile}'\nhint: name the file with --config FILE"
                );
            }
            return Ok(SettingsLayers::default());
        }
        Err(e) if e.kind() == ErrorKind::InvalidData => bail!(
            "cannot read --config {}: it is not UTF-8 text\nhint: name a settings file in TOML",
            path.shown()
        ),
        Err(e) => {
            let kind = e.kind();
            return Err(e).with_context(|| {
                let file = path.shown();
                let hint = if kind == ErrorKind::NotFound {
                    format!("check the path, or write a file to start from: a7probe init {file}")
                } else {
                    "name a file in TOML that can be read".to_owned()
                };
                format!("cannot read --config {file}\nhint: {hint}")
            });
        }
    };
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    parse(&text, profile, folder, look_up).map_err(|error| {
        if let Some(unknown) = error.downcast_ref::<UnknownProfile>() {
            return anyhow!("{}", unknown.in_file(path));
        }
        let join = if error.is::<SettingsError>() { "" } else { ":" };
        anyhow!("{}{join} {error:#}", path.shown())
    })
}

/// Reads the text of a file: settings for every run, and below `profiles` those that override them.
pub(super) fn parse(
    text: &str,
    profile: Option<&str>,
    folder: PathBuf,
    look_up: LookUp<'_>,
) -> anyhow::Result<SettingsLayers> {
    let mut base: toml::Table =
        toml::from_str(text).map_err(|error| SettingsError::syntax(text, &error))?;
    let profiles = match base.remove("profiles") {
        None => toml::Table::new(),
        Some(toml::Value::Table(profiles)) => profiles,
        Some(_) => bail!(SettingsError::wrong_type(
            text,
            &["profiles"],
            "write [profiles.NAME]"
        )),
    };
    let mut reader = SettingsReader {
        text,
        look_up,
        variables: ExpandedVariables::default(),
    };
    let file = reader.settings(&[], base)?;
    let mut read: BTreeMap<String, Settings> = BTreeMap::new();
    for (name, value) in profiles {
        let toml::Value::Table(table) = value else {
            let hint = format!("write [profiles.{name}]");
            bail!(SettingsError::wrong_type(text, &["profiles", &name], &hint));
        };
        let section = ["profiles", &name];
        let settings = if profile == Some(name.as_str()) {
            reader.settings(&section, table)?
        } else {
            reader.other_profile(&section, table)?
        };
        read.insert(name, settings);
    }
    let profile = match profile {
        None => Settings::default(),
        Some(name) => read.get(name).cloned().ok_or_else(|| UnknownProfile {
            name: name.to_owned(),
            known: read.keys().cloned().collect(),
        })?,
    };
    Ok(SettingsLayers {
        profile,
        file,
        folder,
        variables: reader.variables,
    })
}

/// Reads tables of one file, with the variables in them.
struct SettingsReader<'a> {
    text: &'a str,
    look_up: LookUp<'a>,
    variables: ExpandedVariables,
}

impl SettingsReader<'_> {
    fn settings(
        &mut self,
        section: &[&str],
        mut table: toml::Table,
    ) -> Result<Settings, SettingsError> {
        let failed = self.expand(&mut table);
        if let Some(first) = SettingsError::of_variables(self.text, section, &failed) {
            return Err(first);
        }
        self.deserialize(section, table)
    }

    /// A profile that was not chosen may need variables that only its own runs have, and is not checked then.
    fn other_profile(
        &mut self,
        section: &[&str],
        mut table: toml::Table,
    ) -> Result<Settings, SettingsError> {
        if self.expand(&mut table).is_empty() {
            self.deserialize(section, table)
        } else {
            Ok(Settings::default())
        }
    }

    fn deserialize(&self, section: &[&str], table: toml::Table) -> Result<Settings, SettingsError> {
        let wrong = match Settings::deserialize(table.clone()) {
            Ok(settings) => match SettingsError::unusable(self.text, section, &table) {
                None => return Ok(settings),
                Some(unusable) => unusable,
            },
            Err(error) => SettingsError::of(self.text, section, &table, &error),
        };
        Err(wrong.without(&self.variables))
    }

    /// Expands every text of a table; returns those that cannot be.
    fn expand(&mut self, table: &mut toml::Table) -> Vec<Unexpanded> {
        let mut failed = Vec::new();
        for (key, value) in table.iter_mut() {
            self.expand_value(value, vec![key.clone()], &mut failed);
        }
        failed
    }

    fn expand_value(
        &mut self,
        value: &mut toml::Value,
        path: Vec<String>,
        failed: &mut Vec<Unexpanded>,
    ) {
        let below = |key: String| [&path[..], &[key]].concat();
        match value {
            toml::Value::String(text) => match self.variables.expand(text, self.look_up) {
                Ok(expanded) => *text = expanded,
                Err(error) => failed.push(Unexpanded { path, error }),
            },
            toml::Value::Array(values) => {
                for (number, value) in values.iter_mut().enumerate() {
                    self.expand_value(value, below(number.to_string()), failed);
                }
            }
            toml::Value::Table(table) => {
                for (key, value) in table.iter_mut() {
                    self.expand_value(value, below(key.clone()), failed);
                }
            }
            _ => {}
        }
    }
}

/// A profile that the settings file does not have.
#[derive(Debug, thiserror::Error)]
#[error("unknown profile '{name}'")]
struct UnknownProfile {
    name: String,
    known: Vec<String>,
}

impl UnknownProfile {
    fn in_file(&self, path: &Path) -> String {
        let hint = if self.known.is_empty() {
            "add a table [profiles.NAME]".to_owned()
        } else {
            format!("profiles: {}", self.known.join(", "))
        };
        format!(
            "unknown profile '{}' in {}\nhint: {hint}",
            self.name,
            path.shown()
        )
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use super::{UnknownProfile, parse};
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
        let layers = parse(FILE, Some("ci"), PathBuf::new(), &|_| None).unwrap();
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
            let layers = parse(text, profile, PathBuf::new(), &|_| None);
            format!("{:#}", layers.unwrap_err())
        };
        assert!(message("ratee = 5", None).contains("ratee"));
        assert!(message("timeout = \"5\"", None).contains("line 1: timeout: "));
        assert!(message(FILE, Some("cd")).contains("unknown profile 'cd'"));
        let unknown = UnknownProfile {
            name: "cd".to_owned(),
            known: vec!["ci".to_owned(), "nightly".to_owned()],
        };
        assert_eq!(
            unknown.in_file(Path::new("a.toml")),
            "unknown profile 'cd' in a.toml\nhint: profiles: ci, nightly"
        );
        assert!(message("[profiles.x]\nfoo = 1", Some("x")).contains("foo"));
    }

    #[test]
    fn variables_are_expanded_in_every_text_of_the_file() {
        let text = r#"
url = "http://${HOST}"
gates = ["p95 <= ${LIMIT}"]
target = "${LIMIT}"
[headers]
X-Price = "$${5}"
[endpoints.search]
path = "/${HOST}"
headers = { X-Host = "${HOST}" }
[profiles.ci]
timeout = "${LIMIT}"
[profiles.other]
timeout = "${NOT_SET}"
"#;
        let look_up = |name: &str| match name {
            "HOST" => Some("a7.example".to_owned()),
            "LIMIT" => Some("150ms".to_owned()),
            _ => None,
        };
        let layers = parse(text, Some("ci"), PathBuf::new(), &look_up).unwrap();
        let file = &layers.file;
        assert_eq!(file.url.as_deref(), Some("http://a7.example"));
        assert_eq!(file.gates, Some(vec!["p95 <= 150ms".to_owned()]));
        assert_eq!(file.target, Some(Duration::from_millis(150)));
        assert_eq!(layers.profile.timeout, Some(Duration::from_millis(150)));
        assert_eq!(file.headers["X-Price"], "${5}");
        let search = &file.endpoints["search"];
        assert_eq!(
            (search.path.as_str(), search.headers["X-Host"].as_str()),
            ("/a7.example", "a7.example")
        );
        let other = parse(text, Some("other"), PathBuf::new(), &look_up).unwrap_err();
        assert!(
            other.to_string().starts_with(
                "line 13: profiles.other.timeout: the variable NOT_SET is not set\nhint: "
            ),
            "{other}"
        );
    }
}
