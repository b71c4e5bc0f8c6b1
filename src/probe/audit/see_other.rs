//! 303 See Other: evidence that an event is done only if it points to a result of that event alone.

use std::collections::HashMap;

use reqwest::Url;

use crate::run::completion::RedirectDefect;

/// Words in the path of a page that asks for credentials or reports an error.
const NO_RESULT: [&str; 19] = [
    "login",
    "signin",
    "logon",
    "sso",
    "oauth",
    "oauth2",
    "auth",
    "authorize",
    "authenticate",
    "saml",
    "openid",
    "cas",
    "idp",
    "challenge",
    "captcha",
    "error",
    "errors",
    "denied",
    "maintenance",
];

/// What a `Location` shows of the event that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RedirectMeaning {
    /// It names the event.
    ItsResult,
    /// It may be the result if no other event has the same one.
    SomeResult,
    /// No result.
    Nothing(RedirectDefect),
}

/// Reads the `Location` of a 303 that the state URL of an event answered.
pub(super) fn read(asked: &Url, location: &str, id: &str) -> RedirectMeaning {
    let Ok(to) = asked.join(location) else {
        return RedirectMeaning::Nothing(RedirectDefect::Unreadable);
    };
    if location.trim().is_empty() {
        return RedirectMeaning::Nothing(RedirectDefect::Missing);
    }
    let id = id.to_lowercase();
    let path = decoded(to.path());
    let without_id = path.replace(&id, "");
    let leads_back = { to.query_pairs() }.any(|(_, value)| {
        let path = decoded(asked.path());
        value.to_lowercase().contains(&path) || value.starts_with('/') || value.contains("://")
    });
    if is_login(&without_id) || leads_back {
        return RedirectMeaning::Nothing(RedirectDefect::LoginPage);
    }
    if to.origin() != asked.origin() {
        return RedirectMeaning::Nothing(RedirectDefect::OtherOrigin);
    }
    let same_path = path.trim_end_matches('/') == decoded(asked.path()).trim_end_matches('/');
    if same_path && (asked.query().is_none() || asked.query() == to.query()) {
        return RedirectMeaning::Nothing(RedirectDefect::ItsOwnUrl);
    }
    let in_query = to
        .query_pairs()
        .any(|(_, value)| value.to_lowercase() == id);
    if in_query || is_named(&path, &id) {
        RedirectMeaning::ItsResult
    } else {
        RedirectMeaning::SomeResult
    }
}

/// The results that events were said to have, by the id of the event.
#[derive(Clone, Debug, Default)]
pub(super) struct RedirectTargets(HashMap<String, (String, RedirectMeaning)>);

impl RedirectTargets {
    pub(super) fn insert(&mut self, id: String, location: String, shows: RedirectMeaning) {
        self.0.insert(id, (location, shows));
    }

    /// Targets that are not evidence, by the id of their events: several events share one, or there is only one, and it
    /// does not name its event.
    pub(super) fn doubtful(&self) -> HashMap<&str, &str> {
        let mut events_at: HashMap<&str, u64> = HashMap::new();
        for (location, _) in self.0.values() {
            *events_at.entry(location).or_default() += 1;
        }
        let is_doubtful = |location: &str, shows: RedirectMeaning| {
            events_at[location] > 1 || (events_at.len() == 1 && shows != RedirectMeaning::ItsResult)
        };
        { self.0.iter() }
            .filter(|(_, (location, shows))| is_doubtful(location, *shows))
            .map(|(id, (location, _))| (id.as_str(), location.as_str()))
            .collect()
    }
}

fn is_login(path: &str) -> bool {
    let bare = path.replace(['-', '_'], "");
    let split = |text: &str, also: &[char]| {
        let mut words = text.split(|c| ['/', '.', ';'].contains(&c) || also.contains(&c));
        words.any(|word| NO_RESULT.contains(&word))
    };
    split(&bare, &[]) || split(path, &['-', '_'])
}

/// Whether the id is in the path, and not merely a part of a longer word or number.
fn is_named(path: &str, id: &str) -> bool {
    let mut places = path.match_indices(id);
    !id.is_empty()
        && places.any(|(at, _)| {
            let ends = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
            ends(path[..at].chars().next_back()) && ends(path[at + id.len()..].chars().next())
        })
}

/// In lower case, without percent encoding.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        let escaped = after.get(..2).filter(|_| *first == b'%');
        let byte = escaped.and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = byte.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = match byte {
            Some(_) => &after[2..],
            None => after,
        };
    }
    String::from_utf8_lossy(&bytes).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::{RedirectMeaning, RedirectTargets, read};

    fn shows(location: &str) -> RedirectMeaning {
        let asked = "http://h:80/status/7".parse().unwrap();
        read(&asked, location, "7")
    }

    #[test]
    fn only_a_location_that_names_the_event_shows_its_result() {
        for to in [
            "/results/7",
            "http://h/results/7.json",
            "/r?id=7",
            "../done/7",
            "/order-7/",
        ] {
            assert_eq!(shows(to), RedirectMeaning::ItsResult, "{to}");
        }
        for to in ["/", "/results", "/results/17", "/v7/results", "/blogins/x"] {
            assert_eq!(shows(to), RedirectMeaning::SomeResult, "{to}");
        }
        for to in [
            "",
            "/login/7",
            "/user-login/7",
            "/users/sign-in",
            "/sign_in?id=7",
            "/auth?next=/status/7",
            "/begin/7?next=%2Fstatus%2F7",
            "/welcome?return=https%3A%2F%2Fh%2Fa",
            "/errors/7",
            "https://h/results/7",
            "http://other/results/7",
            "//other/results/7",
            "/status/7",
            "/status/7/",
            "/status/7?lang=en",
            "http://h/status/%37#top",
        ] {
            assert!(matches!(shows(to), RedirectMeaning::Nothing(_)), "{to}");
        }
    }

    #[test]
    fn a_result_that_several_events_share_is_no_evidence() {
        let of = |all: &[(&str, &str, RedirectMeaning)]| {
            let mut results = RedirectTargets::default();
            for (id, location, shows) in all {
                results.insert((*id).to_owned(), (*location).to_owned(), *shows);
            }
            let doubtful = results.doubtful();
            let ids = doubtful.keys().map(|&id| id.to_owned());
            let mut doubtful: Vec<String> = ids.collect();
            doubtful.sort();
            doubtful
        };
        let (its, some) = (RedirectMeaning::ItsResult, RedirectMeaning::SomeResult);
        assert_eq!(of(&[("1", "/r/1", its)]), Vec::<String>::new());
        assert_eq!(of(&[("1", "/r/a", some)]), ["1"]);
        assert_eq!(
            of(&[("1", "/r/a", some), ("2", "/r/b", some)]),
            Vec::<String>::new()
        );
        assert_eq!(
            of(&[("1", "/r/1", its), ("2", "/r/1", some), ("3", "/r/3", its)]),
            ["1", "2"]
        );
    }
}
