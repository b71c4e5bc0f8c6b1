//! What gates call the endpoints of another tool's file.

/// A method and a URL or name, as a file has them; the method may be empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct EndpointKey {
    method: String,
    url: String,
}

impl EndpointKey {
    /// Query and fragment do not make another endpoint.
    pub(super) fn new(method: &str, url: &str) -> EndpointKey {
        let url = if url.contains("://") || url.starts_with('/') {
            url.split(['?', '#']).next().unwrap_or(url)
        } else {
            url
        };
        EndpointKey {
            method: method.trim().to_uppercase(),
            url: url.trim().to_owned(),
        }
    }

    /// `health` of `http://127.0.0.1:8080/health`; a name as it is.
    fn short(&self) -> String {
        let path = match self.url.split_once("://") {
            Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
            None => &self.url,
        };
        gate_name(path.trim_matches('/'))
    }

    fn with_method(&self) -> String {
        format!("{} {}", self.method, self.short())
    }

    fn whole(&self) -> String {
        gate_name(&format!("{} {}", self.method, self.url))
    }
}

/// Names as short as possible; unique if the keys are.
pub(super) fn names(keys: &[EndpointKey]) -> Vec<String> {
    let unique = |of: fn(&EndpointKey) -> String, key: &EndpointKey| {
        let name = of(key);
        keys.iter().filter(|other| of(other) == name).count() == 1
    };
    let mut names: Vec<String> = Vec::new();
    for key in keys {
        let forms: [fn(&EndpointKey) -> String; 3] = [
            EndpointKey::short,
            EndpointKey::with_method,
            EndpointKey::whole,
        ];
        let form = forms.into_iter().find(|&form| unique(form, key));
        let mut name = form.map_or_else(|| key.whole(), |form| form(key));
        // Two names may become one where signs of gates were taken out.
        while names.contains(&name) {
            name.push('\'');
        }
        names.push(name);
    }
    names
}

/// A name that a gate can hold: not empty, and without signs that a gate would read as its comparison.
pub(super) fn gate_name(name: &str) -> String {
    let name: String = name
        .chars()
        .map(|c| {
            if c.is_control() || "<>=!≤≥".contains(c) {
                '_'
            } else {
                c
            }
        })
        .collect();
    match name.split_whitespace().collect::<Vec<_>>().join(" ") {
        name if name.is_empty() || name == "*" => "root".to_owned(),
        name => name,
    }
}

#[cfg(test)]
mod tests {
    use super::{EndpointKey, names};

    fn of(pairs: &[(&str, &str)]) -> Vec<String> {
        let keys: Vec<EndpointKey> = pairs.iter().map(|(m, u)| EndpointKey::new(m, u)).collect();
        names(&keys)
    }

    #[test]
    fn names_are_as_short_as_they_can_be_told_apart_by() {
        let here = "http://127.0.0.1:8080";
        let url = |path: &str| format!("{here}{path}");
        let (health, ingest, orders) = (url("/health?x=1"), url("/ingest"), url("/api/orders/"));
        assert_eq!(
            of(&[
                ("get", &health),
                ("POST", &ingest),
                ("GET", &ingest),
                ("GET", &orders),
                ("GET", here)
            ]),
            ["health", "POST ingest", "GET ingest", "api/orders", "root"]
        );
        assert_eq!(
            of(&[
                ("GET", "http://a/x"),
                ("GET", "http://b/x"),
                ("", "check out")
            ]),
            ["GET http://a/x", "GET http://b/x", "check out"]
        );
        assert_eq!(
            of(&[("", "a<b"), ("", "a=b"), ("", "")]),
            ["a_b", "a_b'", "root"]
        );
    }
}
