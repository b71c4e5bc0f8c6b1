//! Answers the requests of one client, whatever protocol brings them.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};

use super::app::App;
use super::middleware;

/// Answers the requests of one client.
#[derive(Clone)]
pub(super) struct ExchangeHost {
    pub(super) app: Arc<App>,
    pub(super) router: Router,
    pub(super) peer: IpAddr,
}

impl ExchangeHost {
    pub(super) fn respond(
        &self,
        request: Request<Body>,
    ) -> impl Future<Output = Response<Body>> + use<> {
        middleware::respond(self.app.clone(), self.router.clone(), self.peer, request)
    }
}
