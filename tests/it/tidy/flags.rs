//! Every flag is declared once. What a command says of it otherwise, `mut_arg` says there.

use std::collections::BTreeMap;

use super::sources;

/// Flags of one name and two meanings.
const TWO_MEANINGS: [(&str, &str); 7] = [
    (
        "block",
        "where the call of serve blocks; how long a block of ab is",
    ),
    (
        "duration",
        "the demo's measurements have no other size and no setting",
    ),
    (
        "format",
        "the form of a file of another tool; the form of a file to replay",
    ),
    (
        "from",
        "where a worker takes its events; where a capacity search begins",
    ),
    (
        "quick",
        "a verdict on P50 and P95 alone; fewer scenarios of a self-test",
    ),
    ("save", "a self-test saves a certificate, not a run"),
    (
        "seed",
        "the simulator's draws have a seed unless one is given, a schedule has none",
    ),
];

#[test]
fn a_flag_is_declared_once() {
    let mut places = BTreeMap::<String, Vec<String>>::new();
    let sources = sources();
    for source in sources.iter().filter(|source| source.top() == "cli") {
        for flag in declared(&source.code()) {
            places.entry(flag).or_default().push(source.module.clone());
        }
    }
    assert!(places.len() > 90, "the flags were not found: {places:?}");
    let twice: BTreeMap<_, _> = places
        .into_iter()
        .filter(|(_, places)| places.len() > 1)
        .collect();
    let allowed: Vec<&str> = TWO_MEANINGS.iter().map(|(flag, _)| *flag).collect();
    let found: Vec<&str> = twice.keys().map(String::as_str).collect();
    assert_eq!(
        found, allowed,
        "flatten one declaration into each command: {twice:?}"
    );
}

/// The long names of the flags that a file declares.
fn declared(code: &str) -> Vec<String> {
    let attributes = code.split("#[arg(").skip(1);
    attributes
        .filter_map(|text| flag(text.split_once(")]\n")?))
        .collect()
}

/// The long name of an argument, from its attribute and what follows.
fn flag((attribute, rest): (&str, &str)) -> Option<String> {
    let mut settings = attribute.split([',', '\n']).map(str::trim);
    let long = settings.find(|setting| *setting == "long" || setting.starts_with("long ="))?;
    let field = || {
        let mut lines = rest.lines().map(str::trim);
        let line = lines.find(|line| !line.starts_with("#["))?;
        let (name, _) = line.trim_start_matches("pub ").split_once(':')?;
        Some(name.replace('_', "-"))
    };
    match long.split('"').nth(1) {
        Some(name) => Some(name.to_owned()),
        None => field(),
    }
}

#[test]
fn a_flag_is_found_in_every_form() {
    let code = "\
    #[arg(long, env = \"A\")]
    pub wait_ready: bool,
    #[arg(short = 'n', long = \"report\", value_parser = f([1]))]
    pub reports: Vec<u8>,
    #[arg(
        value_name = \"FILE\",
        long
    )]
    #[cfg(unix)]
    file: u8,
    #[arg(value_name = \"along\")]
    url: u8,
";
    assert_eq!(declared(code), ["wait-ready", "report", "file"]);
}
