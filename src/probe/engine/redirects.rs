//! Follows redirects within one request: every hop is part of it, and its time is a phase of it.

use std::cell::RefCell;
use std::rc::Rc;

use super::connection::{Connection, EncodedRequest, Response, ResponseOptions, still_open};
use super::failure::RequestFailure;
use super::final_answer::FinalAnswer;
use super::monotonic_clock::MonotonicClock;
use super::origin_route::{OriginRoute, ThreadRoutes};
use super::redirect_target::{BodyUse, RedirectFailure, RedirectTarget, is_redirect};
use super::request::{Encoder, TemplateValues};
use super::timeline::Timeline;
use crate::redact;
use crate::run::plan::{ConnectionPolicy, Endpoint, Plan, RedirectPolicy, Target, Template};
use crate::run::preflight_failure::FailureCause;
use crate::run::sample::FailureKind;

/// Most redirects of one request that are followed.
const MOST_HOPS: usize = 10;

/// Follows the redirects of one thread's requests. Connections to other origins are kept here.
pub(super) struct Redirects {
    /// By the place of the endpoint in the plan.
    homes: Vec<Target>,
    endpoints: Vec<Endpoint>,
    policy: ConnectionPolicy,
    routes: Rc<ThreadRoutes>,
    others: RefCell<Vec<OtherOrigin>>,
}

/// An origin that requests were redirected to.
struct OtherOrigin {
    target: Target,
    route: Rc<OriginRoute>,
    idle: Vec<Connection>,
}

/// A request as it was sent first.
pub(super) struct SentRequest<'a> {
    /// Its place in the plan.
    pub(super) endpoint: usize,
    /// What its templates are filled from.
    pub(super) values: &'a TemplateValues,
    /// What `{{n}}` is.
    pub(super) number: u64,
    pub(super) request: &'a EncodedRequest<'a>,
    pub(super) options: ResponseOptions<'a>,
}

impl From<RedirectFailure> for RequestFailure {
    fn from(defect: RedirectFailure) -> RequestFailure {
        RequestFailure::new(
            FailureKind::Redirect,
            FailureCause::Redirect,
            defect.to_string(),
        )
    }
}

impl Redirects {
    /// `None` where redirects are answers like others.
    pub(super) fn of(plan: &Plan, routes: &Rc<ThreadRoutes>) -> Option<Redirects> {
        let follows = plan.connections.redirects == RedirectPolicy::Follow;
        follows.then(|| Redirects {
            homes: plan
                .endpoints
                .iter()
                .map(|endpoint| plan.target_of(endpoint).clone())
                .collect(),
            endpoints: plan.endpoints.clone(),
            policy: plan.connections.clone(),
            routes: Rc::clone(routes),
            others: RefCell::default(),
        })
    }

    /// Follows an answer to the last one.
    pub(super) async fn follow(
        &self,
        sent: &SentRequest<'_>,
        first: FinalAnswer,
        clock: MonotonicClock,
        timeline: &mut Timeline,
    ) -> Result<FinalAnswer, RequestFailure> {
        let endpoint = &self.endpoints[sent.endpoint];
        let path = sent.request.path().unwrap_or("/");
        let Some(home) = RedirectTarget::first(&self.homes[sent.endpoint], path, &endpoint.method)
        else {
            return Ok(first);
        };
        let mut seen = vec![home.clone()];
        let mut answered = first;
        while is_redirect(answered.response.status) {
            let last = seen.last().unwrap_or(&home);
            let response = &answered.response;
            let location = response.kept.as_ref().and_then(|k| k.location.as_deref());
            let mut next = last.after(response.status, location)?;
            if !next.is_same_origin(&home) {
                next = next.elsewhere()?;
            }
            if seen.len() > MOST_HOPS {
                return Err(endless(&seen, &next).into());
            }
            timeline.redirected(clock.now_ns());
            answered = if next.is_same_origin(&home) {
                self.hop_home(sent, &next, answered.connection, clock, timeline)
                    .await?
            } else {
                let response = self.hop_elsewhere(sent, &next, clock, timeline).await?;
                FinalAnswer {
                    response,
                    ..answered
                }
            };
            seen.push(next);
        }
        Ok(answered)
    }

