//! The threads that serve HTTP: each has an event loop of its own, and a connection stays on one.

use std::future::Future;
use std::io;
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::task::JoinSet;

use super::app::App;
use super::config::Block;
use super::connection;
use super::router::router;

/// How long open connections may take to end once everything is drained.
const GRACE: Duration = Duration::from_secs(1);

/// A connection and its place among those that are allowed.
type AcceptedConnection = (TcpStream, OwnedSemaphorePermit);

/// The running threads; clones share them.
#[derive(Clone)]
pub(super) struct HttpThreads {
    shared: Arc<ThreadsShared>,
}

struct ThreadsShared {
    loops: Vec<Loop>,
    next: AtomicUsize,
    stop: watch::Sender<bool>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// One thread as seen from the others.
struct Loop {
    connections: mpsc::UnboundedSender<AcceptedConnection>,
    runtime: Handle,
}

impl HttpThreads {
    /// Starts as many as configured. With [`Block::Loop`] it is one: the event loop that is to be blocked.
    pub(super) fn start(app: Arc<App>) -> io::Result<HttpThreads> {
        let count = match app.core.config.block {
            Block::Request => app.core.config.http_threads.max(1),
            Block::Loop => 1,
        };
        let (stop, stopped) = watch::channel(false);
        let (mut loops, mut threads) = (Vec::new(), Vec::new());
        for number in 0..count {
            let (connections, arriving) = mpsc::unbounded_channel();
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            loops.push(Loop {
                connections,
                runtime: runtime.handle().clone(),
            });
            let (app, stopped) = (app.clone(), stopped.clone());
            let body = move || runtime.block_on(serve_all(app, arriving, stopped));
            threads.push(
                std::thread::Builder::new()
                    .name(format!("http-{number}"))
                    .spawn(body)?,
            );
        }
        let threads = Mutex::new(threads);
        Ok(HttpThreads {
            shared: Arc::new(ThreadsShared {
                loops,
                next: AtomicUsize::new(0),
                stop,
                threads,
            }),
        })
    }

    /// Hands a connection to the next thread in turn.
    pub(super) fn serve(&self, stream: TcpStream, slot: OwnedSemaphorePermit) {
        let turn = self.shared.next.fetch_add(1, Ordering::Relaxed) % self.shared.loops.len();
        // Fails only when the thread has ended, and then the connection is to be closed anyway.
        let _ = self.shared.loops[turn].connections.send((stream, slot));
    }

    /// Runs a task on the event loop that serves HTTP.
    pub(super) fn spawn_on_loop(
        &self,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> tokio::task::JoinHandle<()> {
        self.shared.loops[0].runtime.spawn(task)
    }

    /// Ends every connection after the exchange it is in, and the threads with them.
    pub(super) async fn stop(&self) {
        self.shared.stop.send_replace(true);
        let shared = self.shared.clone();
        let joined = tokio::task::spawn_blocking(move || {
            let threads = std::mem::take(
                &mut *shared
                    .threads
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner),
            );
            threads
                .into_iter()
                .filter_map(|thread| thread.join().err())
                .count()
        });
        if joined.await.is_ok_and(|panics| panics > 0) {
            tracing::error!("a thread that served HTTP panicked");
        }
    }
}

/// Serves the connections of one thread until the shutdown.
async fn serve_all(
    app: Arc<App>,
    mut arriving: mpsc::UnboundedReceiver<AcceptedConnection>,
    mut stopped: watch::Receiver<bool>,
) {
    let app = Arc::new(app.on_this_loop());
    let router = router(app.clone());
    let mut connections = JoinSet::new();
    loop {
        let arrived = tokio::select! {
            arrived = arriving.recv() => arrived,
            _ = connections.join_next(), if !connections.is_empty() => continue,
            _ = stopped.wait_for(|stop| *stop) => break,
        };
        let Some((stream, slot)) = arrived else { break };
        let (app, router, stopped) = (app.clone(), router.clone(), stopped.clone());
        connections.spawn(async move {
            if let Err(error) = connection::serve(stream, app, router, stopped).await {
                tracing::debug!(%error, "a connection ended badly");
            }
            drop(slot);
        });
    }
    let _ = tokio::time::timeout(GRACE, async {
        while connections.join_next().await.is_some() {}
    })
    .await;
}
