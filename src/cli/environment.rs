//! Variables that begin with `A7PROBE_` and are unknown: a misspelt one must not change a verdict in silence.

use std::ffi::OsString;
use std::fmt;

use clap::{Arg, Command};

use super::nearest::nearest;
use super::settings_file::{DEFAULT_FILE, SettingsArgs};

const PREFIX: &str = "A7PROBE_";

/// Variables of the test suite and of the Python workers in `fixtures/python`, and what `--shard auto` reads.
const OTHERS: [&str; 7] = [
    "A7PROBE_SHARDS",
    "A7PROBE_LONG",
    "A7PROBE_REQUIRE_SERVICES",
    "A7PROBE_TOKEN",
    "A7PROBE_PROVIDER",
    "A7PROBE_BROKER",
    "A7PROBE_QUEUE",
];

/// Beginnings of the variables of commands that a build may lack.
const REFERENCE: [&str; 3] = ["A7PROBE_SERVE_", "A7PROBE_WORKER_", "A7PROBE_PROVIDER_"];

/// Words of other tools for a variable of ours.
const OTHER_WORDS: [(&str, &str); 12] = [
    ("LIMIT", "A7PROBE_TARGET"),
    ("THRESHOLD", "A7PROBE_GATE"),
    ("THRESHOLDS", "A7PROBE_GATE"),
    ("QPS", "A7PROBE_RATE"),
    ("RPS", "A7PROBE_RATE"),
    ("CONNECTIONS", "A7PROBE_CONCURRENCY"),
    ("VUS", "A7PROBE_CONCURRENCY"),
    ("SAMPLES", "A7PROBE_REQUESTS"),
    ("COUNT", "A7PROBE_REQUESTS"),
    ("BASE_URL", "A7PROBE_URL"),
    ("FORMAT", "A7PROBE_OUTPUT"),
    ("SETTINGS", "A7PROBE_CONFIG"),
];

/// A variable of the environment.
#[derive(Clone, Debug)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) value: String,
}

/// A variable that no command reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum UnknownVariable {
    /// Probably meant as one of ours, which was not set then. Refused.
    Misspelt { name: String, hint: String },
    /// Perhaps of another program. A warning.
    Foreign { name: String },
}

impl fmt::Display for UnknownVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UnknownVariable::Misspelt { name, hint } => {
                write!(f, "error: unknown variable {name}\nhint: {hint}")
            }
            UnknownVariable::Foreign { name } => write!(
                f,
                "warning: unknown variable {name} is ignored\nhint: unset it, or see a7probe help environment"
            ),
        }
    }
}

/// Inputs other than the environment, which may name variables of their own.
pub(super) struct NamingTexts<'a> {
    /// The command line.
    pub(super) arguments: &'a [OsString],
    /// The text of the settings file, if there is one.
    pub(super) settings: &'a str,
}

