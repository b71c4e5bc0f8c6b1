//! Names the settings of a broker that lose messages, before the first one is sent.

use std::io::{self, Write};
use std::time::Duration;

use crate::queue::{Dispatch, advice};

/// A broker that does not answer by then is named as such; it may come up later.
const PATIENCE: Duration = Duration::from_secs(3);

/// Asks the broker and tells `err`.
pub(super) async fn warn_of_broker(dispatch: &Dispatch, err: &mut dyn Write) -> io::Result<()> {
    match advice(dispatch, PATIENCE).await {
        Ok(advice) => advice
            .iter()
            .try_for_each(|advice| writeln!(err, "warning: {advice}")),
        Err(error) => writeln!(
            err,
            "warning: {dispatch}: {error}\n\
             hint: see whether it runs there; what is accepted is safe in the store, and dispatched when the broker answers"
        ),
    }
}
