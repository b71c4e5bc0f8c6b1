//! What is asked after a run, of what the service accepted, and what is sent twice to see whether it counts once.

use std::time::Duration;

use super::{Endpoint, Plan};

/// How long accepted work may take to be done once nothing more comes in, if nothing else is said.
pub const DEFAULT_AUDIT_TIMEOUT: Duration = Duration::from_secs(30);

/// How long after everything is done it is all read once more, if nothing else is said.
pub const DEFAULT_AUDIT_QUIET: Duration = Duration::from_secs(1);

/// The completion audit of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auditing {
    /// Whether it is made.
    pub policy: AuditPolicy,
    /// Longest that is waited after the run.
    pub patience: Duration,
    /// How long after everything is done it is all read once more, for duplicates that come late; zero for not at all.
    pub quiet: Duration,
    /// The URLs to ask, and the meaning of their answers.
    pub source: AuditSource,
}

/// Whether there is an audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditPolicy {
    /// No.
    Never,
    /// If the service lists its runs.
    IfOffered,
    /// Yes: what cannot be read is inconclusive.
    Required,
}

/// The source of a request's state.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "there is one in a run")]
pub enum AuditSource {
    /// `GET /runs/{run}/events`: one listing of all, as the reference server has it.
    Listing,
    /// A URL for each event.
    Polls(Polls),
}

/// How one event is asked for, and what the answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Polls {
    /// Path (below the target) or whole URL, with `{id}` where the id goes.
    pub url: String,
    /// Where the id comes from.
    pub id: IdSource,
    /// The event is done if this holds.
    pub done: Field,
    /// The service has given it up if this holds.
    pub dead: Option<Field>,
    /// The event is under way if this holds, and of unknown state if no field holds. With `None`, every event that is
    /// neither done nor given up is under way.
    pub pending: Option<Field>,
    /// How long the service remembers an event that it has accepted; `None` for indefinitely.
    pub ttl: Option<Duration>,
    /// JSON pointer of the time of completion: RFC 3339 text or seconds since 1970.
    pub done_at: Option<String>,
    /// JSON pointer of the time of acceptance.
    pub accepted_at: Option<String>,
}

/// Where the id of an event comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdSource {
    /// The request's own `{{uuid}}`: the client's key names the event.
    Key,
    /// A field of the answer's JSON body, as a JSON pointer.
    Answer(String),
    /// The last part of the answer's `Location`.
    Location,
}

impl IdSource {
    /// What the reference server answers.
    pub fn of_the_reference_server() -> IdSource {
        IdSource::Answer("/event_id".to_owned())
    }
}

/// A field of a JSON answer and the values that count; none means any value but null and false.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// JSON pointer.
    pub pointer: String,
    /// Values, as they read: text without quotes, numbers and booleans as in JSON.
    pub values: Vec<String>,
}

/// What the engine keeps or does beyond measuring, endpoint by endpoint; nothing by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AuditCapture {
    /// Which id to keep of each accepted answer, by the endpoint's place in the plan.
    pub keep: Vec<Option<IdSource>>,
    /// Share of the requests to those endpoints that is sent twice, from 0 to 1.
    pub resend: Option<f64>,
}

impl AuditCapture {
    /// What an audit by a listing needs: what answers call their events.
    pub fn of_listing(plan: &Plan) -> AuditCapture {
        let keep = |endpoint: &Endpoint| {
            let source = IdSource::of_the_reference_server();
            endpoint.is_accepting().then_some(source)
        };
        AuditCapture {
            keep: plan.endpoints.iter().map(keep).collect(),
            resend: None,
        }
    }

    /// Which id to keep of an endpoint's answers.
    pub fn id_of(&self, endpoint: usize) -> Option<&IdSource> {
        self.keep.get(endpoint)?.as_ref()
    }
}
