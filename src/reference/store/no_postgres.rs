//! A build without PostgreSQL: the URL of a database is an error that names the feature.

use super::engine::{Engine, EngineSetup};
use super::{Location, OpenError};

pub(super) fn open(_: &EngineSetup<'_>, url: &str) -> Result<Box<dyn Engine>, OpenError> {
    Err(OpenError::LacksPostgres {
        store: Location::Postgres(url.to_owned()),
    })
}
