//! Names the broker settings that lose messages, while the work continues: a silent broker delays nothing.

use std::io::{self, Write};
use std::pin::pin;
use std::time::Duration;

use tokio::time::timeout;

use crate::reference::queue::{Advice, Dispatch, QueueError, advice};

/// A broker that does not answer by then is named as such; it may come up later.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long finished work waits for the broker's answer.
const LATE: Duration = Duration::from_millis(500);

/// Does the work, and writes the broker's report on its settings to `err` when it arrives.
pub(super) async fn with_broker_advice<T>(
    work: impl Future<Output = T>,
    broker: Option<&Dispatch>,
    err: &mut dyn Write,
) -> io::Result<T> {
    let Some(broker) = broker else {
        return Ok(work.await);
    };
    let (mut work, mut asked) = (pin!(work), pin!(advice(broker, PATIENCE)));
    tokio::select! {
        biased;
        done = &mut work => {
            if let Ok(answer) = timeout(LATE, asked).await {
                warn(broker, answer, err)?;
            }
            return Ok(done);
        }
        answer = &mut asked => warn(broker, answer, err)?,
    }
    Ok(work.await)
}

fn warn(
    broker: &Dispatch,
    answer: Result<Vec<Advice>, QueueError>,
    err: &mut dyn Write,
) -> io::Result<()> {
    match answer {
        Ok(advice) => advice
            .iter()
            .try_for_each(|advice| writeln!(err, "warning: {advice}"))?,
        Err(error) => writeln!(
            err,
            "warning: {broker}: {error}\nhint: check that the broker runs; accepted events are safe in the store and dispatched when it answers"
        )?,
    }
    err.flush()
}
