//! The arguments of a Celery task or an RQ job: an event's id and its body.

use uuid::Uuid;

use super::delivery::ReceivedJob;

/// The job of such a call; `kind` is its noun in an error.
pub(super) fn received(
    kind: &str,
    id: Option<String>,
    payload: Option<String>,
) -> Result<ReceivedJob, String> {
    let id = id.ok_or_else(|| format!("the {kind} has no event_id"))?;
    let event_id = Uuid::try_parse(&id).map_err(|_| format!("'{id}' is not an event id"))?;
    let payload = payload.unwrap_or_else(|| "{}".to_owned());
    Ok(ReceivedJob {
        event_id,
        payload: Some(payload.into_bytes()),
    })
}
