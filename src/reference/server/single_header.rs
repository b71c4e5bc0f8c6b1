//! A request header that may be given once.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::problem::Problem;

/// The value of a header. Two of them are refused, equal or not: a proxy in between may have used the other one.
pub(super) fn single<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a HeaderValue>, Problem> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    match values.count() {
        0 => Ok(first),
        more => Err(Problem::Malformed(format!(
            "the header {name} is given {} times; send it once",
            more + 1
        ))),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName};

    use super::single;

    #[test]
    fn a_header_that_is_given_twice_is_refused_even_if_both_are_equal() {
        let name = HeaderName::from_static("idempotency-key");
        let mut headers = HeaderMap::new();
        assert!(single(&headers, &name).is_ok_and(|value| value.is_none()));
        headers.append(&name, "a".parse().unwrap());
        assert!(single(&headers, &name).is_ok_and(|value| value.is_some_and(|value| value == "a")));
        headers.append(&name, "a".parse().unwrap());
        assert!(single(&headers, &name).is_err());
    }
}
