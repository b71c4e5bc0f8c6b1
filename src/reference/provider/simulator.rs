//! A SendGrid simulation with configured latencies and errors.

use std::time::{Duration, Instant};

use super::draw::{Draws, LatencyDraws, LatencyModel, uniform};
use super::error::SendError;
use super::journal::{JournalCounts, JournalDetail, JournalEntry, ProviderJournal};
use super::mail::{ErrorBody, Mail, PostedMail};
use super::outage::{OutageState, Outages, PlannedOutage};
use super::rate_limit::{Quota, QuotaLimiter};
use crate::trace::Trace;

/// How the simulator behaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SimulatorOptions {
    /// Of every draw.
    pub seed: u64,
    /// How long it takes.
    pub latency: LatencyModel,
    /// Where the latencies are drawn from.
    pub draws: Draws,
    /// Share of the requests that are answered with 500, in [0, 1].
    pub error_share: f64,
    /// Requests a second; one more is answered with 429.
    pub rate_limit: Option<u32>,
    /// When everything is answered with 503.
    pub outage: Option<PlannedOutage>,
}

impl Default for SimulatorOptions {
    /// The profile of the evidence, without errors or limits.
    fn default() -> Self {
        let (latency, draws) = (LatencyModel::EVIDENCE, Draws::Hashed);
        SimulatorOptions {
            seed: 1,
            latency,
            draws,
            error_share: 0.0,
            rate_limit: None,
            outage: None,
        }
    }
}

/// The simulated provider, with its journal.
pub struct Simulator {
    options: SimulatorOptions,
    draws: LatencyDraws,
    rate_limit: Option<QuotaLimiter>,
    outages: Outages,
    journal: ProviderJournal,
}

/// What the simulator answers.
#[derive(Clone, Debug, PartialEq)]
pub struct ProviderAnswer {
    /// What came of the mail.
    pub result: Result<MessageId, ProviderRefusal>,
    /// What is left of the rate limit, if there is one.
    pub quota: Option<Quota>,
}

/// The provider's name for a mail that it took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageId(pub String);

/// Why a mail was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderRefusal {
    /// HTTP status.
    pub status: u16,
    /// The error in the provider's shape.
    pub body: ErrorBody,
    /// When to come again.
    pub retry_after: Option<Duration>,
}

impl Simulator {
    /// A provider with this behaviour, from now on, that counts its calls.
    pub fn new(options: SimulatorOptions) -> Simulator {
        Simulator::with_journal(options, JournalDetail::Counts)
    }

    /// The same with such a journal.
    pub fn with_journal(options: SimulatorOptions, detail: JournalDetail) -> Simulator {
        Simulator {
            options,
            draws: LatencyDraws::new(options.draws, options.seed),
            rate_limit: options.rate_limit.map(QuotaLimiter::new),
            outages: Outages::new(options.outage),
            journal: ProviderJournal::new(detail),
        }
    }

    /// What its journal comes to.
    pub fn journal(&self) -> JournalCounts {
        self.journal.counts()
    }

    /// Every event that it was called for; empty unless it keeps [`JournalDetail::Calls`].
    pub fn journal_entries(&self) -> Vec<JournalEntry> {
        self.journal.entries()
    }

    /// Begins an outage now, for this time or until it is ended.
    pub fn begin_outage(&self, lasting: Option<Duration>) {
        self.outages.begin(lasting);
    }

    /// Ends an outage that was begun; a planned one continues.
    pub fn end_outage(&self) {
        self.outages.end();
    }

    /// Is it out?
    pub fn outage(&self) -> OutageState {
        self.outages.state(Instant::now())
    }

    /// The mail as its journal has it: a call without the number of its attempt is the next one.
    pub fn receive(&self, posted: PostedMail) -> Mail {
        let PostedMail { event_id, attempt } = posted;
        let attempt = attempt.unwrap_or_else(|| self.journal.next_attempt(event_id));
        Mail { event_id, attempt }
    }

