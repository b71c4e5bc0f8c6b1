//! The connection that lapin uses: one end of a pair of sockets. At the other end are the broker, encrypted or not, and
//! a guard that removes headers which would overflow the stack of lapin's thread.

mod guard;

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Pair;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, copy, split};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::tls_roots;

/// Shakes hands with a server, which must show a certificate for this host. The system's roots are trusted, or those in
/// the file that `SSL_CERT_FILE` names.
pub(super) async fn encrypted(
    stream: TcpStream,
    host: &str,
) -> io::Result<impl AsyncRead + AsyncWrite + Send + 'static> {
    let host = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let client = tls_roots::client(tls_roots::system_roots()).map_err(io::Error::other)?;
    let connector = TlsConnector::from(Arc::new(client));
    let shaken = connector.connect(host, stream).await;
    shaken.map_err(|error| match tls_roots::tls_failure(&error) {
        Some(failure) => io::Error::new(error.kind(), failure),
        None => error,
    })
}

/// The connection to a broker for lapin, in plain text and guarded.
pub(super) fn guarded(
    broker: impl AsyncRead + AsyncWrite + Send + 'static,
) -> io::Result<TcpStream> {
    let (lapins, ours) = Pair::pair()?;
    for end in [&lapins, &ours] {
        end.set_nonblocking(true)?;
    }
    let ours = UnixStream::from_std(ours)?;
    tokio::spawn(carry(ours, broker));
    // lapin takes nothing but a TCP stream, and of that no more than reading, writing and shutting down.
    TcpStream::from_std(OwnedFd::from(lapins).into())
}

/// Ends when either side does: then both are closed.
async fn carry(ours: UnixStream, broker: impl AsyncRead + AsyncWrite) {
    let (mut from_lapin, mut to_lapin) = split(ours);
    let (mut from_broker, mut to_broker) = split(broker);
    let out = async {
        let carried = copy(&mut from_lapin, &mut to_broker).await;
        // An encrypted connection ends with close_notify.
        let _ = to_broker.shutdown().await;
        carried.map(|_| ())
    };
    let _ = tokio::select! {
        carried = out => carried,
        carried = guard::frames(&mut from_broker, &mut to_lapin) => carried,
    };
}
