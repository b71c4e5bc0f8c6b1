//! A connection to RabbitMQ that ends when it is dropped, in whatever state it is.
//!
//! lapin runs a connection on a thread of its own and ends it with a handshake, which a broker that is silent, or that
//! reads no more from a publisher, never finishes: thread and socket would stay indefinitely. So the socket is known
//! here too, and is shut down in the end.

use std::io;
use std::net::Shutdown;
use std::os::fd::AsFd as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_compat::CompatExt as _;
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{AsyncTcpStream, Channel, Connection, ConnectionProperties};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::timeout;

use super::super::dispatch::Dispatch;
use super::super::error::QueueError;
use super::wire;

/// Seconds between heartbeats: a peer that fell silent is noticed after two.
const HEARTBEAT: u16 = 5;
/// How long a broker may take to close a connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

impl From<lapin::Error> for QueueError {
    fn from(error: lapin::Error) -> QueueError {
        QueueError::Broker(error.to_string())
    }
}

/// A connection and its socket.
pub(super) struct AmqpConnection {
    connection: Arc<Connection>,
    /// Every one that was opened here: a channel that goes while its connection ends is an error to lapin.
    channels: Arc<Mutex<Vec<Channel>>>,
    socket: Arc<Socket>,
}

impl AmqpConnection {
    pub(super) async fn open(dispatch: &Dispatch) -> Result<AmqpConnection, QueueError> {
        let uri = uri(dispatch)?;
        let host = uri.authority.host.as_str();
        // Here and not on lapin's thread, which would not notice that its caller has stopped waiting.
        let stream = TcpStream::connect((host, uri.authority.port)).await;
        let stream = stream.map_err(failed)?;
        let stream = match uri.scheme {
            AMQPScheme::AMQP => wire::guarded(stream),
            AMQPScheme::AMQPS => {
                wire::guarded(wire::encrypted(stream, host).await.map_err(failed)?)
            }
        }
        .map_err(failed)?;
        let socket = Arc::new(Socket::of(&stream).map_err(failed)?);
        let ready = Mutex::new(Some(AsyncTcpStream::Plain(stream.compat())));
        let connect = async move |_, _| {
            let stream = locked(&ready).take().ok_or(io::ErrorKind::NotConnected);
            stream.map_err(|kind| lapin::Error::from(io::Error::from(kind)))
        };
        let properties = ConnectionProperties::default().with_connection_name("a7probe".into());
        let runtime = lapin::runtime::default_runtime()?;
        let connection = Connection::connector(uri, runtime, connect, properties).await?;
        Ok(AmqpConnection {
            connection: Arc::new(connection),
            channels: Arc::default(),
            socket,
        })
    }

    pub(super) async fn channel(&self) -> Result<Channel, QueueError> {
        let channel = self.connection.create_channel().await?;
        locked(&self.channels).push(channel.clone());
        Ok(channel)
    }

    /// Does the broker read nothing of what is published here, because it is short of memory or disk?
    pub(super) fn is_blocked(&self) -> bool {
        let status = self.connection.status();
        status.connected() && status.blocked()
    }

    /// Closes it. Unacknowledged deliveries are back in their queue when this returns.
    pub(super) async fn close(&self) -> Result<(), QueueError> {
        Ok(self.connection.close(200, "OK".into()).await?)
    }
}

impl Drop for AmqpConnection {
    fn drop(&mut self) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let (connection, channels) = (self.connection.clone(), self.channels.clone());
        let socket = self.socket.clone();
        runtime.spawn(async move {
            let _ = timeout(CLOSE_TIMEOUT, connection.close(200, "OK".into())).await;
            drop((channels, socket));
        });
    }
}

/// A second handle of a connection's socket, which ends the connection when it is dropped.
struct Socket(std::net::TcpStream);

impl Socket {
    fn of(stream: &TcpStream) -> io::Result<Socket> {
        let descriptor = stream.as_fd().try_clone_to_owned()?;
        Ok(Socket(descriptor.into()))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // It may have ended on its own.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn failed(error: io::Error) -> QueueError {
    QueueError::Broker(error.to_string())
}

fn uri(dispatch: &Dispatch) -> Result<AMQPUri, QueueError> {
    let url = &dispatch.url;
    let mut uri: AMQPUri = url.as_str().parse().map_err(QueueError::Broker)?;
    // lapin takes an address in brackets for no host at all, and no host for this machine.
    let bare = |host: &str| Some(host.strip_prefix('[')?.strip_suffix(']')?.to_owned());
    if let Some(address) = url.host_str().and_then(bare) {
        uri.authority.host = address;
    }
    // As every other client has it: no path is the default virtual host, and kombu writes it as `//`.
    if uri.vhost.is_empty() {
        "/".clone_into(&mut uri.vhost);
    }
    uri.query.heartbeat = Some(HEARTBEAT);
    Ok(uri)
}

#[cfg(test)]
mod tests {
    use super::uri;

    #[test]
    fn a_url_leads_to_the_host_that_it_names() {
        for (url, host, port) in [
            ("amqp://[2001:db8::7]:5673", "2001:db8::7", 5673),
            ("celery+amqp://me:pw@[::1]/%2f", "::1", 5672),
            ("amqp://192.0.2.1", "192.0.2.1", 5672),
            ("amqps://192.0.2.1", "192.0.2.1", 5671),
            ("amqp://broker.example:1", "broker.example", 1),
        ] {
            let uri = uri(&url.parse().unwrap()).unwrap();
            let found = (uri.authority.host.as_str(), uri.authority.port);
            assert_eq!(found, (host, port), "{url}");
            assert_eq!(uri.vhost, "/", "{url}");
        }
    }
}
