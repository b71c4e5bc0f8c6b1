//! Whether a commit of this server is worth a promise, and stays so as long as the connection lasts.

use std::sync::Once;

use tokio_postgres::Client;

use super::migrate::Refusal;

/// What decides whether a commit that has returned is on disk.
const SETTINGS: &str = "SELECT current_setting('synchronous_commit'), current_setting('fsync'),
    current_setting('full_page_writes')";
/// What was found holds from now on, whatever is set for the role, the database or the server meanwhile.
const PIN: &str = "SELECT set_config('synchronous_commit', $1, false)";

/// A commit that returns before the log is on disk would be a promise without a ground.
pub(super) async fn assert_durable(client: &Client) -> Result<(), Refusal> {
    let row = client.query_one(SETTINGS, &[]).await?;
    let [synchronous_commit, fsync, full_page_writes]: [String; 3] =
        [row.get(0), row.get(1), row.get(2)];
    if synchronous_commit == "off" {
        return Err(Refusal::Unusable(
            "synchronous_commit is off there, so a commit may be lost with the power; switch it on for this role or database: \
             ALTER ROLE … SET synchronous_commit = on"
                .to_owned(),
        ));
    }
    if fsync == "off" {
        return Err(Refusal::Unusable(
            "fsync is off there, so everything may be lost with the power; set fsync = on in postgresql.conf".to_owned(),
        ));
    }
    if full_page_writes == "off" {
        // Only a warning, and only once: there are file systems that never write half a page.
        static WARNED: Once = Once::new();
        WARNED.call_once(|| tracing::warn!(
            "full_page_writes is off on the PostgreSQL server: unless its file system never writes half a page, a 202 does not survive a power cut\nhint: set full_page_writes = on in postgresql.conf"
        ));
    }
    client.query_one(PIN, &[&synchronous_commit]).await?;
    Ok(())
}
