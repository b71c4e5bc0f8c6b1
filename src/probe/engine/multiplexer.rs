//! The HTTP/2 connections of one thread to one origin: gives out their streams in the order in which requests ask.
//!
//! A connection is filled before another is opened. Where every connection is full, requests wait for a stream, and that
//! is a phase of their own; the first that waits is the first that gets one.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

use tokio::sync::oneshot;
use tokio::task::spawn_local;

use super::connection::{ConnectionEvent, Http2Connection, SlotOwner, StreamSlot};
use super::connector::Connector;
use super::failure::RequestFailure;
use super::monotonic_clock::MonotonicClock;
use super::stream_counters::StreamCounters;
use super::timeline::{RequestPhase, Timeline};
use crate::run::plan::Keepalive;

/// How many connections are open, and how they are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StreamLimits {
    /// Most connections that take requests.
    pub(super) connections: usize,
    /// Most streams of one, if the server allows as many.
    pub(super) streams: usize,
    /// Whether a connection carries more than one request.
    pub(super) keepalive: Keepalive,
}

/// Shares connections among requests.
pub(super) struct Multiplexer {
    connector: Connector,
    limits: StreamLimits,
    counters: StreamCounters,
    /// Those that take requests, the oldest first.
    connections: RefCell<Vec<Rc<Http2Connection>>>,
    opening: Cell<usize>,
    waiting: RefCell<VecDeque<WaitingRequest>>,
}

/// A request without a stream.
struct WaitingRequest {
    grant: oneshot::Sender<StreamGrant>,
    /// Since when it waits for a stream; before that, for a connection.
    slot_since: Rc<Cell<Option<Instant>>>,
}

/// What a request may do.
enum StreamGrant {
    Send(StreamSlot),
    Open(OpeningPermit),
    /// The connection that it waited for was not opened.
    Fail(RequestFailure),
}

/// The right to open a connection. However that ends, dropping it serves the requests that wait.
struct OpeningPermit(Rc<Multiplexer>);

impl Drop for OpeningPermit {
    fn drop(&mut self) {
        self.0.opening.set(self.0.opening.get() - 1);
        self.0.distribute();
    }
}

impl Multiplexer {
    pub(super) fn new(connector: Connector, limits: StreamLimits) -> Rc<Multiplexer> {
        Rc::new(Multiplexer {
            counters: connector.stream_counters(),
            connector,
            limits,
            connections: RefCell::default(),
            opening: Cell::new(0),
            waiting: RefCell::default(),
        })
    }

    /// Takes a stream; opens a connection or waits where none is free. The time goes into the timeline.
    pub(super) async fn slot(
        self: &Rc<Self>,
        clock: MonotonicClock,
        timeline: &mut Timeline,
    ) -> Result<StreamSlot, RequestFailure> {
        loop {
            let is_first = self.waiting.borrow().is_empty();
            let free = if is_first { self.grant() } else { None };
            let granted = match free {
                Some(granted) => granted,
                None => self.queued(clock, timeline).await,
            };
            match granted {
                StreamGrant::Send(slot) => return Ok(slot),
                StreamGrant::Fail(failure) => return Err(failure),
                StreamGrant::Open(permit) => {
                    if let Some(slot) = self.open(permit, clock, timeline).await? {
                        return Ok(slot);
                    }
                }
            }
        }
    }

    /// Opens a connection before it is needed, if there may be one more.
    pub(super) async fn prepare(
        self: &Rc<Self>,
        clock: MonotonicClock,
    ) -> Result<(), RequestFailure> {
        let mut timeline = Timeline::starting_at(clock.now_ns());
        if let Some(permit) = self.permit() {
            self.open(permit, clock, &mut timeline).await?;
        }
        Ok(())
    }

    /// A stream, or the right to open a connection, if either is free.
    fn grant(self: &Rc<Self>) -> Option<StreamGrant> {
        let connections = self.connections.borrow();
        let mut open = connections.iter();
        let open = open.find(|connection| connection.has_room(self.limits.streams));
        let open = open.cloned();
        drop(connections);
        match open {
            Some(connection) => Some(StreamGrant::Send(self.slot_of(&connection))),
            None => self.permit().map(StreamGrant::Open),
        }
    }

    fn slot_of(self: &Rc<Self>, connection: &Rc<Http2Connection>) -> StreamSlot {
        let owner: Rc<dyn SlotOwner> = Rc::<Multiplexer>::clone(self);
        StreamSlot::of(connection, owner)
    }

    fn permit(self: &Rc<Self>) -> Option<OpeningPermit> {
        let connections = self.connections.borrow().len() + self.opening.get();
        (connections < self.limits.connections).then(|| {
            self.opening.set(self.opening.get() + 1);
            OpeningPermit(Rc::clone(self))
        })
    }

