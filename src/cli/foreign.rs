//! Flags of other load generators: refused with our spelling, before clap takes one for the value of `-d` or `-h`.

mod elsewhere;
mod missing;
mod table;
#[cfg(test)]
mod tests;
mod value;

use std::ffi::OsString;
use std::fmt;

use clap::{Arg, Command};
use table::{Foreign, TABLE, TIME};

/// Most letters after one dash that are read as one switch each.
const MOST_SWITCHES: usize = 3;

/// Longest text that is shown whatever its letters.
const SHORT: usize = 8;

/// Longest name of a flag.
const LONGEST_NAME: usize = 24;

/// The commands that send, which people type other tools' flags after.
const SENDING: [&str; 3] = ["measure", "ab", "diagnose"];

/// A flag that is unknown here, or that means something else here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The typed flag, and its meaning in other tools.
    error: String,
    /// The replacement to type.
    hint: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}\nhint: {}", self.error, self.hint)
    }
}

impl std::error::Error for Refusal {}

/// Looks through the arguments, the program's name first.
///
/// # Errors
/// A flag of another tool, or text attached to `-d` or `-h` that may be one.
pub fn check(arguments: &[OsString], ours: &Command) -> Result<(), Refusal> {
    let typed: Vec<&str> = arguments
        .iter()
        .skip(1)
        .take_while(|argument| *argument != "--")
        .map(|argument| argument.to_str().unwrap_or_default())
        .collect();
    let named = typed.iter().find_map(|name| ours.find_subcommand(name));
    if named.is_none() {
        missing::check(&typed, ours)?;
    }
    // Without a subcommand clap refuses every flag but -h. Flags are then read as those of `measure`.
    let command = match named {
        Some(command) => command,
        None => ours.find_subcommand(SENDING[0]).unwrap_or(ours),
    };
    let known = Known {
        command,
        sends: SENDING.contains(&command.get_name()),
    };
    for (i, argument) in typed.iter().enumerate() {
        let next = typed.get(i + 1).filter(|next| !is_flag(next)).copied();
        known.check(argument, next)?;
    }
    match (typed.last(), arguments.len() > typed.len() + 1) {
        (Some(last), true) => known.check_before_dashes(last),
        _ => Ok(()),
    }
}

/// Whether clap reads it as a flag rather than as a value.
fn is_flag(argument: &str) -> bool {
    argument.len() > 1 && argument.starts_with('-')
}

/// The flags of one command.
struct Known<'a> {
    command: &'a Command,
    sends: bool,
}

