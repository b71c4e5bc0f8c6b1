//! Stopping a run early: one switch, seen by every sending thread.

use tokio::sync::watch;

/// Throws the switch; dropping it throws nothing.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// Sees the switch.
#[derive(Debug, Clone)]
pub struct StopSignal(watch::Receiver<bool>);

/// A switch and its view.
pub fn stop_switch() -> (Stopper, StopSignal) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), StopSignal(receiver))
}

impl Stopper {
    /// Nothing more is sent; what is in flight is still waited for.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl StopSignal {
    /// Whether the run was stopped.
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns when the run is stopped; never, if nobody can stop it any more.
    pub async fn stopped(mut self) {
        if self.0.wait_for(|stopped| *stopped).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
