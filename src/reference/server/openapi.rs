//! `GET /openapi.json`: the description of the interface, OpenAPI 3.1, held to the routes by the tests.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Response};
use axum::response::IntoResponse;

/// The document as it is served.
const DOCUMENT: &str = include_str!("openapi.json");

pub(super) async fn openapi() -> Response<Body> {
    let json = HeaderValue::from_static("application/json");
    ([(CONTENT_TYPE, json)], DOCUMENT).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::DOCUMENT;
    use crate::reference::server::Route;
    use crate::reference::server::problem::Problem;

    fn document() -> Value {
        serde_json::from_str(DOCUMENT).expect("the description is JSON")
    }

    #[test]
    fn what_is_described_is_what_is_routed() {
        let document = document();
        let described: BTreeSet<&str> = (document["paths"].as_object().expect("paths").keys())
            .map(String::as_str)
            .collect();
        let routed = Route::ALL
            .into_iter()
            .filter(|route| *route != Route::Other);
        assert_eq!(described, routed.map(Route::pattern).collect());
    }

    #[test]
    fn it_names_its_versions_and_every_problem() {
        let document = document();
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
        let types = &document["components"]["schemas"]["Problem"]["properties"]["type"]["enum"];
        let types: BTreeSet<String> = (types.as_array().expect("an enumeration").iter())
            .map(|name| name.as_str().expect("a string").to_owned())
            .collect();
        let names = Problem::NAMES.map(|name| format!("urn:a7probe:problem:{name}"));
        assert_eq!(types, names.into_iter().collect());
    }
}