    async fn queued(
        self: &Rc<Self>,
        clock: MonotonicClock,
        timeline: &mut Timeline,
    ) -> StreamGrant {
        let now = Instant::now();
        let has_open = !self.connections.borrow().is_empty();
        let slot_since = Rc::new(Cell::new(has_open.then_some(now)));
        if !has_open {
            timeline.enter(RequestPhase::Connect, clock.ns_of(now));
        }
        let (grant, granted) = oneshot::channel();
        self.waiting.borrow_mut().push_back(WaitingRequest {
            grant,
            slot_since: Rc::clone(&slot_since),
        });
        // Requests that were given up may stand before this one.
        self.distribute();
        let _phase = SlotPhase {
            slot_since,
            clock,
            timeline,
        };
        // The sender is dropped with the queue alone, and that with the thread.
        match granted.await {
            Ok(granted) => granted,
            Err(_dropped) => std::future::pending().await,
        }
    }

    /// Opens a connection, and takes a stream of it if the server allows any.
    async fn open(
        self: &Rc<Self>,
        permit: OpeningPermit,
        clock: MonotonicClock,
        timeline: &mut Timeline,
    ) -> Result<Option<StreamSlot>, RequestFailure> {
        // In a box, because it is rare and large.
        let opened = Box::pin(self.opened(clock, timeline)).await;
        let connection = opened.inspect_err(|failure| self.fail_waiting(failure))?;
        let has_room = connection.has_room(self.limits.streams);
        let slot = has_room.then(|| self.slot_of(&connection));
        // One that is for a single request is kept only until the server allows that a stream.
        if self.limits.keepalive == Keepalive::Reuse || slot.is_none() {
            self.connections.borrow_mut().push(connection);
            let now = Instant::now();
            for waiting in self.waiting.borrow().iter() {
                let since = waiting.slot_since.get().unwrap_or(now);
                waiting.slot_since.set(Some(since));
            }
        }
        drop(permit);
        Ok(slot)
    }

    async fn opened(
        self: &Rc<Self>,
        clock: MonotonicClock,
        timeline: &mut Timeline,
    ) -> Result<Rc<Http2Connection>, RequestFailure> {
        let transport = self.connector.open(clock, timeline).await?;
        timeline.enter(RequestPhase::Settings, clock.now_ns());
        let (connection, driver) = Http2Connection::open(transport).await?;
        self.counters.opened(connection.allowed());
        let (own, all) = (Rc::clone(&connection), Rc::clone(self));
        spawn_local(driver.drive(move |event| all.happened(&own, event)));
        Ok(connection)
    }

    fn happened(self: &Rc<Self>, connection: &Rc<Http2Connection>, event: ConnectionEvent) {
        match event {
            ConnectionEvent::NewLimit => self.counters.allowed(connection.allowed()),
            ConnectionEvent::Retired => {
                if connection.has_goaway() {
                    self.counters.ended_by_goaway();
                }
                self.retire(connection);
            }
        }
        self.distribute();
    }

    fn retire(&self, connection: &Rc<Http2Connection>) {
        connection.retire();
        self.connections
            .borrow_mut()
            .retain(|one| !Rc::ptr_eq(one, connection));
    }

    /// Gives what is free to those that wait, in their order.
    fn distribute(self: &Rc<Self>) {
        loop {
            let given_up = |waiting: &WaitingRequest| waiting.grant.is_closed();
            let mut waiting = self.waiting.borrow_mut();
            while waiting.front().is_some_and(given_up) {
                waiting.pop_front();
            }
            if waiting.is_empty() {
                return;
            }
            drop(waiting);
            let Some(granted) = self.grant() else { return };
            let first = self.waiting.borrow_mut().pop_front();
            if let Some(first) = first {
                // A request that was not given up a moment ago still waits: this thread has done nothing since.
                let _ = first.grant.send(granted);
            }
        }
    }

    /// Requests that waited for a connection share its failure, unless another is open or is being opened.
    fn fail_waiting(&self, failure: &RequestFailure) {
        if self.opening.get() > 1 || !self.connections.borrow().is_empty() {
            return;
        }
        let waiting = std::mem::take(&mut *self.waiting.borrow_mut());
        for request in waiting {
            // One that was given up hears nothing.
            let _ = request.grant.send(StreamGrant::Fail(failure.clone()));
        }
    }
}

impl SlotOwner for Multiplexer {
    fn freed(self: Rc<Self>, connection: &Rc<Http2Connection>) {
        if self.limits.keepalive == Keepalive::PerRequest {
            self.retire(connection);
        }
        self.distribute();
    }
}

/// Puts the wait for a stream into the timeline, also of a request that is given up.
struct SlotPhase<'a> {
    slot_since: Rc<Cell<Option<Instant>>>,
    clock: MonotonicClock,
    timeline: &'a mut Timeline,
}

impl Drop for SlotPhase<'_> {
    fn drop(&mut self) {
        if let Some(since) = self.slot_since.get() {
            let since_ns = self.clock.ns_of(since);
            self.timeline.enter(RequestPhase::Slot, since_ns);
        }
    }
}
