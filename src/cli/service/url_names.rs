//! The names of endpoints that were typed as URLs: the last part of the path, and more of the URL where that is taken.

use std::collections::BTreeMap;

use super::endpoint_name::is_name;
use crate::run::plan::Target;

/// Ever longer names for one endpoint, the shortest first.
#[derive(Debug, Clone)]
pub(super) struct NameCandidates(Vec<String>);

impl NameCandidates {
    /// For a path at a host: `search`, `v1/search`, `a.example/v1/search`, `a.example:8080/v1/search`.
    pub(super) fn of_path(path_and_query: &str, target: &Target) -> NameCandidates {
        let path = path_and_query.split('?').next().unwrap_or_default();
        let is_name_part = |part: &&str| !part.is_empty() && !part.contains("{{");
        let parts: Vec<&str> = path.split('/').filter(is_name_part).collect();
        let mut names: Vec<String> = (0..parts.len())
            .rev()
            .map(|from| parts[from..].join("/"))
            .filter(|name| is_name(name))
            .collect();
        if names.is_empty() {
            names.push("root".to_owned());
        }
        NameCandidates::with_hosts(names, target)
    }

    /// For an endpoint that has a name already.
    pub(super) fn of_name(name: &str, target: &Target) -> NameCandidates {
        NameCandidates::with_hosts(vec![name.to_owned()], target)
    }

    /// For one that was named: no other name will do.
    pub(super) fn fixed(name: &str) -> NameCandidates {
        NameCandidates(vec![name.to_owned()])
    }

    fn with_hosts(mut names: Vec<String>, target: &Target) -> NameCandidates {
        let longest = names.last().cloned().unwrap_or_default();
        for host in [target.host.clone(), target.authority()] {
            names.push(match longest.as_str() {
                "root" => host,
                path => format!("{host}/{path}"),
            });
        }
        NameCandidates(names)
    }
}

/// A name for each, no two alike as far as the URLs tell them apart. Names that are equal grow together.
pub(super) fn distinct(candidates: &[NameCandidates]) -> Vec<String> {
    let mut at = vec![0usize; candidates.len()];
    let name = |at: &[usize], i: usize| {
        let NameCandidates(own) = &candidates[i];
        own[at[i].min(own.len() - 1)].clone()
    };
    loop {
        let mut uses: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for i in 0..candidates.len() {
            uses.entry(name(&at, i)).or_default().push(i);
        }
        let mut grew = false;
        for i in uses.into_values().filter(|same| same.len() > 1).flatten() {
            if at[i] + 1 < candidates[i].0.len() {
                at[i] += 1;
                grew = true;
            }
        }
        if !grew {
            return (0..candidates.len()).map(|i| name(&at, i)).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{NameCandidates, distinct};
    use crate::cli::service::url::parse;

    fn names(urls: &[&str]) -> Vec<String> {
        let candidates: Vec<NameCandidates> = urls
            .iter()
            .map(|url| {
                let url = parse(url).unwrap();
                NameCandidates::of_path(&url.path_and_query, &url.target)
            })
            .collect();
        distinct(&candidates)
    }

    #[test]
    fn an_endpoint_is_called_after_the_last_part_of_its_path() {
        assert_eq!(
            names(&["h/search", "h/a/orders?x=1", "h/", "h/items/{{row.id}}"]),
            ["search", "orders", "root", "items"]
        );
    }

    #[test]
    fn names_that_would_be_equal_get_more_of_the_path_then_the_host() {
        assert_eq!(
            names(&["h/v1/search", "h/v2/search"]),
            ["v1/search", "v2/search"]
        );
        assert_eq!(
            names(&["http://a.example/search", "http://b.example/search"]),
            ["a.example/search", "b.example/search"]
        );
        assert_eq!(
            names(&["127.0.0.1:1/x", "127.0.0.1:2/x", "127.0.0.1:2/y"]),
            ["127.0.0.1:1/x", "127.0.0.1:2/x", "y"]
        );
        assert_eq!(
            names(&["a.example/", "b.example/"]),
            ["a.example", "b.example"]
        );
        assert_eq!(names(&["h/a", "h/a"]).len(), 2);
    }
}
