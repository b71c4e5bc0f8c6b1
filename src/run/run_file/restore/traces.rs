//! Checks the traces of requests: they follow from the run, the endpoint and the index.

use std::rc::Rc;

use uuid::Uuid;

use super::super::document::RunDocument;
use super::super::{EndpointRun, RunFileError};
use super::context::RestoreContext;
use super::memory_budget::MemoryBudget;
use crate::run::plan::Tracing;
use crate::run::recording::Exemplar;
use crate::run::schedule::request_trace;
use crate::trace::TraceId;

/// Checks the ids of all endpoints. Those of a side of `ab` are taken as they are: its requests were numbered anew when
/// its blocks were joined.
pub(super) fn check(
    run: Uuid,
    document: &RunDocument<'_>,
    endpoints: &[EndpointRun],
    budget: &Rc<MemoryBudget>,
) -> Result<(), RunFileError> {
    let names: Vec<&str> = document.plan.endpoints.iter().map(|e| &*e.name).collect();
    let shard = document.shard.and_then(|record| record.shard().ok());
    for (place, endpoint) in endpoints.iter().enumerate() {
        let merged = document.merged.as_ref();
        let present = merged.and_then(|merged| merged.present(place).ok());
        let in_whole_run = |index: u64| match &present {
            Some(present) => present.global(index),
            None => shard.unwrap_or_default().global(index),
        };
        let context = RestoreContext::new(&endpoint.name, budget);
        let stream = names.iter().position(|name| *name == endpoint.name);
        let traced = |exemplar: &Exemplar| -> Option<TraceId> {
            if document.plan.connections.tracing == Tracing::Off {
                return None;
            }
            if document.turns.is_some() {
                return exemplar.trace_id;
            }
            exemplar.connection?;
            Some(request_trace(run, stream? as u64, in_whole_run(exemplar.index)).trace_id())
        };
        let recording = &endpoint.recording;
        let mut kept = recording.slowest.iter().chain(&recording.first_failed);
        if let Some(wrong) = kept.find(|exemplar| exemplar.trace_id != traced(exemplar)) {
            let index = wrong.index;
            return context.wrong(format!(
                "request {index} has another trace_id than the run gives it"
            ));
        }
    }
    Ok(())
}
