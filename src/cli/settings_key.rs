//! Every key of the settings file, and the form of its value.

/// The form of a value in the settings file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SettingForm {
    Duration,
    Rate,
    Count,
    Switch,
    Text,
    File,
    Statuses,
    Arrivals,
    Speed,
    ReplayFormat,
    Share,
    Gates,
    /// A table of texts.
    Texts,
    /// A table of other keys.
    Section,
}

impl SettingForm {
    /// The form in words, and an example as it is written in the file.
    pub(super) fn described(self) -> (&'static str, &'static str) {
        match self {
            SettingForm::Duration => ("a duration in quotes", "\"10s\""),
            SettingForm::Rate => ("a number per second, or a rate in quotes", "\"50/s\""),
            SettingForm::Count => ("a whole number", "600"),
            SettingForm::Switch => ("true or false", "true"),
            SettingForm::Text => ("text in quotes", "\"…\""),
            SettingForm::File => ("a file name in quotes", "\"file\""),
            SettingForm::Statuses => ("a status, or a list in quotes", "\"200,202\""),
            SettingForm::Arrivals => ("\"jitter\", \"grid\" or \"poisson\"", "\"jitter\""),
            SettingForm::Speed => ("a factor", "2"),
            SettingForm::ReplayFormat => (
                "\"combined\", \"ndjson\", \"csv\" or \"offsets\"",
                "\"combined\"",
            ),
            SettingForm::Share => ("a percentage in quotes", "\"5%\""),
            SettingForm::Gates => ("a list of texts", "[\"p95 <= 150ms\"]"),
            SettingForm::Texts => ("a table of texts", "{ NAME = \"VALUE\" }"),
            SettingForm::Section => ("a table", "{ … }"),
        }
    }

    /// Whether the value may be a text.
    pub(super) fn is_text(self) -> bool {
        !matches!(self, Count | Speed | Switch | Gates | Texts | Section)
    }
}

use SettingForm::{
    Arrivals, Count, Duration, File, Gates, Rate, ReplayFormat, Section, Share, Speed, Statuses,
    Switch, Text, Texts,
};

/// Keys at the top of the file and of each profile.
pub(super) const RUN_KEYS: &[(&str, SettingForm)] = &[
    ("url", Text),
    ("target", Duration),
    ("rate", Rate),
    ("rate_file", File),
    ("rate_format", ReplayFormat),
    ("speed", Speed),
    ("requests", Count),
    ("duration", Duration),
    ("budget", Duration),
    ("episode", Duration),
    ("spell", Duration),
    ("iid", Switch),
    ("concurrency", Count),
    ("arrivals", Arrivals),
    ("seed", Count),
    ("warmup", Duration),
    ("timeout", Duration),
    ("gates", Gates),
    ("baseline", File),
    ("data", File),
    ("data_once", Switch),
    ("headers", Texts),
    ("auth", Text),
    ("cookie", Text),
    ("endpoints", Section),
    ("insecure", Switch),
    ("cacert", File),
    ("cert", File),
    ("key", File),
    ("connect_to", Text),
    ("proxy", Text),
    ("location", Switch),
    ("trace", Switch),
    ("unix_socket", File),
    ("disable_keepalive", Switch),
    ("http2", Switch),
    ("streams", Count),
    ("audit", Section),
];

/// Keys of `[endpoints.NAME]`.
pub(super) const ENDPOINT_KEYS: &[(&str, SettingForm)] = &[
    ("method", Text),
    ("path", Text),
    ("body", Text),
    ("body_file", File),
    ("content_type", Text),
    ("headers", Texts),
    ("expect", Statuses),
    ("expect_body", Text),
    ("rate", Rate),
];

/// Keys of `[audit]`.
pub(super) const AUDIT_KEYS: &[(&str, SettingForm)] = &[
    ("enabled", Switch),
    ("timeout", Duration),
    ("quiet", Duration),
    ("url", Text),
    ("id", Text),
    ("done", Text),
    ("dead", Text),
    ("ttl", Duration),
    ("done_at", Text),
    ("accepted_at", Text),
    ("resend", Share),
];

/// The form of the value at a path of keys, below a profile's name if it is in one; `None` where there is no such key.
pub(super) fn form_at(path: &[String]) -> Option<SettingForm> {
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    match names.as_slice() {
        ["endpoints", _] => Some(Section),
        ["headers", _] | ["endpoints", _, "headers", _] => Some(Text),
        ["endpoints", _, key] => find(ENDPOINT_KEYS, key),
        ["audit", key] => find(AUDIT_KEYS, key),
        [key] => find(RUN_KEYS, key),
        _ => None,
    }
}

fn find(keys: &[(&str, SettingForm)], key: &str) -> Option<SettingForm> {
    let found = keys.iter().find(|(name, _)| *name == key);
    found.map(|(_, form)| *form)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize as _;

    use super::{AUDIT_KEYS, ENDPOINT_KEYS, RUN_KEYS, SettingForm};
    use crate::cli::settings::Settings;
    use crate::report::HelpTopic;

    /// serde lists the keys in its message about one that is unknown.
    fn keys(text: &str) -> Vec<String> {
        let table: toml::Table = toml::from_str(text).unwrap();
        let message = Settings::deserialize(table).unwrap_err().to_string();
        let first = message.lines().next().unwrap_or_default();
        let known = first.split('`').skip(3).step_by(2);
        known.map(str::to_owned).collect()
    }

    #[test]
    fn the_keys_are_those_that_the_settings_read() {
        let names = |keys: &[(&str, SettingForm)]| {
            let names = keys.iter().map(|(name, _)| (*name).to_owned());
            names.collect::<Vec<_>>()
        };
        assert_eq!(keys("zzz = 1"), names(RUN_KEYS));
        assert_eq!(keys("[endpoints.a]\nzzz = 1"), names(ENDPOINT_KEYS));
        assert_eq!(keys("[audit]\nzzz = 1"), names(AUDIT_KEYS));
    }

    #[test]
    fn the_example_of_a_form_is_read() {
        for (key, form) in RUN_KEYS
            .iter()
            .filter(|(_, form)| *form != SettingForm::Section)
        {
            let text = format!("{key} = {}", form.described().1);
            let table: toml::Table = toml::from_str(&text).unwrap();
            assert!(Settings::deserialize(table).is_ok(), "{text}");
        }
    }

    #[test]
    fn the_page_lists_every_key_with_its_form() {
        let page = HelpTopic::Environment.page();
        for (key, form) in RUN_KEYS.iter().chain(ENDPOINT_KEYS).chain(AUDIT_KEYS) {
            let row = format!("\n| `{key}` | {} |", form.described().0);
            assert!(page.contains(&row), "docs/settings.md lacks {row}");
        }
    }
}
