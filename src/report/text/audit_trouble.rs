//! The sentences for what kept an audit from reading the state of events.

use std::fmt;

use crate::run::completion::{
    AuditTrouble, EventNaming, ListingTrouble, PollTrouble, QueryFailure, RedirectDefect,
    StateContainer,
};
use crate::run::plan::RUN_HEADER;
use crate::units::{Pretty, grouped, plural};

/// The hint where the service may have forgotten events.
const GIVE_TTL: &str = "give the time that the service remembers an event with --audit-ttl; events are then read before it ends";

/// Cause and hint, as a run file keeps them.
impl fmt::Display for AuditTrouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.joined("\nhint: "))
    }
}

impl AuditTrouble {
    /// What happened.
    pub(crate) fn cause(&self) -> String {
        match self {
            AuditTrouble::Query { url, failure } => format!("GET {url}: {}", failure.cause()),
            AuditTrouble::Poll(trouble) => trouble.cause(),
            AuditTrouble::Listing(trouble) => trouble.cause(),
            AuditTrouble::NoAnswer => "the service did not answer in time".to_owned(),
            AuditTrouble::Interrupted => {
                "it was interrupted before the service reported anything".to_owned()
            }
            AuditTrouble::Stated { cause, .. } => cause.clone(),
        }
    }

    /// What to do about it, where that is known.
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            AuditTrouble::Query { failure, .. } => failure.hint(),
            AuditTrouble::Poll(trouble) => Some(trouble.hint()),
            AuditTrouble::Stated { hint, .. } => hint.clone(),
            AuditTrouble::Listing(_) | AuditTrouble::NoAnswer | AuditTrouble::Interrupted => None,
        }
    }

    /// Cause and hint in one line.
    pub(crate) fn in_one_line(&self) -> String {
        self.joined("; ")
    }

    fn joined(&self, separator: &str) -> String {
        let cause = self.cause();
        match self.hint() {
            Some(hint) => format!("{cause}{separator}{hint}"),
            None => cause,
        }
    }
}

impl QueryFailure {
    fn cause(&self) -> String {
        match self {
            QueryFailure::TimedOut => "no answer in time".to_owned(),
            QueryFailure::CannotConnect { cause } => format!("cannot connect: {cause}"),
            QueryFailure::Broken { cause } => cause.clone(),
            QueryFailure::NoListing => "answered 404".to_owned(),
            QueryFailure::NotAListing { content_type } => {
                format!("is not a listing: its Content-Type is {content_type}")
            }
            QueryFailure::Redirected { status } | QueryFailure::Refused { status }
                if is_redirect(*status) =>
            {
                format!("answered {status}, and redirects are not followed")
            }
            QueryFailure::Redirected { status } | QueryFailure::Refused { status } => {
                format!("answered {status}")
            }
            QueryFailure::SeeOther { defect } => format!("answered 303 {}", defect.text()),
            QueryFailure::NoBody { status } => {
                format!("no JSON: answered {status} without a body")
            }
            QueryFailure::Html => "answered a page of HTML, not JSON".to_owned(),
            QueryFailure::NotJson { cause } => format!("no JSON: {cause}"),
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            QueryFailure::TimedOut
            | QueryFailure::CannotConnect { .. }
            | QueryFailure::Broken { .. }
            | QueryFailure::NoListing
            | QueryFailure::NotAListing { .. } => return None,
            QueryFailure::Refused { status } => return refused(*status).map(str::to_owned),
            QueryFailure::Redirected { status } => format!(
                "name the address that it points to; if {status} means processed, add --audit-done :status={status}"
            ),
            QueryFailure::SeeOther { defect } => {
                let unless_login = match defect {
                    RedirectDefect::LoginPage => "send credentials with -H, or, ",
                    _ => "",
                };
                format!("{unless_login}if 303 means processed, add --audit-done :status=303")
            }
            QueryFailure::NoBody { status } => format!(
                "name a URL that reports the state with --audit-url; if {status} means processed, add --audit-done :status={status}"
            ),
            QueryFailure::Html => {
                "name the URL that answers JSON with --audit-url; if the page asks for a login, send credentials with -H"
                    .to_owned()
            }
            QueryFailure::NotJson { .. } => {
                "name a URL that answers JSON with --audit-url".to_owned()
            }
        };
        Some(hint)
    }
}

fn is_redirect(status: u16) -> bool {
    (300..400).contains(&status)
}

fn refused(status: u16) -> Option<&'static str> {
    match status {
        300..=399 => Some("name the address that it points to"),
        401 | 403 => Some("send credentials with -H"),
        405 => Some("name a URL that answers GET with --audit-url"),
        429 => Some(
            "raise the service's limit for state requests, or wait longer with --audit-timeout",
        ),
        500..=599 => Some("check the service's log, and audit again"),
        _ => None,
    }
}

