//! What kept an audit from reading the state of events. The sentences stand in `report`.

use std::time::Duration;

use serde::{Deserializer, Serializer};

/// What separates a cause from its hint in a run file.
const HINT: &str = "\nhint: ";

/// What kept an audit from reading the state of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuditTrouble {
    /// A request to the service had no usable answer.
    Query {
        /// Where it was sent, without secrets.
        url: String,
        /// What came instead.
        failure: QueryFailure,
    },
    /// The wait ended before the service had answered.
    NoAnswer,
    /// A signal came before the service had answered.
    Interrupted,
    /// The sentences of a run file or of the system.
    Stated {
        /// What happened.
        cause: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The state URLs do not show what became of the events.
    Poll(PollTrouble),
    /// The listing does not show what became of the events.
    Listing(ListingTrouble),
}

/// What came instead of a usable answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryFailure {
    /// No answer within the time limit.
    TimedOut,
    /// No connection.
    CannotConnect {
        /// The system's words.
        cause: String,
    },
    /// The answer broke off or is malformed.
    Broken {
        /// The words of the system or of the parser.
        cause: String,
    },
    /// There is no listing: 404 or 410.
    NoListing,
    /// The answer is not a listing.
    NotAListing {
        /// Its `Content-Type`.
        content_type: String,
    },
    /// A status that carries no state.
    Refused {
        /// The HTTP status.
        status: u16,
    },
    /// A state URL answered with a redirect.
    Redirected {
        /// The HTTP status.
        status: u16,
    },
    /// 303 whose target does not show that the event is done.
    SeeOther {
        /// Why it does not.
        defect: RedirectDefect,
    },
    /// No body where a state was expected.
    NoBody {
        /// The HTTP status.
        status: u16,
    },
    /// A page of HTML.
    Html,
    /// The body is not JSON.
    NotJson {
        /// The parser's words.
        cause: String,
    },
}

/// Why the target of a 303 does not show that the event is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectDefect {
    /// The `Location` cannot be read.
    Unreadable,
    /// There is no `Location`.
    Missing,
    /// It is a login page.
    LoginPage,
    /// It is at another origin.
    OtherOrigin,
    /// It is the state URL itself.
    ItsOwnUrl,
    /// The URL of the request is not known in full.
    UnknownPlace,
    /// It is another URL each time.
    Changing,
}

/// Why state URLs do not show what became of the events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PollTrouble {
    /// The service may have forgotten events.
    Forgotten {
        /// Events.
        events: u64,
        /// The pattern of the state URLs, without secrets.
        url: String,
        /// `--audit-ttl`.
        ttl: Option<Duration>,
    },
    /// 303 points to a URL that is not the result of one event.
    SharedResult {
        /// That URL, without secrets.
        location: String,
    },
    /// A state that is neither done, given up nor pending.
    UnknownState {
        /// The field as typed.
        field: String,
        /// Its value.
        state: String,
    },
    /// The state is an object or a list.
    NestedState {
        /// The field as typed.
        field: String,
        /// Which of the two.
        container: StateContainer,
        /// The field inside that may have the state.
        inner: String,
    },
    /// Every state URL answered that there is no such event.
    NoneFound {
        /// State URLs of accepted events.
        asked: u64,
        /// Their pattern, without secrets.
        url: String,
        /// Answers 404.
        not_found: u64,
        /// Answers 410.
        gone: u64,
    },
    /// Some state URLs answered 404, the others did not answer with a state.
    NoneAnswered {
        /// Their pattern, without secrets.
        url: String,
        /// The last trouble of the others.
        last: Box<AuditTrouble>,
    },
    /// No answer has the field of the state.
    WithoutField {
        /// The field as typed.
        field: String,
        /// Answers.
        answers: u64,
    },
    /// Accepted answers name no event where `--audit-id` looks for it.
    Nameless {
        /// Answers without a name.
        nameless: u64,
        /// Accepted answers.
        accepted: u64,
    },
}

/// What contains a state instead of being one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateContainer {
    /// An object.
    Object,
    /// A list.
    List,
}

/// Why a listing does not show what became of the events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListingTrouble {
    /// Each request names its own run.
    ManyRuns {
        /// The endpoint, where others have a listing.
        endpoint: Option<String>,
    },
    /// The listing was never read.
    NeverRead,
    /// Accepted answers name no event, and the requests have no keys.
    Nameless {
        /// Answers without a name.
        nameless: u64,
        /// Accepted answers.
        accepted: u64,
    },
    /// No listed event has the name of a request.
    OtherNames {
        /// Listed events.
        listed: u64,
        /// Who named the events that were sent.
        named_by: EventNaming,
    },
    /// The listing has none of the accepted events, under the names of the requests.
    NoneListed {
        /// Accepted events.
        accepted: u64,
    },
}

/// Who named the events that were sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventNaming {
    /// The answers.
    Answers,
    /// The requests alone.
    Requests,
}

impl AuditTrouble {
    /// A cause, and after a line break `hint:` and what to do, as files have them.
    pub fn stated(text: &str) -> AuditTrouble {
        let (cause, hint) = match text.split_once(HINT) {
            Some((cause, hint)) => (cause, Some(hint.to_owned())),
            None => (text, None),
        };
        AuditTrouble::Stated {
            cause: cause.to_owned(),
            hint,
        }
    }
}

impl From<PollTrouble> for AuditTrouble {
    fn from(trouble: PollTrouble) -> AuditTrouble {
        AuditTrouble::Poll(trouble)
    }
}

impl From<ListingTrouble> for AuditTrouble {
    fn from(trouble: ListingTrouble) -> AuditTrouble {
        AuditTrouble::Listing(trouble)
    }
}

/// A trouble as run files have it: its sentences. For `#[serde(with)]`.
pub(crate) mod in_words {
    use serde::Deserialize as _;

    use super::{AuditTrouble, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        trouble: &AuditTrouble,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.collect_str(trouble)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<AuditTrouble, D::Error> {
        String::deserialize(from).map(|text| AuditTrouble::stated(&text))
    }
}

/// The cause alone, without its hint, for the JSON of a reason: a saved run has no more of a trouble than its sentences.
pub(crate) fn as_cause<S: Serializer>(trouble: &AuditTrouble, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&trouble.cause())
}

/// The same where the trouble may be unknown.
pub(crate) fn as_optional_cause<S: Serializer>(
    trouble: &Option<AuditTrouble>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match trouble {
        Some(trouble) => to.serialize_some(&trouble.cause()),
        None => to.serialize_none(),
    }
}
