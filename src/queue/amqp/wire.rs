//! What lapin reads and writes: a TCP connection, or one end of a pair of sockets whose other end is encrypted.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Pair;
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use crate::trust;

/// Shakes hands with a server that has to show a certificate for this host, and gives the way to it in plain text. The
/// system's roots are trusted, or those in the file that `SSL_CERT_FILE` names.
pub(super) async fn encrypted(stream: TcpStream, host: &str) -> io::Result<TcpStream> {
    let host = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let client = trust::client(trust::system_roots()).map_err(io::Error::other)?;
    let connector = TlsConnector::from(Arc::new(client));
    let shaken = connector.connect(host, stream).await;
    let mut encrypted = shaken.map_err(|error| match trust::tls_failure(&error) {
        Some(failure) => io::Error::new(error.kind(), failure),
        None => error,
    })?;
    let (lapins, ours) = Pair::pair()?;
    for end in [&lapins, &ours] {
        end.set_nonblocking(true)?;
    }
    let mut ours = UnixStream::from_std(ours)?;
    // Ends when either side does: then both are closed.
    tokio::spawn(async move { copy_bidirectional(&mut ours, &mut encrypted).await });
    // lapin takes nothing but a TCP stream, and of that no more than reading, writing and shutting down.
    TcpStream::from_std(OwnedFd::from(lapins).into())
}