/// The variables of the environment that begin with our prefix and are not empty.
pub(super) fn variables() -> Vec<Variable> {
    let mut found: Vec<Variable> = std::env::vars_os()
        .filter_map(|(name, value)| {
            let name = name.into_string().ok()?;
            let value = value.to_string_lossy().into_owned();
            (name.starts_with(PREFIX) && !value.is_empty()).then_some(Variable { name, value })
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// The text of the settings file that these arguments choose; empty where it cannot be read.
pub(super) fn settings_text(args: Option<&SettingsArgs>) -> String {
    let named = args.map(|args| args.config.clone());
    let file = named.map(|file| file.unwrap_or_else(|| DEFAULT_FILE.into()));
    let text = file.and_then(|file| std::fs::read_to_string(file).ok());
    text.unwrap_or_default()
}

/// The variables that no command reads. Those that a flag, another variable or the settings file names are not among
/// them, nor those that Kubernetes sets in every pod of a cluster with a service of our name.
pub(super) fn unknown(
    variables: &[Variable],
    texts: &NamingTexts<'_>,
    command: &Command,
    program: &Command,
) -> Vec<UnknownVariable> {
    let known = known(program);
    let named = |name: &str| {
        let in_file = texts.settings.contains(&format!("${{{name}}}"));
        let mut words = texts.arguments.iter().map(|word| word.to_string_lossy());
        let is_part = |text: &str| text.split([',', '=']).any(|part| part == name);
        let by_variable =
            |variable: &Variable| variable.name.ends_with("_ENV") && is_part(&variable.value);
        in_file || words.any(|word| is_part(&word)) || variables.iter().any(by_variable)
    };
    let is_ours = |variable: &&Variable| {
        let name = variable.name.as_str();
        let is_of_other_build = REFERENCE.iter().any(|start| name.starts_with(start))
            && !known.iter().any(|known| known.starts_with(REFERENCE[0]));
        known.iter().any(|known| known == name)
            || OTHERS.contains(&name)
            || is_of_other_build
            || is_of_kubernetes(variable)
            || named(name)
    };
    variables
        .iter()
        .filter(|variable| !is_ours(variable))
        .map(|variable| judged(&variable.name, &known, command))
        .collect()
}

fn known(program: &Command) -> Vec<String> {
    let arguments = program.get_subcommands().flat_map(Command::get_arguments);
    let names = arguments.filter_map(Arg::get_env);
    names
        .map(|name| name.to_string_lossy().into_owned())
        .collect()
}

/// `A7PROBE_SERVICE_HOST`, `A7PROBE_PORT_8080_TCP_ADDR`: the address of a Kubernetes service called `a7probe…`.
fn is_of_kubernetes(variable: &Variable) -> bool {
    let (name, value) = (&variable.name, &variable.value);
    let is_address = ["tcp://", "udp://", "sctp://"]
        .iter()
        .any(|scheme| value.starts_with(scheme));
    let after_port = name.split("_PORT_").nth(1).unwrap_or_default();
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT") && is_address
        || after_port.starts_with(|c: char| c.is_ascii_digit())
}

fn judged(name: &str, known: &[String], command: &Command) -> UnknownVariable {
    match hint(name, known, command) {
        Some(hint) => UnknownVariable::Misspelt {
            name: name.to_owned(),
            hint,
        },
        None => UnknownVariable::Foreign {
            name: name.to_owned(),
        },
    }
}

/// The probable meaning: a variable of almost the same name, or a flag that has another variable or none.
fn hint(name: &str, known: &[String], command: &Command) -> Option<String> {
    let suffix = name.strip_prefix(PREFIX)?;
    let other = OTHER_WORDS.iter().find(|(word, _)| *word == suffix);
    if let Some((_, ours)) = other {
        return Some(format!("did you mean {ours}?"));
    }
    let flag = suffix.to_lowercase().replace('_', "-");
    let is_flag = |arg: &&Arg| !arg.is_hide_set() && arg.get_long() == Some(flag.as_str());
    if let Some(arg) = command.get_arguments().find(is_flag) {
        return Some(match arg.get_env() {
            Some(variable) => format!("did you mean {}?", variable.to_string_lossy()),
            None => format!("--{flag} has no variable; give the flag"),
        });
    }
    // A short name is close to many others.
    let most = if suffix.len() > 5 { 2 } else { 1 };
    let known = known.iter().map(String::as_str);
    let near = nearest(name, known, |edits, _| edits <= most)?;
    Some(format!("did you mean {near}?"))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::CommandFactory as _;

    use super::{NamingTexts, Variable, known, unknown};
    use crate::cli::Cli;

    /// What is said of these variables before a `measure`.
    fn said(variables: &[(&str, &str)], line: &str, settings: &str) -> Vec<String> {
        let variables: Vec<Variable> = variables
            .iter()
            .map(|(name, value)| Variable {
                name: (*name).to_owned(),
                value: (*value).to_owned(),
            })
            .collect();
        let arguments: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let program = Cli::command();
        let measure = program.find_subcommand("measure").unwrap();
        let texts = NamingTexts {
            arguments: &arguments,
            settings,
        };
        let unknown = unknown(&variables, &texts, measure, &program);
        unknown.iter().map(ToString::to_string).collect()
    }

    fn alone(name: &str) -> String {
        said(&[(name, "1")], "a7probe measure http://a", "").join("\n")
    }

    #[test]
    fn a_misspelt_variable_is_refused_with_the_one_that_was_meant() {
        for (name, meant) in [
            ("A7PROBE_TAGRET", "did you mean A7PROBE_TARGET?"),
            ("A7PROBE_TARGETS", "did you mean A7PROBE_TARGET?"),
            ("A7PROBE_RAET", "did you mean A7PROBE_RATE?"),
            ("A7PROBE_GATES", "did you mean A7PROBE_GATE?"),
            ("A7PROBE_RUL", "did you mean A7PROBE_URL?"),
            ("A7PROBE_LIMIT", "did you mean A7PROBE_TARGET?"),
            ("A7PROBE_TIME_OUT", "did you mean A7PROBE_TIMEOUT?"),
            ("A7PROBE_EXPECT", "--expect has no variable; give the flag"),
            ("A7PROBE_IID", "--iid has no variable; give the flag"),
        ] {
            let expected = format!("error: unknown variable {name}\nhint: {meant}");
            assert_eq!(alone(name), expected);
        }
    }

    #[test]
    fn a_variable_of_another_program_is_a_warning() {
        for name in ["A7PROBE_VERSION", "A7PROBE_HOME", "A7PROBE_USE"] {
            let expected = format!(
                "warning: unknown variable {name} is ignored\nhint: unset it, or see a7probe help environment"
            );
            assert_eq!(alone(name), expected);
        }
    }

    #[test]
    fn a_variable_that_is_read_or_named_is_not_unknown() {
        let program = Cli::command();
        let names = known(&program);
        assert!(names.len() > 25, "{names:?}");
        for name in names {
            assert_eq!(alone(&name), "");
        }
        for name in super::OTHERS {
            assert_eq!(alone(name), "");
        }
        let line = "a7probe serve --token-env=A7PROBE_KEY_A,A7PROBE_KEY_B";
        let keys = [("A7PROBE_KEY_A", "s"), ("A7PROBE_KEY_B", "t")];
        assert!(said(&keys, line, "").is_empty());
        let named = [
            ("A7PROBE_SERVE_TOKEN_ENV", "A7PROBE_KEY_A"),
            ("A7PROBE_KEY_A", "s"),
        ];
        assert!(said(&named, "a7probe serve", "").is_empty());
        let file = "auth = \"u:${A7PROBE_KEY_A}\"";
        assert!(said(&keys[..1], "a7probe measure", file).is_empty());
    }

    /// The rows of the table of variables: each with its flag and the commands that read it.
    #[cfg(feature = "reference")]
    fn rows(is_listed: impl Fn(&str) -> bool) -> String {
        use std::collections::BTreeMap;
        let program = Cli::command();
        let mut found = BTreeMap::<String, (String, Vec<&str>)>::new();
        for command in program.get_subcommands() {
            for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
                let Some(variable) = arg.get_env().and_then(|name| name.to_str()) else {
                    continue;
                };
                let flag = arg.get_long().map(|long| format!("--{long}"));
                let flag = flag.unwrap_or_else(|| arg.get_id().to_string().to_uppercase());
                let entry = found.entry(variable.to_owned());
                let row = entry.or_insert((flag, Vec::new()));
                row.1.push(command.get_name());
            }
        }
        let mut table = "| variable | flag | commands |\n|---|---|---|\n".to_owned();
        for (variable, (flag, commands)) in found.iter().filter(|(name, _)| is_listed(name)) {
            let commands = commands.join(", ");
            table.push_str(&format!("| `{variable}` | `{flag}` | {commands} |\n"));
        }
        table
    }

    #[cfg(feature = "reference")]
    #[test]
    fn the_page_lists_every_variable_with_its_flag() {
        let is_of_reference =
            |name: &str| super::REFERENCE.iter().any(|start| name.starts_with(start));
        let tables = format!(
            "{}\nVariables of the reference server:\n\n{}",
            rows(|name| !is_of_reference(name)),
            rows(is_of_reference)
        );
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/settings.md");
        let page = std::fs::read_to_string(page).unwrap();
        if !page.contains(&tables) {
            std::fs::write("/tmp/settings-variables.md", &tables).unwrap();
            panic!("docs/settings.md lacks the tables that are now in /tmp/settings-variables.md");
        }
    }

    #[test]
    fn the_addresses_of_a_kubernetes_service_are_not_unknown() {
        for (name, value) in [
            ("A7PROBE_SERVICE_HOST", "10.0.0.1"),
            ("A7PROBE_SERVICE_PORT", "8080"),
            ("A7PROBE_SERVICE_PORT_HTTP", "8080"),
            ("A7PROBE_PORT", "tcp://10.0.0.1:8080"),
            ("A7PROBE_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
            ("A7PROBE_SERVE_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ] {
            let said = said(&[(name, value)], "a7probe measure http://a", "");
            assert!(said.is_empty(), "{said:?}");
        }
        assert!(alone("A7PROBE_PORT").starts_with("warning: "));
    }
}
