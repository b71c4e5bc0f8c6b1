//! Where one request's time goes: phases that follow each other without a gap, so that they add up.

use tokio::sync::oneshot;

use crate::run::sample::Phases;

/// What a request is doing. The names are those of [`Phases`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequestPhase {
    Wait,
    Dns,
    Connect,
    Tls,
    /// HTTP/2: the connection is open, and the server has not said yet what it allows.
    Settings,
    /// HTTP/2: every connection is open, and none has a free stream.
    Slot,
    Redirect,
    FirstByte,
    Body,
}

/// The completed phases of a request, in ns of the run's clock. It lives outside of the future that performs the
/// request, so that a timeout leaves it readable, with the phase that the time ran out in.
#[derive(Debug)]
pub(super) struct Timeline {
    began_ns: u64,
    sent_ns: Option<u64>,
    /// Whether it opened a connection.
    opened: bool,
    /// How often it was sent once more, because a GOAWAY left it unprocessed.
    moves: u64,
    /// The phase under way and its beginning.
    current: Option<RequestPhase>,
    since_ns: u64,
    phases: Phases,
    /// Notifies the repetition that the first byte is on its way.
    written: Option<oneshot::Sender<()>>,
}

impl Timeline {
    /// Of a request that is turned to now; its first phase begins at this instant.
    pub(super) fn starting_at(began_ns: u64) -> Timeline {
        Timeline {
            began_ns,
            sent_ns: None,
            opened: false,
            moves: 0,
            current: None,
            since_ns: began_ns,
            phases: Phases::default(),
            written: None,
        }
    }

    /// Notifies the receiver when the first byte of the request is on its way, or that it never will be.
    pub(super) fn tell_when_written(&mut self, written: Option<oneshot::Sender<()>>) {
        self.written = written;
    }

    /// The socket has taken bytes of the request.
    pub(super) fn written(&mut self) {
        if let Some(written) = self.written.take() {
            // A receiver that is gone does not wait.
            let _ = written.send(());
        }
    }

    /// Hands on what notifies the receiver, to the one that sees the first byte leave.
    pub(super) fn take_written(&mut self) -> Option<oneshot::Sender<()>> {
        self.written.take()
    }

    /// Of a request that has waited for a connection since this instant.
    pub(super) fn waiting_since(queued_ns: u64) -> Timeline {
        let mut timeline = Timeline::starting_at(queued_ns);
        timeline.enter(RequestPhase::Wait, queued_ns);
        timeline
    }

    /// The current phase.
    pub(super) fn phase(&self) -> Option<RequestPhase> {
        self.current
    }

    /// Ends the phase under way and begins another, at the same instant.
    pub(super) fn enter(&mut self, phase: RequestPhase, now_ns: u64) {
        self.close(now_ns);
        self.current = Some(phase);
        if phase == RequestPhase::FirstByte {
            self.sent_ns.get_or_insert(self.since_ns);
        }
    }

    /// The first byte of the request left at this instant, which was stamped elsewhere. Without a phase before it, the
    /// time until then was our own delay: the request begins here.
    pub(super) fn sent_at(&mut self, ns: u64) {
        if self.current.is_none() && self.sent_ns.is_none() {
            self.began_ns = ns;
            self.since_ns = ns;
        }
        self.close(ns);
        self.current = Some(RequestPhase::FirstByte);
        self.sent_ns.get_or_insert(ns);
    }

    /// A connection was opened for this request.
    pub(super) fn opens_connection(&mut self) {
        self.opened = true;
    }

    /// Whether a connection was opened for it.
    pub(super) fn has_opened_connection(&self) -> bool {
        self.opened
    }

    /// The request is to be sent once more over another connection.
    pub(super) fn moved(&mut self) {
        self.moves += 1;
    }

    pub(super) fn moves(&self) -> u64 {
        self.moves
    }

    /// The first byte of the answer has come; says nothing new after that.
    pub(super) fn first_byte(&mut self, now_ns: u64) {
        if self.current == Some(RequestPhase::FirstByte) {
            self.enter(RequestPhase::Body, now_ns);
        }
    }

    /// The answer is a redirect: the phases since the send, and the time until the next send, belong to it.
    pub(super) fn redirected(&mut self, now_ns: u64) {
        self.close(now_ns);
        let phases = &mut self.phases;
        let hop = [phases.first_byte_ns.take(), phases.body_ns.take()];
        let hop_ns: u64 = hop.into_iter().flatten().sum();
        phases.redirect_ns = Some(phases.redirect_ns.unwrap_or(0) + hop_ns);
        self.current = Some(RequestPhase::Redirect);
    }

    /// When the request was turned to: sent, begun to connect for, or queued.
    pub(super) fn began_ns(&self) -> u64 {
        self.began_ns
    }

    /// When its first byte was handed to the socket.
    pub(super) fn sent_ns(&self) -> Option<u64> {
        self.sent_ns
    }