impl Known<'_> {
    fn check(&self, argument: &str, next: Option<&str>) -> Result<(), Refusal> {
        let Some(flag) = argument.strip_prefix('-').filter(|flag| !flag.is_empty()) else {
            return Ok(());
        };
        if let Some(long) = flag.strip_prefix('-') {
            let (name, value) = name_and_value(long, next);
            return match self.long(name) {
                Some(own) => self.check_value(&format!("--{name}"), own, value),
                None => self.refuse_foreign(name, &format!("--{name}"), value),
            };
        }
        self.check_one_dash(flag, next)
    }

    /// `-rate=50`, `-h2`, `-d@file`, `-kv`: one dash, and one letter or more.
    fn check_one_dash(&self, flag: &str, next: Option<&str>) -> Result<(), Refusal> {
        let (name, value) = name_and_value(flag, next);
        if name.chars().count() > 1 {
            let typed = format!("-{name}");
            let first = name.chars().next();
            if self.sends || first.and_then(|letter| self.short(letter)).is_none() {
                self.refuse_foreign(name, &typed, value)?;
            }
            if name.starts_with(|c: char| c.is_ascii_alphabetic()) && self.long(name).is_some() {
                return Err(unknown(&typed, "", format!("use --{name}")));
            }
        }
        let mut letters = flag.chars();
        let Some(letter) = letters.next() else {
            return Ok(());
        };
        let rest = letters.as_str();
        if matches!(letter, 'h' | 'V') {
            return match rest.is_empty() {
                true => Ok(()),
                false => Err(unknown(&shown(flag, letter), "", help(letter).to_owned())),
            };
        }
        let typed = format!("-{letter}");
        let attached = rest.strip_prefix('=').unwrap_or(rest);
        let value = match rest.is_empty() {
            true => next,
            false => Some(attached),
        };
        match self.short(letter) {
            None => {
                // `-iv`: switches of another tool, not a value of the first.
                let is_cluster = !rest.is_empty() && rest.chars().all(|c| c.is_ascii_alphabetic());
                let value = value.filter(|_| !is_cluster || name.len() > MOST_SWITCHES);
                self.refuse_foreign(&letter.to_string(), &typed, value)
            }
            Some(own) if own.get_action().takes_values() => {
                if letter == 'd' && self.sends && may_be_a_flag(rest) {
                    return Err(attached_to_d(name));
                }
                self.check_value(&typed, own, value)
            }
            Some(_) if rest.is_empty() => self.check_switch(letter, next),
            Some(_) => self.check_one_dash(rest, next),
        }
    }

    /// A switch of ours that takes a value elsewhere.
    fn check_switch(&self, letter: char, next: Option<&str>) -> Result<(), Refusal> {
        match next.filter(|next| next.chars().all(|c| c.is_ascii_digit())) {
            Some(number) if self.sends => Err(Refusal {
                error: format!("-{letter} {number} (ab: verbosity): -{letter} has no value here"),
                hint: format!("use -{letter} alone"),
            }),
            _ => Ok(()),
        }
    }

    /// A flag of ours whose value has the form that it has in another tool.
    fn check_value(&self, typed: &str, own: &Arg, value: Option<&str>) -> Result<(), Refusal> {
        let refuse = |error: String, hint: String| Err(Refusal { error, hint });
        let Some(value) = value.filter(|_| self.sends) else {
            return match self.sends && typed == "-q" && own.get_id() == "rate" {
                true => refuse(
                    "-q (ab, bombardier, curl: quiet) needs a rate here".to_owned(),
                    "use --quiet for less output, or -q RATE, such as -q 50".to_owned(),
                ),
                false => Ok(()),
            };
        };
        let as_typed = match value::may_be_secret(value) {
            true => typed.to_owned(),
            false => format!("{typed} {value}"),
        };
        match own.get_id().as_str() {
            "body" if typed == "-d" => match value::duration(value) {
                Some(time) => refuse(
                    format!("{as_typed} (wrk, bombardier: duration): -d is the request body here"),
                    format!("{}, or --body {value} to send that text", self.hint(TIME, &time)),
                ),
                None => Ok(()),
            },
            "method" if value::duration(value).is_some() => refuse(
                format!("{as_typed} (curl: longest time): -m is the method here"),
                format!("use -t {}", value::duration(value).unwrap_or_default()),
            ),
            "content_type" if value::is_upload(value) => refuse(
                format!("{as_typed} (curl: file to upload): -T is the content type here"),
                match value::may_be_secret(value) {
                    true => "use -d @FILE".to_owned(),
                    false => format!("use -d @{}", value::quoted(value)),
                },
            ),
            "content_type" if !value.contains('/') => refuse(
                format!("{as_typed} (curl: file to upload; autocannon: title): not a content type"),
                "write a type and a subtype, such as -T application/json; a body from a file is -d @FILE".to_owned(),
            ),
            "output" if value::is_file(value) && !value::may_be_secret(value) => refuse(
                format!("{as_typed} (oha, vegeta, curl: file): --output is a format here"),
                format!("use --report json={value}"),
            ),
            "timeout" if typed == "-t" && !value.is_empty() && value.chars().all(|c| c.is_ascii_digit()) => refuse(
                format!("{as_typed} has no unit (wrk: threads; ab: duration; hey: timeout in seconds)"),
                format!("use -t {value}s for a timeout; threads need no flag"),
            ),
            "requests" | "concurrency" if value.parse::<u64>().is_err() => {
                match value::whole(value) {
                    Some(number) => refuse(
                        format!("{as_typed} is not written in digits"),
                        format!("use {typed} {number}"),
                    ),
                    None if value.starts_with('-') => Ok(()),
                    None => refuse(
                        format!("{as_typed}: {typed} needs a whole number"),
                        match own.get_id() == "concurrency" {
                            true => format!("use {typed} 50 for 50 requests in flight; a cookie is -H 'Cookie: NAME=VALUE'"),
                            false => format!("use {typed} 1000 for 1000 requests"),
                        },
                    ),
                }
            }
            "duration" if typed == "-z" && value::is_date(value) => refuse(
                "-z (curl: only if it was changed since then): -z is the length of the run here".to_owned(),
                "use -H 'If-Modified-Since: DATE'".to_owned(),
            ),
            "get" if value::begins_as_url(value) => refuse(
                format!("{typed} with a URL (curl: send data in the query): {typed} names an endpoint here"),
                "write the URL without a flag and put the data into its query; an endpoint is --get NAME=PATH".to_owned(),
            ),
            "rate" if value.contains("://") => refuse(
                format!("{typed} (ab, bombardier: quiet) needs a rate here"),
                "use --quiet".to_owned(),
            ),
            "rate" if value.contains('/') && !value.contains('=') => match value::our_rate(value) {
                Some(rate) if rate != value => refuse(
                    format!("{as_typed} (vegeta: rate)"),
                    format!("use -q {rate}"),
                ),
                _ => Ok(()),
            },
            "connect_to" => match parts_of_connect_to(value) {
                Some(address) => refuse(
                    format!("{as_typed} (curl, oha) names the address twice"),
                    format!("use --connect-to {address}"),
                ),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn refuse_foreign(&self, name: &str, typed: &str, value: Option<&str>) -> Result<(), Refusal> {
        if !self.sends {
            return elsewhere::check(self.command, name, typed, value);
        }
        let meanings = TABLE.iter().filter(|entry| entry.names.contains(&name));
        let found = meanings.map(|entry| (entry, entry.repeated(value)));
        let Some((entry, value)) = found
            .filter_map(|(entry, value)| Some((entry, value?)))
            .next()
        else {
            return Ok(());
        };
        let fits = |hint: &&str| self.has_flags_of(hint);
        match entry.hints.iter().copied().find(fits) {
            Some(hint) => Err(unknown(typed, entry.tools, hint.replace("{}", &value))),
            None => Err(unknown(
                typed,
                entry.tools,
                format!(
                    "leave it out; see a7probe {} --help",
                    self.command.get_name()
                ),
            )),
        }
    }

    /// `-d -- URL`: a flag that needs a value, right before the two dashes.
    fn check_before_dashes(&self, last: &str) -> Result<(), Refusal> {
        let own = match last.strip_prefix("--") {
            Some(name) => self.long(name),
            None => last
                .strip_prefix('-')
                .filter(|letters| letters.chars().count() == 1)
                .and_then(|letters| self.short(letters.chars().next()?)),
        };
        let needs_value = |own: &Arg| {
            let least = own.get_num_args().map_or(1, |number| number.min_values());
            own.get_action().takes_values() && least > 0
        };
        match own.is_some_and(needs_value) {
            true => Err(Refusal {
                error: format!("{last} needs a value, and -- is not one: it ends the flags"),
                hint: format!("put the value after {last}, or leave {last} out"),
            }),
            false => Ok(()),
        }
    }

    fn hint(&self, hints: &[&str], value: &str) -> String {
        let hint = hints.iter().find(|hint| self.has_flags_of(hint));
        hint.map_or_else(String::new, |hint| hint.replace("{}", value))
    }

    /// Whether the command shows every flag that a hint names.
    fn has_flags_of(&self, hint: &str) -> bool {
        flags_of(hint).all(|flag| {
            let own = match flag.strip_prefix("--") {
                Some(name) => self.long(name),
                None => flag.chars().nth(1).and_then(|letter| self.short(letter)),
            };
            own.is_some_and(|own| !own.is_hide_set())
        })
    }

    fn long(&self, name: &str) -> Option<&Arg> {
        let is_name = |arg: &&Arg| {
            arg.get_long() == Some(name)
                || arg
                    .get_all_aliases()
                    .is_some_and(|aliases| aliases.contains(&name))
        };
        self.command.get_arguments().find(is_name)
    }

    fn short(&self, letter: char) -> Option<&Arg> {
        let is_letter = |arg: &&Arg| arg.get_short() == Some(letter);
        self.command.get_arguments().find(is_letter)
    }
}

impl Foreign {
    /// The value as a hint repeats it; `None` if this meaning does not fit it. A value that may be a secret is not
    /// repeated, whatever the flag is about.
    fn repeated(&self, value: Option<&str>) -> Option<String> {
        match value {
            Some(value) if value::may_be_secret(value) => {
                (self.value)(value).map(|_| self.example.to_owned())
            }
            Some(value) => (self.value)(value),
            None => (self.value)("").map(|_| self.example.to_owned()),
        }
    }
}

fn unknown(typed: &str, tools: &str, hint: String) -> Refusal {
    let error = match tools.is_empty() {
        true => format!("unknown flag {typed}"),
        false => format!("unknown flag {typed} ({tools})"),
    };
    Refusal { error, hint }
}

fn help(letter: char) -> &'static str {
    match letter {
        'h' => "use -h for help",
        _ => "use -V for the version",
    }
}

fn name_and_value<'a>(flag: &'a str, next: Option<&'a str>) -> (&'a str, Option<&'a str>) {
    match flag.split_once('=') {
        Some((name, value)) => (name, Some(value)),
        None => (flag, next),
    }
}

