//! Where a redirect leads: the next URL and method, or why it is not followed.

use reqwest::Url;

use crate::redact;
use crate::run::plan::{Scheme, Target};

/// A request that may be redirected: its URL, its method, and what it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RedirectTarget {
    url: Url,
    pub(super) method: String,
    pub(super) body: BodyUse,
}

/// Whether the body of the original request is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyUse {
    Sent,
    /// The method changed to GET, or another origin is asked.
    Dropped,
}

/// Why a redirect is not followed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RedirectFailure {
    #[error("the answer {0} has no Location")]
    NoLocation(u16),
    #[error("the Location of the answer {0} is not a valid http or https URL")]
    NotAUrl(u16),
    #[error("redirected to {to} as {method}: only GET and HEAD are sent to another origin")]
    OtherOrigin { to: String, method: String },
    #[error("more than {0} redirects")]
    TooMany(usize),
    #[error("more than {most} redirects, in a loop through {url}")]
    Loop { most: usize, url: String },
}

/// Whether an answer with this status asks for another request.
pub(super) fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

impl RedirectTarget {
    /// A request of a plan to its own target; `path` begins with `/`.
    pub(super) fn first(home: &Target, path: &str, method: &str) -> Option<RedirectTarget> {
        let origin = format!("{}://{}", home.scheme.as_str(), home.authority());
        Some(RedirectTarget {
            url: Url::parse(&origin).ok()?.join(path).ok()?,
            method: method.to_owned(),
            body: BodyUse::Sent,
        })
    }

    /// The request that this answer asks for. Credentials in the Location are ignored.
    pub(super) fn after(
        &self,
        status: u16,
        location: Option<&str>,
    ) -> Result<RedirectTarget, RedirectFailure> {
        let location = location.map(str::trim).filter(|text| !text.is_empty());
        let location = location.ok_or(RedirectFailure::NoLocation(status))?;
        let url = self.url.join(location);
        let mut url = url.map_err(|_| RedirectFailure::NotAUrl(status))?;
        let is_http = matches!(url.scheme(), "http" | "https");
        if !is_http || url.host_str().is_none() || url.port() == Some(0) {
            return Err(RedirectFailure::NotAUrl(status));
        }
        url.set_fragment(None);
        let as_get = match status {
            303 => self.method != "HEAD",
            301 | 302 => self.method == "POST",
            _ => false,
        };
        let (method, body) = if as_get {
            ("GET", BodyUse::Dropped)
        } else {
            (self.method.as_str(), self.body)
        };
        Ok(RedirectTarget {
            method: method.to_owned(),
            url,
            body,
        })
    }

    /// The same request as another origin may see it.
    pub(super) fn elsewhere(self) -> Result<RedirectTarget, RedirectFailure> {
        if matches!(self.method.as_str(), "GET" | "HEAD") {
            Ok(RedirectTarget {
                body: BodyUse::Dropped,
                ..self
            })
        } else {
            Err(RedirectFailure::OtherOrigin {
                to: self.url.origin().ascii_serialization(),
                method: self.method,
            })
        }
    }

    /// Scheme, host and port.
    pub(super) fn target(&self) -> Target {
        let scheme = if self.url.scheme() == "https" {
            Scheme::Https
        } else {
            Scheme::Http
        };
        let host = self.url.host_str().unwrap_or_default();
        Target {
            scheme,
            host: host
                .trim_start_matches('[')
                .trim_end_matches(']')
                .to_owned(),
            port: self.url.port().unwrap_or(scheme.default_port()),
            prefix: String::new(),
        }
    }

    /// Path and query.
    pub(super) fn path(&self) -> String {
        match self.url.query() {
            Some(query) => format!("{}?{query}", self.url.path()),
            None => self.url.path().to_owned(),
        }
    }

    /// Whether both go to one scheme, host and port.
    pub(super) fn is_same_origin(&self, other: &RedirectTarget) -> bool {
        self.url.origin() == other.url.origin()
    }

    /// Without secrets.
    pub(super) fn shown(&self) -> String {
        redact::url(self.url.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::{BodyUse, RedirectFailure, RedirectTarget};
    use crate::run::plan::{Scheme, Target};

    fn first(method: &str) -> RedirectTarget {
        let home = Target {
            scheme: Scheme::Http,
            host: "shop.example".to_owned(),
            port: 8080,
            prefix: String::new(),
        };
        RedirectTarget::first(&home, "/a/b?c=1", method).unwrap()
    }

    #[test]
    fn a_location_is_relative_to_the_url_that_was_asked() {
        for (location, expected) in [
            ("/x?y=1#f", "http://shop.example:8080/x?y=1"),
            ("d", "http://shop.example:8080/a/d"),
            ("?e", "http://shop.example:8080/a/b?e"),
            ("../up", "http://shop.example:8080/up"),
            ("//other.example/z", "http://other.example/z"),
            ("https://shop.example/s", "https://shop.example/s"),
            (" /spaces ", "http://shop.example:8080/spaces"),
            ("http://me:pw@[::1]:81/v6", "http://[::1]:81/v6"),
        ] {
            let next = first("GET").after(302, Some(location)).unwrap();
            let url = next.target().to_string() + &next.path();
            assert_eq!(url, expected, "{location}");
        }
    }

    #[test]
    fn a_method_changes_to_get_after_303_and_after_a_post_with_301_or_302() {
        for (status, method, expected, body) in [
            (301, "POST", "GET", BodyUse::Dropped),
            (302, "POST", "GET", BodyUse::Dropped),
            (303, "POST", "GET", BodyUse::Dropped),
            (303, "PUT", "GET", BodyUse::Dropped),
            (303, "HEAD", "HEAD", BodyUse::Sent),
            (301, "PUT", "PUT", BodyUse::Sent),
            (302, "GET", "GET", BodyUse::Sent),
            (307, "POST", "POST", BodyUse::Sent),
            (308, "POST", "POST", BodyUse::Sent),
        ] {
            let next = first(method).after(status, Some("/x")).unwrap();
            assert_eq!((next.method.as_str(), next.body), (expected, body));
        }
    }

    #[test]
    fn a_location_that_leads_nowhere_is_a_defect() {
        for (location, defect) in [
            (None, RedirectFailure::NoLocation(301)),
            (Some(" "), RedirectFailure::NoLocation(301)),
            (Some("ftp://h/"), RedirectFailure::NotAUrl(301)),
            (Some("http://"), RedirectFailure::NotAUrl(301)),
            (Some("http://h:0/"), RedirectFailure::NotAUrl(301)),
            (Some("mailto:a@b"), RedirectFailure::NotAUrl(301)),
        ] {
            assert_eq!(first("GET").after(301, location), Err(defect));
        }
    }

    #[test]
    fn another_scheme_host_or_port_is_another_origin_that_only_get_and_head_are_sent_to() {
        for location in [
            "https://shop.example:8080/",
            "http://shop.example/",
            "//other.example:8080/",
        ] {
            let next = first("POST").after(307, Some(location)).unwrap();
            assert!(!next.is_same_origin(&first("POST")), "{location}");
            let error = next.elsewhere().unwrap_err().to_string();
            assert!(error.contains("as POST: only GET and HEAD"), "{error}");
        }
        let near = first("GET").after(302, Some("http://SHOP.example:8080/q"));
        assert!(near.unwrap().is_same_origin(&first("GET")));
        let head = first("HEAD").after(307, Some("//other/")).unwrap();
        assert_eq!(head.elsewhere().unwrap().body, BodyUse::Dropped);
    }
}
