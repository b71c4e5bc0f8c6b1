//! A variable part of a path, as text.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use super::problem::Problem;

/// The one parameter of a route. Bytes that are not text are refused like every other error.
pub(super) struct PathParam(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for PathParam {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<PathParam, Problem> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(text)) => Ok(PathParam(text)),
            Err(rejection) => Err(Problem::Malformed(format!("the path: {rejection}"))),
        }
    }
}
