//! Bearer tokens (RFC 6750).

use axum::body::Body;
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Request};
use sha2::{Digest, Sha256};

use super::config::{MetricsAccess, ServerConfig};
use super::problem::Problem;
use super::route::Route;

/// Who asks, as far as a token tells: its place among the configured ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TokenIndex(usize);

/// Lets a request pass if no token is asked for, or if it carries one of them.
pub(super) fn check(
    config: &ServerConfig,
    route: Route,
    request: &Request<Body>,
) -> Result<Option<TokenIndex>, Problem> {
    if config.tokens.is_empty() || is_open(config, route) {
        return Ok(None);
    }
    token_of(&config.tokens, request.headers())
        .map(Some)
        .ok_or(Problem::Unauthorized)
}

/// What an orchestrator asks without a token, and the metrics if that is wanted.
fn is_open(config: &ServerConfig, route: Route) -> bool {
    match route {
        Route::Health | Route::Livez | Route::Readyz => true,
        Route::Metrics => config.metrics == MetricsAccess::Open,
        _ => false,
    }
}

/// Which of these tokens the headers carry. Every one is looked at, whichever fits.
pub(super) fn token_of(tokens: &[String], headers: &HeaderMap) -> Option<TokenIndex> {
    let given = headers
        .get(AUTHORIZATION)
        .and_then(|value| bearer(value.as_bytes()))?;
    let mut found = None;
    for (index, token) in tokens.iter().enumerate() {
        if same(given, token.as_bytes()) {
            found = Some(TokenIndex(index));
        }
    }
    found
}

/// The token of a `Bearer` header; the scheme's case does not matter.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| token.trim_ascii())
}

/// Compares in constant time: digests, every byte of them.
fn same(given: &[u8], expected: &[u8]) -> bool {
    let (given, expected) = (Sha256::digest(given), Sha256::digest(expected));
    given
        .iter()
        .zip(expected.iter())
        .fold(0, |difference, (a, b)| difference | (a ^ b))
        == 0
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;

    use super::{TokenIndex, bearer, same, token_of};

    #[test]
    fn the_scheme_is_bearer_in_any_case() {
        assert_eq!(bearer(b"Bearer s3cret"), Some(&b"s3cret"[..]));
        assert_eq!(bearer(b"bearer s3cret "), Some(&b"s3cret"[..]));
        assert_eq!(bearer(b"Basic s3cret"), None);
        assert_eq!(bearer(b"Bea"), None);
    }

    #[test]
    fn only_the_whole_token_is_the_token() {
        assert!(same(b"s3cret", b"s3cret"));
        assert!(!same(b"s3cre", b"s3cret"));
        assert!(!same(b"s3cretX", b"s3cret"));
        assert!(!same(b"", b"s3cret"));
    }

    #[test]
    fn every_token_names_its_client() {
        let tokens = ["one".to_owned(), "two".to_owned()];
        let given = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("authorization", value.parse().expect("a header value"));
            token_of(&tokens, &headers)
        };
        assert_eq!(given("Bearer one"), Some(TokenIndex(0)));
        assert_eq!(given("Bearer two"), Some(TokenIndex(1)));
        assert_eq!(given("Bearer three"), None);
        assert_eq!(token_of(&tokens, &HeaderMap::new()), None);
    }
}
