//! A saved run that a page leads to, by a path from the page.

use std::path::{Component, Path};

/// A saved run that a page leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedRunLink {
    /// What tells it from the others; empty if there is only one.
    pub label: String,
    /// Where it was saved.
    pub path: std::path::PathBuf,
}

impl SavedRunLink {
    /// A run that was saved there.
    pub fn new(label: &str, path: &Path) -> SavedRunLink {
        SavedRunLink {
            label: label.to_owned(),
            path: path.to_owned(),
        }
    }
}

/// The address of a file for a page in a folder, both as they were typed; `None` if no relative path is known.
pub(super) fn address(folder: &Path, file: &Path) -> Option<String> {
    let parts = |path: &Path| -> Option<Vec<String>> {
        let parts = path.components().filter(|part| *part != Component::CurDir);
        let names = parts.map(|part| match part {
            Component::Normal(name) => name.to_str().map(str::to_owned),
            Component::RootDir => Some(String::new()),
            Component::ParentDir | Component::CurDir | Component::Prefix(_) => None,
        });
        names.collect()
    };
    let (from, to) = (parts(folder)?, parts(file)?);
    // One of them from the root, the other not.
    if folder.is_absolute() != file.is_absolute() {
        return None;
    }
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = from.len() - common;
    let steps = std::iter::repeat_n("..".to_owned(), up)
        .chain(to[common..].iter().map(|name| encoded(name)));
    Some(steps.collect::<Vec<_>>().join("/"))
}

/// Everything but letters, digits and `-._~` as percent and hexadecimal digits.
fn encoded(name: &str) -> String {
    let byte = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    name.bytes().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::address;

    #[test]
    fn a_file_is_found_from_the_folder_of_the_page() {
        for (folder, file, found) in [
            ("", "run.json", Some("run.json")),
            ("out", "out/run.json", Some("run.json")),
            ("out", "run.json", Some("../run.json")),
            ("a/b", "./a/c/run 7.json", Some("../c/run%207.json")),
            ("/tmp/a", "/tmp/b/r.json", Some("../b/r.json")),
            ("", "javascript:x", Some("javascript%3Ax")),
            ("/tmp", "run.json", None),
            ("../out", "run.json", None),
        ] {
            let address = address(Path::new(folder), Path::new(file));
            assert_eq!(address.as_deref(), found, "{folder} {file}");
        }
    }
}
