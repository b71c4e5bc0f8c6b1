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
    FirstByte,
    Body,
}

/// The phases of a request so far, in ns of the run's clock. It lives outside of the future that performs
/// the request, so that a timeout leaves it readable, with the phase that the time ran out in.
#[derive(Debug)]
pub(super) struct Timeline {
    began_ns: u64,
    sent_ns: Option<u64>,
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
            self.sent_ns = Some(self.since_ns);
        }
    }

    /// The first byte of the answer has come; says nothing new after that.
    pub(super) fn first_byte(&mut self, now_ns: u64) {
        if self.current == Some(RequestPhase::FirstByte) {
            self.enter(RequestPhase::Body, now_ns);
        }
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
            RequestPhase::Connect => &mut self.phases.connect_ns,
            RequestPhase::Tls => &mut self.phases.tls_ns,
            RequestPhase::FirstByte => &mut self.phases.first_byte_ns,
            RequestPhase::Body => &mut self.phases.body_ns,
        };
        *slot = Some(now_ns - self.since_ns);
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