    /// Takes or refuses one mail, after its latency. A mail that is taken is taken at once: a caller that does not wait
    /// for the answer does not call it back.
    pub async fn answer(&self, mail: Mail, step: Option<&Trace>) -> ProviderAnswer {
        let note = |status| {
            let traceparent = step.map(Trace::traceparent);
            self.journal.called(mail, status, traceparent);
        };
        let refuse = |refusal: ProviderRefusal, quota| {
            note(refusal.status);
            ProviderAnswer {
                result: Err(refusal),
                quota,
            }
        };
        if self.outage() != OutageState::None {
            return refuse(ProviderRefusal::outage(), None);
        }
        let quota = match &self.rate_limit {
            Some(limit) => match limit.take(Instant::now()) {
                Ok(quota) => Some(quota),
                Err(quota) => return refuse(ProviderRefusal::too_many(quota), Some(quota)),
            },
            None => None,
        };
        let fails = uniform(self.options.seed, "error", mail.event_id, mail.attempt)
            < self.options.error_share;
        note(if fails { 500 } else { 202 });
        let latency = self
            .options
            .latency
            .quantile(self.draws.latency(mail.event_id, mail.attempt));
        tokio::time::sleep(latency).await;
        let message_id = MessageId(format!("{}.{}", mail.event_id.simple(), mail.attempt));
        ProviderAnswer {
            result: if fails {
                Err(ProviderRefusal::internal())
            } else {
                Ok(message_id)
            },
            quota,
        }
    }
}

impl ProviderRefusal {
    fn too_many(quota: Quota) -> ProviderRefusal {
        let body = ErrorBody::of("too many requests", None);
        ProviderRefusal {
            status: 429,
            body,
            retry_after: Some(quota.reset),
        }
    }

    fn outage() -> ProviderRefusal {
        ProviderRefusal {
            status: 503,
            body: ErrorBody::of("service unavailable", None),
            retry_after: None,
        }
    }

    fn internal() -> ProviderRefusal {
        ProviderRefusal {
            status: 500,
            body: ErrorBody::of("internal server error", None),
            retry_after: None,
        }
    }
}

impl ProviderAnswer {
    /// The answer as a caller of [`Provider::send`](super::Provider::send) gets it.
    pub(super) fn into_result(self) -> Result<(), SendError> {
        match self.result {
            Ok(_) => Ok(()),
            Err(ProviderRefusal {
                status,
                body,
                retry_after,
            }) => Err(SendError::Refused {
                status,
                reason: body.message().unwrap_or("no reason given").to_owned(),
                retry_after,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use uuid::Uuid;

    use super::{Simulator, SimulatorOptions};
    use crate::reference::provider::{JournalCounts, LatencyModel, Mail};

    fn simulator(error_share: f64) -> Simulator {
        let latency = LatencyModel::Constant(Duration::ZERO);
        Simulator::new(SimulatorOptions {
            latency,
            error_share,
            ..SimulatorOptions::default()
        })
    }

    #[tokio::test]
    async fn the_journal_counts_a_mail_that_is_sent_twice() {
        let simulator = simulator(0.0);
        let mail = |attempt| Mail {
            event_id: Uuid::from_u128(1),
            attempt,
        };
        simulator.answer(mail(1), None).await;
        simulator.answer(mail(2), None).await;
        assert_eq!(
            simulator.journal(),
            JournalCounts {
                calls: 2,
                sent: 2,
                events: 1,
                duplicates: 1
            }
        );
    }

    #[tokio::test]
    async fn during_an_outage_everything_is_503_and_nothing_is_sent() {
        let simulator = simulator(0.0);
        let mail = Mail {
            event_id: Uuid::from_u128(1),
            attempt: 1,
        };
        simulator.begin_outage(None);
        let refusal = simulator.answer(mail, None).await.result;
        assert_eq!(refusal.expect_err("it is out").status, 503);
        simulator.end_outage();
        assert!(simulator.answer(mail, None).await.result.is_ok());
        let journal = simulator.journal();
        assert_eq!((journal.calls, journal.sent), (2, 1));
    }

    #[tokio::test]
    async fn errors_have_the_share_that_was_asked_for_and_send_nothing() {
        let simulator = simulator(0.25);
        for event in 0..2000 {
            simulator
                .answer(
                    Mail {
                        event_id: Uuid::from_u128(event),
                        attempt: 1,
                    },
                    None,
                )
                .await;
        }
        let journal = simulator.journal();
        assert_eq!(journal.calls, 2000);
        // 1500 expected, standard deviation 19: five of them.
        assert!(journal.sent.abs_diff(1500) < 97, "{journal:?}");
    }
}
