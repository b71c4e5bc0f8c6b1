//! `a7probe.toml`: the same settings as the flags, for a team to share, with profiles.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use serde::{Deserialize, Deserializer};

use super::audit::AuditSettings;
use super::settings_error::SettingsError;
use crate::printable::Shown as _;
use crate::run::plan::Arrivals;
use crate::units::parse_duration;

/// The file that is read when there is one and no other is named.
pub const DEFAULT_FILE: &str = "a7probe.toml";

/// One level of settings; what is absent is decided by the level below.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Base URL.
    pub url: Option<String>,
    /// Limit of the default gates.
    #[serde(deserialize_with = "duration")]
    pub target: Option<Duration>,
    /// Requests per second of each endpoint that has no rate of its own.
    pub rate: Option<Text>,
    /// Requests to each endpoint.
    pub requests: Option<u64>,
    /// How long to send.
    #[serde(deserialize_with = "duration")]
    pub duration: Option<Duration>,
    /// Longest that a run may take to decide.
    #[serde(deserialize_with = "duration")]
    pub budget: Option<Duration>,
    /// Slow episode that must be excluded before a gate passes.
    #[serde(deserialize_with = "duration")]
    pub episode: Option<Duration>,
    /// Take requests as independent.
    pub iid: Option<bool>,
    /// Requests in flight.
    pub concurrency: Option<u32>,
    /// How the schedule spreads requests.
    pub arrivals: Option<Arrivals>,
    /// Seed of the schedule.
    pub seed: Option<u64>,
    /// Sent before the run.
    #[serde(deserialize_with = "duration")]
    pub warmup: Option<Duration>,
    /// Longest response time that is waited for.
    #[serde(deserialize_with = "duration")]
    pub timeout: Option<Duration>,
    /// What must hold.
    pub gates: Option<Vec<String>>,
    /// Headers of every request; values may name variables as `${NAME}`.
    pub headers: BTreeMap<String, String>,
    /// Endpoints by name.
    pub endpoints: BTreeMap<String, EndpointSettings>,
    /// Accept any certificate.
    pub insecure: Option<bool>,
    /// Trusted CA certificates.
    pub cacert: Option<PathBuf>,
    /// Client certificate chain.
    pub cert: Option<PathBuf>,
    /// Its private key.
    pub key: Option<PathBuf>,
    /// Connect here instead.
    pub connect_to: Option<String>,
    /// Connect to this Unix socket.
    pub unix_socket: Option<PathBuf>,
    /// Open a new connection for every request.
    pub disable_keepalive: Option<bool>,
    /// What is asked after the run.
    pub audit: AuditSettings,
}

/// One endpoint of the file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EndpointSettings {
    /// HTTP method [default: GET, or POST where there is a body].
    pub method: Option<String>,
    /// Path and query.
    pub path: String,
    /// Body.
    pub body: Option<String>,
    /// Body from a file, relative to the settings file.
    pub body_file: Option<PathBuf>,
    /// Content-Type of the body.
    pub content_type: Option<String>,
    /// Headers on top of those of every request.
    pub headers: BTreeMap<String, String>,
    /// Statuses that count as ok.
    pub expect: Option<Text>,
    /// Requests per second.
    pub rate: Option<Text>,
}

/// A setting that may be written as a number or as text: `rate = 20` or `rate = "20/s"`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Text {
    /// As text.
    Text(String),
    /// As an integer.
    Integer(i64),
    /// As a fraction.
    Float(f64),
}

impl std::fmt::Display for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Text::Text(text) => f.write_str(text),
            Text::Integer(number) => write!(f, "{number}"),
            Text::Float(number) => write!(f, "{number}"),
        }
    }
}

/// The levels below the flags, the chosen profile first.
#[derive(Debug, Clone, Default)]
pub struct Levels {
    /// The chosen profile.
    pub profile: Settings,
    /// The file's own settings.
    pub file: Settings,
    /// Folder that file paths in the settings are relative to.
    pub folder: PathBuf,
}

/// Reads the settings: a file that was named must exist; the default one may be absent, unless a profile is asked for.
pub fn load(named: Option<&Path>, profile: Option<&str>) -> anyhow::Result<Levels> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && named.is_none() => {
            if let Some(profile) = profile {
                bail!(
                    "there is no {DEFAULT_FILE} here that could have a profile '{profile}'\nhint: name the file with --config FILE"
                );
            }
            return Ok(Levels::default());
        }
        Err(e) => return Err(e).with_context(|| format!("cannot read {}", path.shown())),
    };
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    parse(&text, profile, folder).map_err(|error| {
        let join = match error.is::<SettingsError>() {
            true => "",
            false => ":",
        };
        anyhow!("{}{join} {error:#}", path.shown())
    })
}

/// Reads the text of a file: settings for every run, and below `profiles` those that override them.
pub(super) fn parse(text: &str, profile: Option<&str>, folder: PathBuf) -> anyhow::Result<Levels> {
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
        Some(name) => profiles.get(name).cloned().with_context(|| {
            let known: Vec<&str> = profiles.keys().map(String::as_str).collect();
            match known.is_empty() {
                true => format!("there is no profile '{name}', nor any other"),
                false => format!(
                    "there is no profile '{name}'; there are {}",
                    known.join(", ")
                ),
            }
        })?,
    };
    Ok(Levels {
        profile,
        file,
        folder,
    })
}

fn settings(text: &str, section: &[&str], table: toml::Table) -> Result<Settings, SettingsError> {
    Settings::deserialize(table.clone())
        .map_err(|error| SettingsError::of(text, section, &table, &error))
}

pub(super) fn duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| parse_duration(&text).map_err(serde::de::Error::custom))
        .transpose()
}

/// Puts variables into a header value: `Bearer ${TOKEN}`.
pub fn expand_variables(
    value: &str,
    lookup: impl Fn(&str) -> Option<String>,
) -> anyhow::Result<String> {
    let mut out = String::new();
    let mut rest = value;
    while let Some(open) = rest.find("${") {
        let Some(length) = rest[open..].find('}') else {
            break;
        };
        let name = &rest[open + 2..open + length];
        let found = lookup(name)
            .with_context(|| format!("the variable {name} is not set, which a header needs"))?;
        out.push_str(&rest[..open]);
        out.push_str(&found);
        rest = &rest[open + length + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::{Text, expand_variables, parse};

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
        let levels = parse(FILE, Some("ci"), PathBuf::new()).unwrap();
        assert_eq!(levels.profile.duration, Some(Duration::from_secs(10)));
        assert_eq!(levels.file.target, Some(Duration::from_millis(200)));
        assert_eq!(levels.file.rate, Some(Text::Integer(50)));
        assert_eq!(
            levels.file.endpoints["ingest"].expect,
            Some(Text::Integer(202))
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

    #[test]
    fn variables_keep_secrets_out_of_the_file() {
        let lookup = |name: &str| (name == "TOKEN").then(|| "s3cret".to_owned());
        assert_eq!(
            expand_variables("Bearer ${TOKEN}!", lookup).unwrap(),
            "Bearer s3cret!"
        );
        assert_eq!(
            expand_variables("plain $5 ${", lookup).unwrap(),
            "plain $5 ${"
        );
        assert!(
            expand_variables("${NOPE}", lookup)
                .unwrap_err()
                .to_string()
                .contains("NOPE")
        );
    }
}
