//! A job as an AMQP message: an event id for our own workers, a task for Celery's.

use lapin::BasicProperties;
use lapin::message::Delivery as Message;

use super::super::broker::DispatchJob;
use super::super::celery::Task;
use super::super::delivery::ReceivedJob;
use super::super::dispatch::{Dialect, Dispatch};
use super::publisher::PERSISTENT;
use super::table::{table_from, text_in};

/// The message that the workers of this URL understand.
pub(super) fn write(dispatch: &Dispatch, job: &DispatchJob) -> (BasicProperties, Vec<u8>) {
    let properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
    if dispatch.dialect() == Dialect::Own {
        let id = job.event_id.to_string();
        let properties = properties
            .with_content_type("text/plain".into())
            .with_message_id(id.as_str().into());
        return (properties, id.into_bytes());
    }
    let task = Task::of(dispatch.task(), job);
    let properties = properties
        .with_content_type("application/json".into())
        .with_content_encoding("utf-8".into())
        .with_correlation_id(task.id().as_str().into())
        .with_reply_to("".into())
        .with_priority(0)
        .with_headers(table_from(&task.headers));
    (properties, task.body)
}

/// The job of a message, or why it is not one of ours.
pub(super) fn read(dispatch: &Dispatch, message: &Message) -> Result<ReceivedJob, String> {
    if dispatch.dialect() == Dialect::Own {
        let job = ReceivedJob::try_from(&*message.data);
        return job.map_err(|_| "the message is not an event id".to_owned());
    }
    let headers = message.properties.headers().as_ref();
    let task = headers.and_then(|headers| text_in(headers, "task"));
    Task::read(dispatch.task(), task.as_deref(), &message.data)
}
