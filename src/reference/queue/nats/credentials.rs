//! User, password and token out of a broker's URL, for a client that does not look into the URL for them.

use percent_encoding::percent_decode_str;
use reqwest::Url;

/// What a URL says before its host, as it is meant.
#[derive(PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub(super) enum Credentials {
    None,
    /// A name alone.
    Token(String),
    User {
        name: String,
        password: String,
    },
}

impl Credentials {
    pub(super) fn of(url: &Url) -> Credentials {
        let plain = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        match (url.username(), url.password()) {
            ("", None) => Credentials::None,
            (token, None) => Credentials::Token(plain(token)),
            (name, Some(password)) => Credentials::User {
                name: plain(name),
                password: plain(password),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::dispatch::Dispatch;
    use super::Credentials;

    #[test]
    fn credentials_are_read_as_they_are_meant() {
        let of = |url: &str| {
            let dispatch: Dispatch = url.parse().unwrap();
            Credentials::of(&dispatch.url)
        };
        assert_eq!(of("nats://h"), Credentials::None);
        assert_eq!(of("nats://t0k%2Fen@h"), Credentials::Token("t0k/en".into()));
        let (name, password) = ("a@b".to_owned(), "p:w%+".to_owned());
        let user = Credentials::User { name, password };
        assert_eq!(of("nats://a%40b:p%3Aw%25+@h"), user);
    }
}