    async fn hop_home(
        &self,
        sent: &SentRequest<'_>,
        to: &RedirectTarget,
        connection: Option<Connection>,
        clock: MonotonicClock,
        timeline: &mut Timeline,
    ) -> Result<FinalAnswer, RequestFailure> {
        let endpoint = self.redirected(sent, to, |name| {
            to.body == BodyUse::Sent || !name.to_ascii_lowercase().starts_with("content-")
        });
        let encoder = self.encoder(sent, to, &endpoint);
        let route = self.routes.of_endpoint(sent.endpoint);
        let connection = still_open(connection).await;
        exchange(route, connection, sent, &encoder, clock, timeline).await
    }

    /// Another origin gets only headers that are known to hold no secret, and no client certificate.
    async fn hop_elsewhere(
        &self,
        sent: &SentRequest<'_>,
        to: &RedirectTarget,
        clock: MonotonicClock,
        timeline: &mut Timeline,
    ) -> Result<Response, RequestFailure> {
        let of_home = |name: &str| {
            let name = name.to_ascii_lowercase();
            name == "host" || name.starts_with("content-")
        };
        let endpoint = self.redirected(sent, to, |name| {
            redact::is_harmless_header(name) && !of_home(name)
        });
        let encoder = self.encoder(sent, to, &endpoint);
        let place = self.place_of(sent.endpoint, to)?;
        let idle = self.others.borrow_mut()[place].idle.pop();
        let idle = still_open(idle).await;
        let route = Rc::clone(&self.others.borrow()[place].route);
        let answered = exchange(&route, idle, sent, &encoder, clock, timeline).await?;
        let others = &mut self.others.borrow_mut()[place];
        others.idle.extend(answered.connection);
        Ok(answered.response)
    }

    /// The place of an origin among the others; it is added if it is new.
    fn place_of(&self, endpoint: usize, to: &RedirectTarget) -> Result<usize, RequestFailure> {
        let target = to.target();
        let mut others = self.others.borrow_mut();
        if let Some(place) = others.iter().position(|other| other.target == target) {
            return Ok(place);
        }
        let home = self.routes.of_endpoint(endpoint).connector();
        let connector = home.to_other_origin(&target)?;
        let route = self.routes.elsewhere(connector, self.policy.keepalive);
        others.push(OtherOrigin {
            route: Rc::new(route),
            target,
            idle: Vec::new(),
        });
        Ok(others.len() - 1)
    }

    /// The endpoint as it is asked at the place of a redirect, with the headers that may go there.
    fn redirected(
        &self,
        sent: &SentRequest<'_>,
        to: &RedirectTarget,
        may_go: impl Fn(&str) -> bool,
    ) -> Endpoint {
        let mut endpoint = self.endpoints[sent.endpoint].clone();
        endpoint.method.clone_from(&to.method);
        endpoint.path = Template::literal(to.path());
        endpoint.headers.retain(|(name, _)| may_go(name));
        if to.body == BodyUse::Dropped {
            endpoint.body = None;
        }
        endpoint
    }

    fn encoder(&self, sent: &SentRequest<'_>, to: &RedirectTarget, endpoint: &Endpoint) -> Encoder {
        let stream = sent.endpoint as u64;
        Encoder::new(
            &to.target(),
            endpoint,
            &self.policy,
            sent.values.clone(),
            stream,
        )
    }
}

/// Sends a hop over this connection or another. The time of opening one belongs to the redirect.
async fn exchange(
    route: &OriginRoute,
    connection: Option<Connection>,
    sent: &SentRequest<'_>,
    encoder: &Encoder,
    clock: MonotonicClock,
    timeline: &mut Timeline,
) -> Result<FinalAnswer, RequestFailure> {
    let request = encoder.encode(sent.number);
    let options = ResponseOptions {
        expect: encoder.expect(),
        ..sent.options
    };
    let connection = match connection {
        Some(connection) => connection,
        None => {
            let mut opening = Timeline::starting_at(clock.now_ns());
            route.connection(clock, &mut opening).await?
        }
    };
    route
        .exchange(Some(connection), &request, options, clock, timeline)
        .await
}

fn endless(seen: &[RedirectTarget], next: &RedirectTarget) -> RedirectFailure {
    if seen.contains(next) {
        RedirectFailure::Loop {
            most: MOST_HOPS,
            url: next.shown(),
        }
    } else {
        RedirectFailure::TooMany(MOST_HOPS)
    }
}
