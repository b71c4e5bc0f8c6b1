//! The third party that is notified of every event: a simulated SendGrid in this process, or any at a URL.

mod draw;
mod error;
mod http;
mod journal;
mod mail;
mod outage;
mod rate_limit;
mod resume;
mod simulator;

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::trace::Trace;

pub use draw::{Draws, LatencyModel, uniform};
pub use error::{InvalidProvider, LONGEST_WISH, SendError};
pub use journal::{JournalCounts, JournalDetail, JournalEntry, ProviderCall};
pub use mail::{ErrorBody, Mail, MalformedMail, PostedMail};
pub use outage::{OutageState, PlannedOutage};
pub use rate_limit::Quota;
pub use simulator::{ProviderAnswer, Simulator, SimulatorOptions};

use self::http::HttpProvider;

/// A way to send mail, and how long an answer is waited for. Clones share it.
#[derive(Clone)]
pub struct Provider {
    via: Via,
    timeout: Duration,
}

#[derive(Clone)]
enum Via {
    Simulator(Arc<Simulator>),
    Http(HttpProvider),
    /// An SDK that blocks: each call runs on another runtime and blocks the calling thread until it is done. On an event
    /// loop that thread serves every request, so every request waits: this is the fault that `--block loop` shows.
    Blocking(Arc<Provider>, Handle),
}

impl Provider {
    /// The simulator in this process.
    pub fn simulated(simulator: Arc<Simulator>, timeout: Duration) -> Provider {
        Provider {
            via: Via::Simulator(simulator),
            timeout,
        }
    }

    /// The provider at this base URL; mail is posted to `/v3/mail/send` below it, with this API key as a bearer token.
    ///
    /// # Errors
    /// [`InvalidProvider`] if the URL or the key cannot be used, or TLS cannot be set up.
    pub fn at(
        url: &str,
        key: Option<&str>,
        timeout: Duration,
    ) -> Result<Provider, InvalidProvider> {
        HttpProvider::new(url, key).map(|http| Provider {
            via: Via::Http(http),
            timeout,
        })
    }

    /// The same provider behind an SDK that blocks its caller's thread. The calls run on `runtime`.
    pub fn blocking(self, runtime: Handle) -> Provider {
        let timeout = self.timeout;
        Provider {
            via: Via::Blocking(Arc::new(self), runtime),
            timeout,
        }
    }

    /// Sends one mail, as this step of a trace. Neither retries nor queues.
    ///
    /// # Errors
    /// [`SendError`] if the provider refuses the mail, fails, or does not answer within the timeout.
    pub async fn send(&self, mail: Mail, step: Option<&Trace>) -> Result<(), SendError> {
        let sent = async {
            match &self.via {
                Via::Simulator(simulator) => simulator.answer(mail, step).await.into_result(),
                Via::Http(http) => http.send(mail, step).await,
                Via::Blocking(inner, runtime) => {
                    block_on(runtime, inner.clone(), mail, step.cloned())
                }
            }
        };
        tokio::time::timeout(self.timeout, sent)
            .await
            .unwrap_or(Err(SendError::Timeout(self.timeout)))
    }
}

fn block_on(
    runtime: &Handle,
    inner: Arc<Provider>,
    mail: Mail,
    step: Option<Trace>,
) -> Result<(), SendError> {
    let (answer, answered) = std::sync::mpsc::sync_channel(1);
    runtime.spawn(async move {
        let _ = answer.send(inner.send(mail, step.as_ref()).await);
    });
    let lost = |_| Err(SendError::Broken("the runtime was shut down".to_owned()));
    answered.recv().unwrap_or_else(lost)
}
