//! Waits for the server's answers, but not indefinitely, and says why there is none.

use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::Error;

/// How long sent bytes may stay unacknowledged, and how long a read may take.
pub(super) const ANSWER_TIME: Duration = Duration::from_secs(10);
/// How long a transaction may take. After that its connection is dropped.
pub(super) const TRANSACTION_TIME: Duration = Duration::from_secs(10);
/// What is said when nothing is said.
pub(super) const SILENCE: &str = "the server does not answer";

/// The answer to a question.
pub(super) async fn answer<T>(asked: impl Future<Output = Result<T, Error>>) -> Result<T, String> {
    within(ANSWER_TIME, asked).await
}

/// The same within a time of its own.
pub(super) async fn within<T>(
    time: Duration,
    asked: impl Future<Output = Result<T, Error>>,
) -> Result<T, String> {
    let answered = timeout(time, asked).await;
    answered
        .map_err(|_| SILENCE.to_owned())?
        .map_err(|error| chain(&error))
}

/// An error with its causes; the driver's own text names none of them.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    if let Some(failure) = crate::tls_roots::tls_failure(error) {
        return format!("no TLS with the server: {failure}");
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