/// Text right after `-d` that could be the rest of a flag: it begins with a letter, a digit or a dash, and is not
/// `NAME=…` with a plain name. Any other text, such as `@file` or `{"a":1}`, can only be a body.
fn may_be_a_flag(attached: &str) -> bool {
    let begins = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
    if !attached.starts_with(begins) || value::duration(attached).is_some() {
        return false;
    }
    match attached.split_once('=') {
        Some((name, _)) => name.contains('-'),
        None => true,
    }
}

/// A flag with attached text, which is shown only if it reads as a name: it may be a secret.
fn shown(flag: &str, letter: char) -> String {
    let is_name = |c: char| c.is_ascii_lowercase() || c == '-';
    let is_short = flag.len() <= SHORT && flag.chars().all(|c| c.is_ascii_alphanumeric());
    match is_short || (flag.len() <= LONGEST_NAME && flag.chars().all(is_name)) {
        true => format!("-{flag}"),
        false => format!("-{letter}…"),
    }
}

fn attached_to_d(name: &str) -> Refusal {
    unknown(
        &shown(name, 'd'),
        "",
        "if it is a body, put a space after -d: -d TEXT".to_owned(),
    )
}

/// The address in curl's `HOST1:PORT1:HOST2:PORT2`.
fn parts_of_connect_to(value: &str) -> Option<String> {
    // A URL is refused as an address, without its password.
    if value.contains(['[', '@', '/']) {
        return None;
    }
    match value.split(':').collect::<Vec<_>>()[..] {
        [_, _, host, port] if !host.is_empty() => Some(format!("{host}:{port}")),
        _ => None,
    }
}

/// Every `-x` and `--flag` in a hint.
fn flags_of(hint: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    hint.split(move |c| !is_part(c)).filter(|word| {
        let name = word.trim_start_matches('-');
        match word.len() - name.len() {
            1 => name.len() == 1,
            2 => !name.is_empty(),
            _ => false,
        }
    })
}