    /// Ends the last phase: from the beginning to this instant, all time is in one of them.
    pub(super) fn end(mut self, finished_ns: u64) -> Phases {
        self.close(finished_ns);
        self.phases
    }

    fn close(&mut self, now_ns: u64) {
        let Some(phase) = self.current.take() else {
            return;
        };
        let slot = match phase {
            RequestPhase::Wait => &mut self.phases.wait_ns,
            RequestPhase::Dns => &mut self.phases.dns_ns,
            RequestPhase::Connect | RequestPhase::Settings => &mut self.phases.connect_ns,
            RequestPhase::Tls => &mut self.phases.tls_ns,
            RequestPhase::Slot => &mut self.phases.slot_ns,
            RequestPhase::Redirect => &mut self.phases.redirect_ns,
            RequestPhase::FirstByte => &mut self.phases.first_byte_ns,
            RequestPhase::Body => &mut self.phases.body_ns,
        };
        *slot = Some(slot.unwrap_or(0) + now_ns.saturating_sub(self.since_ns));
        self.since_ns = now_ns;
    }
}

#[cfg(test)]
mod tests {
    use super::{RequestPhase, Timeline};
    use crate::run::sample::Phases;

    #[test]
    fn phases_follow_each_other_without_a_gap() {
        let mut timeline = Timeline::waiting_since(100);
        timeline.enter(RequestPhase::Dns, 110);
        timeline.enter(RequestPhase::Connect, 130);
        timeline.enter(RequestPhase::Tls, 160);
        timeline.enter(RequestPhase::FirstByte, 200);
        timeline.first_byte(250);
        timeline.first_byte(260);
        assert_eq!((timeline.began_ns(), timeline.sent_ns()), (100, Some(200)));
        let expected = Phases {
            wait_ns: Some(10),
            dns_ns: Some(20),
            connect_ns: Some(30),
            tls_ns: Some(40),
            slot_ns: None,
            redirect_ns: None,
            first_byte_ns: Some(50),
            body_ns: Some(60),
        };
        assert_eq!(timeline.end(310), expected);
    }

    #[test]
    fn the_first_phase_begins_with_the_request() {
        let mut timeline = Timeline::starting_at(100);
        timeline.enter(RequestPhase::Connect, 107);
        timeline.enter(RequestPhase::FirstByte, 130);
        let phases = timeline.end(150);
        assert_eq!(
            (phases.connect_ns, phases.first_byte_ns),
            (Some(30), Some(20))
        );
    }

    #[test]
    fn every_hop_and_what_opens_its_connection_is_the_redirect_phase() {
        let mut timeline = Timeline::starting_at(0);
        timeline.enter(RequestPhase::Connect, 0);
        timeline.enter(RequestPhase::FirstByte, 10);
        timeline.first_byte(30);
        timeline.redirected(35);
        timeline.enter(RequestPhase::FirstByte, 40);
        timeline.first_byte(60);
        timeline.redirected(70);
        timeline.enter(RequestPhase::FirstByte, 70);
        timeline.first_byte(75);
        assert_eq!(timeline.sent_ns(), Some(10));
        let expected = Phases {
            connect_ns: Some(10),
            redirect_ns: Some(60),
            first_byte_ns: Some(5),
            body_ns: Some(25),
            ..Phases::default()
        };
        assert_eq!(timeline.end(100), expected);
    }

    #[test]
    fn a_request_that_is_sent_once_more_counts_from_its_first_send() {
        let mut timeline = Timeline::starting_at(0);
        timeline.enter(RequestPhase::Slot, 10);
        timeline.sent_at(20);
        timeline.moved();
        timeline.enter(RequestPhase::Slot, 30);
        timeline.sent_at(35);
        timeline.first_byte(50);
        assert_eq!((timeline.sent_ns(), timeline.moves()), (Some(20), 1));
        let expected = Phases {
            slot_ns: Some(25),
            first_byte_ns: Some(25),
            body_ns: Some(10),
            ..Phases::default()
        };
        assert_eq!(timeline.end(60), expected);
    }

    #[test]
    fn our_own_time_before_a_stamped_send_is_in_no_phase() {
        let mut timeline = Timeline::starting_at(5);
        timeline.sent_at(8);
        timeline.first_byte(20);
        assert_eq!((timeline.began_ns(), timeline.sent_ns()), (8, Some(8)));
        let phases = timeline.end(30);
        assert_eq!((phases.first_byte_ns, phases.body_ns), (Some(12), Some(10)));
    }

    #[test]
    fn time_that_runs_out_is_in_the_phase_it_ran_out_in() {
        let mut timeline = Timeline::starting_at(0);
        timeline.enter(RequestPhase::Connect, 0);
        assert_eq!(timeline.sent_ns(), None);
        let phases = timeline.end(1_000);
        assert_eq!(
            phases,
            Phases {
                connect_ns: Some(1_000),
                ..Phases::default()
            }
        );
    }
}
