//! Commands of other tools, such as `k6 run` and `vegeta attack`, with the line that means the same here.

use super::usage_error::UsageError;
use super::value;

/// A command of another tool.
struct ForeignCommand {
    name: &'static str,
    tool: &'static str,
    /// Its flags that have a flag of ours.
    flags: &'static [Equivalent],
}

/// Names of a flag of another tool, and ours.
struct Equivalent {
    theirs: &'static [&'static str],
    ours: &'static str,
    /// The value in our form.
    value: fn(&str) -> Option<String>,
}

const K6: &[Equivalent] = &[
    Equivalent {
        theirs: &["vus", "u"],
        ours: "-c",
        value: value::number,
    },
    Equivalent {
        theirs: &["duration", "d"],
        ours: "-z",
        value: value::duration,
    },
    Equivalent {
        theirs: &["iterations", "i"],
        ours: "-n",
        value: value::number,
    },
    Equivalent {
        theirs: &["rps"],
        ours: "-q",
        value: value::number,
    },
];

const VEGETA: &[Equivalent] = &[
    Equivalent {
        theirs: &["rate"],
        ours: "-q",
        value: value::our_rate,
    },
    Equivalent {
        theirs: &["duration"],
        ours: "-z",
        value: value::duration,
    },
    Equivalent {
        theirs: &["timeout"],
        ours: "-t",
        value: value::duration,
    },
];

const COMMANDS: [ForeignCommand; 3] = [
    ForeignCommand {
        name: "run",
        tool: "k6; a7probe runs no scripts",
        flags: K6,
    },
    ForeignCommand {
        name: "attack",
        tool: "vegeta",
        flags: VEGETA,
    },
    ForeignCommand {
        name: "bench",
        tool: "other tools",
        flags: K6,
    },
];

/// Words that other tools have as commands, and what to type here.
const WORDS: [(&str, &str); 4] = [
    ("version", "use a7probe --version"),
    (
        "report",
        "use a7probe judge FILE, with a saved run or the results of another tool",
    ),
    ("plot", "use a7probe judge FILE -o report.html"),
    (
        "start",
        "use a7probe URL, or a7probe serve for the reference server",
    ),
];

/// The error about a first word that is a command of another tool; `None` if it is not.
pub(super) fn refused(typed: &[&str]) -> Option<UsageError> {
    let (&first, rest) = typed.split_first()?;
    if let Some((word, hint)) = WORDS.iter().find(|(word, _)| *word == first) {
        return Some(UsageError::new(format!("unknown command '{word}'"), *hint));
    }
    let command = COMMANDS.iter().find(|command| command.name == first)?;
    let flags: Vec<String> = command
        .flags
        .iter()
        .filter_map(|flag| flag.of_line(rest))
        .collect();
    let line = if flags.is_empty() {
        "a7probe http://HOST/PATH".to_owned()
    } else {
        format!("a7probe http://HOST/PATH {}", flags.join(" "))
    };
    Some(UsageError::new(
        format!("unknown command '{first}' ({})", command.tool),
        format!("use {line}"),
    ))
}

impl Equivalent {
    /// Our flag with the value that stands in this line.
    fn of_line(&self, line: &[&str]) -> Option<String> {
        let mut words = line.iter();
        while let Some(word) = words.next() {
            let Some(flag) = word.strip_prefix('-') else {
                continue;
            };
            let flag = flag.strip_prefix('-').unwrap_or(flag);
            let (name, value) = match flag.split_once('=') {
                Some((name, value)) => (name, value),
                None => (flag, words.as_slice().first().copied().unwrap_or_default()),
            };
            if self.theirs.contains(&name) {
                return Some(format!("{} {}", self.ours, (self.value)(value)?));
            }
        }
        None
    }
}
