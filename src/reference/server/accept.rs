//! Accepts connections and deals them out to the HTTP threads.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::app::Core;
use super::threads::HttpThreads;
use crate::reference::outage::OutageLog;

/// Pause after an error that will not pass at once, such as too many open files.
const PAUSE: Duration = Duration::from_millis(100);

/// Accepts until aborted. A connection beyond the limit waits in the socket's backlog.
pub(super) async fn accept(listener: TcpListener, threads: HttpThreads, core: Arc<Core>) {
    let slots = Arc::new(Semaphore::new(core.config.limits.connections));
    let outage = OutageLog::of("the listener", "cannot accept connections");
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else {
            return;
        };
        match listener
            .accept()
            .await
            .and_then(|(stream, _)| stream.into_std())
        {
            Ok(stream) => {
                outage.succeeded();
                threads.serve(stream, slot);
            }
            Err(error) if is_of_the_connection(&error) => {
                tracing::debug!(%error, "a connection failed before its first request")
            }
            Err(error) => {
                outage.failed(&error);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Errors of the one connection that was to be accepted; the next may be fine.
fn is_of_the_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// The same listener for the current runtime.
pub(super) fn tokio_listener(listener: std::net::TcpListener) -> io::Result<TcpListener> {
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}