impl RedirectDefect {
    fn text(self) -> &'static str {
        match self {
            RedirectDefect::Unreadable => "to a Location that cannot be read",
            RedirectDefect::Missing => "without a Location",
            RedirectDefect::LoginPage => "to a login page",
            RedirectDefect::OtherOrigin => "to another origin",
            RedirectDefect::ItsOwnUrl => "to the state URL itself",
            RedirectDefect::UnknownPlace => "to no known place",
            RedirectDefect::Changing => "to another URL each time",
        }
    }
}

impl PollTrouble {
    fn cause(&self) -> String {
        match self {
            PollTrouble::Forgotten { events, url, ttl } => format!(
                "the service may have forgotten {} {} at {url}{}",
                grouped(*events),
                plural(*events, "event"),
                ttl.map_or_else(String::new, |ttl| format!(
                    " (--audit-ttl is {})",
                    Pretty(ttl)
                ))
            ),
            PollTrouble::SharedResult { location } => format!(
                "303 points to {}, which is not the result of one event",
                location.escape_debug()
            ),
            PollTrouble::UnknownState { field, state } => {
                format!(
                    "{field} is '{}', which is not a known state",
                    state.escape_debug()
                )
            }
            PollTrouble::NestedState {
                field, container, ..
            } => {
                let kind = match container {
                    StateContainer::Object => "an object",
                    StateContainer::List => "a list",
                };
                format!("{field} is {kind}, not a state")
            }
            PollTrouble::NoneFound {
                asked,
                url,
                not_found,
                gone,
            } => {
                let subject = match asked {
                    1 => "the only state URL".to_owned(),
                    n => format!("all {} state URLs", grouped(*n)),
                };
                let statuses = match (not_found, gone) {
                    (_, 0) => "404",
                    (0, _) => "410",
                    _ => "404 or 410",
                };
                format!("{subject} at {url} answered {statuses}")
            }
            PollTrouble::NoneAnswered { url, last } => format!(
                "no state URL at {url} reported an event: some answered 404, and {}",
                last.cause()
            ),
            PollTrouble::WithoutField { field, answers } => format!(
                "no answer had the field '{field}' ({} {})",
                grouped(*answers),
                plural(*answers, "answer")
            ),
            PollTrouble::Nameless { nameless, accepted } => format!(
                "{} of {} accepted answers name no event where --audit-id looks for it",
                grouped(*nameless),
                grouped(*accepted)
            ),
        }
    }

    fn hint(&self) -> String {
        let hint = match self {
            PollTrouble::Forgotten { ttl: Some(_), .. } => {
                "give --audit-ttl a time for which the service always remembers an event"
            }
            PollTrouble::Forgotten { ttl: None, .. } => GIVE_TTL,
            PollTrouble::SharedResult { .. } => {
                "if 303 means processed, add --audit-done :status=303"
            }
            PollTrouble::UnknownState { field, .. } => {
                return format!(
                    "name all words that mean processed with --audit-done {field}=WORD,WORD (they replace the usual ones), and those that mean dead with --audit-dead"
                );
            }
            PollTrouble::NestedState { field, inner, .. } => {
                return format!("name the field inside it: --audit-done {field}.{inner}=done");
            }
            PollTrouble::NoneFound { gone: 0, .. } => {
                "give --audit-url the URL of an event's state, with {id} for its id, and --audit-id the field of the id"
            }
            PollTrouble::NoneFound { .. } => GIVE_TTL,
            PollTrouble::NoneAnswered { last, .. } => {
                return last.hint().unwrap_or_else(|| {
                    "give --audit-url the URL of an event's state, with {id} for its id".to_owned()
                });
            }
            PollTrouble::WithoutField { .. } => {
                "name a field that the answers have with --audit-done FIELD=VALUE, such as data.status=done"
            }
            PollTrouble::Nameless { .. } => {
                "name the answer's id field with --audit-id, or use --audit-id location"
            }
        };
        hint.to_owned()
    }
}

impl ListingTrouble {
    fn cause(&self) -> String {
        match self {
            ListingTrouble::ManyRuns { endpoint } => {
                let sent = match endpoint {
                    Some(endpoint) => format!("{endpoint} sent"),
                    None => "was sent".to_owned(),
                };
                format!(
                    "{RUN_HEADER} differs from request to request, so no one listing has every request that {sent}"
                )
            }
            ListingTrouble::NeverRead => "the listing was never read".to_owned(),
            ListingTrouble::Nameless { nameless, accepted } => format!(
                "{} of {} accepted answers name no event (event_id), and the requests carry no key of their own",
                grouped(*nameless),
                grouped(*accepted)
            ),
            ListingTrouble::OtherNames { listed, named_by } => format!(
                "none of the {} listed events was sent by this run: the listing names events differently than {}",
                grouped(*listed),
                match named_by {
                    EventNaming::Answers => "the answers do",
                    EventNaming::Requests => {
                        "the requests do, and the answers name none (event_id)"
                    }
                }
            ),
            ListingTrouble::NoneListed { accepted } => format!(
                "the listing has none of the {} accepted events, and no answer names one (event_id): lost, or listed under other names",
                grouped(*accepted)
            ),
        }
    }
}
