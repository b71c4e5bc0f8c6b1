//! The commands that a build without the feature `reference` lacks, and its error about them.

use std::ffi::OsString;

const COMMANDS: [&str; 4] = ["demo", "serve", "worker", "provider"];

/// The error, if the command line, the program's name first, names one of them.
pub(super) fn missing_command(arguments: &[OsString]) -> Option<String> {
    let mut words = arguments.iter().skip(1).filter_map(|word| word.to_str());
    let name = words.find(|word| *word != "help")?;
    COMMANDS
        .contains(&name)
        .then(|| format!("error: this build has no '{name}'; build with --features reference"))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::missing_command;

    #[test]
    fn a_command_of_the_reference_server_names_its_feature_in_one_line() {
        let said = |line: &str| {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            missing_command(&words)
        };
        let expected = "error: this build has no 'serve'; build with --features reference";
        for line in ["a7probe serve --bind 127.0.0.1:0", "a7probe help serve"] {
            assert_eq!(said(line).as_deref(), Some(expected));
        }
        assert_eq!(said("a7probe measure serve"), None);
        assert_eq!(said("a7probe"), None);
    }
}
