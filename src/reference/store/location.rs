//! Where a store is: a file of this machine, or a PostgreSQL database that several machines share.

use std::fmt;
use std::path::{Path, PathBuf};

/// A place that keeps events. Shown without the password that a URL may hold.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// A SQLite database; `-wal`, `-shm` and `.lock` are next to it.
    File(PathBuf),
    /// `postgres://…`, with everything that the connection takes.
    Postgres(String),
}

impl Location {
    /// The value of `--store`.
    pub fn parse(text: &str) -> Location {
        let (scheme, rest) = text.split_once("://").unwrap_or_default();
        match scheme.to_ascii_lowercase().as_str() {
            // The client knows the scheme in small letters only.
            small @ ("postgres" | "postgresql") => Location::Postgres(format!("{small}://{rest}")),
            _ => Location::File(text.into()),
        }
    }
}

impl From<&str> for Location {
    fn from(text: &str) -> Location {
        Location::parse(text)
    }
}

impl From<&Path> for Location {
    fn from(path: &Path) -> Location {
        Location::File(path.to_owned())
    }
}

impl From<PathBuf> for Location {
    fn from(path: PathBuf) -> Location {
        Location::File(path)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Location::File(path) => path.display().fmt(f),
            Location::Postgres(url) => f.write_str(&without_password(url)),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The URL with `***` for the password, be it before the host or among the parameters.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return "***".to_owned();
    };
    let (place, query) = match rest.split_once('?') {
        Some((place, query)) => (place, Some(query)),
        None => (rest, None),
    };
    // A password may have an @ that is not escaped: the last one ends it.
    let place = match place.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((name, _)) => format!("{name}:***@{host}"),
            None => format!("{user}@{host}"),
        },
        None => place.to_owned(),
    };
    let hidden = |parameter: &str| match parameter.split_once('=') {
        Some((name, _)) if name.to_ascii_lowercase().contains("pass") => format!("{name}=***"),
        _ => parameter.to_owned(),
    };
    let query = query.map(|query| query.split('&').map(hidden).collect::<Vec<_>>().join("&"));
    match query {
        Some(query) => format!("{scheme}://{place}?{query}"),
        None => format!("{scheme}://{place}"),
    }
}

#[cfg(test)]
mod tests {
    use super::Location;

    #[test]
    fn a_password_is_never_shown() {
        for (url, shown) in [
            (
                "postgres://me:s3cret@db:5432/a7",
                "postgres://me:***@db:5432/a7",
            ),
            (
                "postgresql://me:s3@cret@db/a7?sslmode=disable",
                "postgresql://me:***@db/a7?sslmode=disable",
            ),
            ("postgres://me@db/a7", "postgres://me@db/a7"),
            (
                "postgres://db/a7?user=me&password=s3cret",
                "postgres://db/a7?user=me&password=***",
            ),
        ] {
            let location = Location::parse(url);
            assert_eq!(location.to_string(), shown);
            assert_eq!(format!("{location:?}"), shown);
        }
    }

    #[test]
    fn anything_but_a_postgres_url_is_a_file() {
        assert_eq!(
            Location::parse("postgres.db"),
            Location::File("postgres.db".into())
        );
        for url in ["postgresql:///a7", "PostgreSQL:///a7"] {
            assert_eq!(
                Location::parse(url),
                Location::Postgres("postgresql:///a7".to_owned())
            );
        }
    }
}
