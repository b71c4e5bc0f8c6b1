//! The way of one thread's requests to each origin: over connections of their own, or over streams of shared ones.

use std::rc::Rc;

use super::connection::{
    Connection, EncodedRequest, ExchangeError, Http1Connection, Response, ResponseOptions,
    StreamError,
};
use super::connector::Connector;
use super::failure::RequestFailure;
use super::final_answer::FinalAnswer;
use super::monotonic_clock::MonotonicClock;
use super::multiplexer::{Multiplexer, StreamLimits};
use super::origins::Origins;
use super::thread_slot::ThreadSlot;
use super::timeline::Timeline;
use crate::run::plan::{ConnectionPolicy, HttpVersion, Keepalive, Plan};
use crate::run::sample::MOST_MOVES;

/// How often a request is handed to another connection because one ended before anything was sent.
const UNSENT_TRIES: u32 = 10;

/// The way to one origin.
pub(super) struct OriginRoute {
    connector: Connector,
    keepalive: Keepalive,
    /// Of HTTP/2.
    streams: Option<Rc<Multiplexer>>,
}

/// The routes of one thread.
pub(super) struct ThreadRoutes {
    routes: Vec<OriginRoute>,
    /// By the place of the endpoint in the plan.
    of_endpoints: Vec<usize>,
    /// For origins that redirects lead to.
    limits: Option<StreamLimits>,
}

impl OriginRoute {
    pub(super) fn new(
        connector: Connector,
        keepalive: Keepalive,
        limits: Option<StreamLimits>,
    ) -> OriginRoute {
        let streams = limits.map(|limits| Multiplexer::new(connector.clone(), limits));
        OriginRoute {
            connector,
            keepalive,
            streams,
        }
    }

    pub(super) fn connector(&self) -> &Connector {
        &self.connector
    }

    /// A connection for one request: a new one, or a free stream.
    pub(super) async fn connection(
        &self,
        clock: MonotonicClock,
        timeline: &mut Timeline,
    ) -> Result<Connection, RequestFailure> {
        match &self.streams {
            // In a box, because it is rare and large, and every request in flight would have room for it.
            None => {
                let transport = Box::pin(self.connector.open(clock, timeline)).await?;
                Ok(Connection::Http1(Http1Connection::new(transport)))
            }
            Some(streams) => Ok(Connection::Http2(streams.slot(clock, timeline).await?)),
        }
    }

    /// Opens a connection before it is needed: for HTTP/1.1 the connection itself.
    pub(super) async fn prepared(
        &self,
        clock: MonotonicClock,
    ) -> Result<Option<Connection>, RequestFailure> {
        match &self.streams {
            None => {
                let mut timeline = Timeline::starting_at(clock.now_ns());
                Ok(Some(self.connection(clock, &mut timeline).await?))
            }
            Some(streams) => streams.prepare(clock).await.map(|()| None),
        }
    }

    /// Sends a request over this connection, or over another where there is none, and reads its answer.
    ///
    /// A request is never sent twice, but for one that an HTTP/2 server says it did not process (RFC 9113 §6.8): that is
    /// sent again over another connection, which may end as well, at most [`MOST_MOVES`] times.
    pub(super) async fn exchange(
        &self,
        connection: Option<Connection>,
        request: &EncodedRequest<'_>,
        options: ResponseOptions<'_>,
        clock: MonotonicClock,
        timeline: &mut Timeline,
    ) -> Result<FinalAnswer, RequestFailure> {
        let mut given = connection;
        let mut unsent = 0;
        loop {
            let mut connection = match given.take() {
                Some(connection) => connection,
                None => self.connection(clock, timeline).await?,
            };
            match connection.exchange(request, options, clock, timeline).await {
                Ok(response) => return Ok(self.answered(response, connection)),
                Err(ExchangeError::Stream(StreamError::Unsent)) if unsent < UNSENT_TRIES => {
                    unsent += 1;
                }
                Err(ExchangeError::Stream(StreamError::Unprocessed(_)))
                    if timeline.moves() < MOST_MOVES =>
                {
                    timeline.moved();
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn answered(&self, response: Response, connection: Connection) -> FinalAnswer {
        let reusable = response.reusable && self.keepalive == Keepalive::Reuse;
        FinalAnswer {
            connection: reusable.then_some(connection),
            response,
        }
    }
}

impl ThreadRoutes {
    /// One thread's routes to the origins of a plan.
    pub(super) fn new(plan: &Plan, origins: &Origins, slot: ThreadSlot) -> Rc<ThreadRoutes> {
        ThreadRoutes::of(
            plan,
            origins,
            limits(&plan.connections, slot.in_flight(plan)),
        )
    }

    /// The same for questions that each have a connection of their own.
    pub(super) fn of_preflight(plan: &Plan, origins: &Origins) -> Rc<ThreadRoutes> {
        let policy = ConnectionPolicy {
            keepalive: Keepalive::PerRequest,
            ..plan.connections.clone()
        };
        ThreadRoutes::of(plan, origins, limits(&policy, 1))
    }

    fn of(plan: &Plan, origins: &Origins, limits: Option<StreamLimits>) -> Rc<ThreadRoutes> {
        let keepalive = plan.connections.keepalive;
        let connectors = origins.connectors().iter();
        let endpoints = 0..plan.endpoints.len();
        Rc::new(ThreadRoutes {
            routes: connectors
                .map(|connector| OriginRoute::new(connector.clone(), keepalive, limits))
                .collect(),
            of_endpoints: endpoints.map(|endpoint| origins.origin(endpoint)).collect(),
            limits,
        })
    }

    /// The route to the origin of this number.
    pub(super) fn to_origin(&self, origin: usize) -> &OriginRoute {
        &self.routes[origin]
    }

    /// The route of an endpoint's requests.
    pub(super) fn of_endpoint(&self, endpoint: usize) -> &OriginRoute {
        &self.routes[self.of_endpoints[endpoint]]
    }

    /// A route to an origin that a redirect leads to.
    pub(super) fn elsewhere(&self, connector: Connector, keepalive: Keepalive) -> OriginRoute {
        OriginRoute::new(connector, keepalive, self.limits)
    }
}

/// `None` for HTTP/1.1. A connection that carries one request in all has one stream.
fn limits(policy: &ConnectionPolicy, in_flight: usize) -> Option<StreamLimits> {
    let HttpVersion::Http2 { streams } = policy.version else {
        return None;
    };
    let keepalive = policy.keepalive;
    Some(match keepalive {
        Keepalive::Reuse => StreamLimits {
            connections: in_flight.div_ceil(streams).max(1),
            streams,
            keepalive,
        },
        Keepalive::PerRequest => StreamLimits {
            connections: in_flight.max(1),
            streams: 1,
            keepalive,
        },
    })
}
