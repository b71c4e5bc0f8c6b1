//! Bearer tokens (RFC 6750).

use axum::body::Body;
use axum::http::Request;
use axum::http::header::AUTHORIZATION;
use sha2::{Digest, Sha256};

use super::problem::Problem;

/// What an orchestrator asks without a token.
const OPEN: [&str; 3] = ["/health", "/livez", "/readyz"];

/// Lets a request pass if no token is asked for, or if it carries the right one.
pub(super) fn check(token: Option<&str>, request: &Request<Body>) -> Result<(), Problem> {
    let Some(token) = token else { return Ok(()) };
    if OPEN.contains(&request.uri().path()) {
        return Ok(());
    }
    let given = request
        .headers()
        .get(AUTHORIZATION)
        .and_then(|value| bearer(value.as_bytes()));
    match given {
        Some(given) if same(given, token.as_bytes()) => Ok(()),
        _ => Err(Problem::Unauthorized),
    }
}

/// The token of a `Bearer` header; the scheme's case does not matter.
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme
        .eq_ignore_ascii_case(b"Bearer ")
        .then(|| token.trim_ascii())
}

/// Compares in a time that does not tell how much is right: digests, every byte of them.
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
    use super::{bearer, same};

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
        assert!(!same(b"", b"s3cret"));
    }
}
