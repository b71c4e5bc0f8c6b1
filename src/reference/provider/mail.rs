//! A notification as SendGrid's `POST /v3/mail/send` has it: <https://www.twilio.com/docs/sendgrid/api-reference/mail-send>.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The notification of one event, in one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The event it tells of.
    pub event_id: Uuid,
    /// Which attempt it belongs to, from 1.
    pub attempt: u32,
}

/// What anybody's mail says of them; ours says both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostedMail {
    /// `custom_args.event_id`, which becomes a UUID if it is none. A mail without it is its own event: the same bytes
    /// again are the same one.
    pub event_id: Uuid,
    /// `custom_args.attempt`, if that is a number.
    pub attempt: Option<u32>,
}

/// Namespace of the version 5 UUIDs of events that are named otherwise.
const NAMESPACE: Uuid = Uuid::from_u128(0x2f0d_6c0e_9a4b_4b58_8c55_77a1_03ee_d9f4);

/// The request body, as far as it is used here.
#[derive(Serialize, Deserialize)]
struct Body {
    personalizations: Vec<Personalization>,
    from: MailAddress,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    content: Vec<Content>,
    #[serde(skip_serializing_if = "Option::is_none")]
    template_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_args: Option<CustomArgs>,
}

#[derive(Serialize, Deserialize)]
struct Personalization {
    to: Vec<MailAddress>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    custom_args: Option<CustomArgs>,
}

#[derive(Serialize, Deserialize)]
struct MailAddress {
    email: String,
}

#[derive(Serialize, Deserialize)]
struct Content {
    #[serde(rename = "type")]
    media_type: String,
    value: String,
}

/// SendGrid's custom arguments are strings, by any name.
#[derive(Serialize, Deserialize)]
struct CustomArgs {
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<String>,
}

/// A request body that SendGrid would answer with 400.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct MalformedMail {
    /// The part that is wrong, if it can be named.
    pub field: Option<&'static str>,
    /// What is wrong with it.
    pub message: String,
}

/// The provider's error body.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// One or more.
    pub errors: Vec<ErrorDetail>,
}

/// One error in an [`ErrorBody`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDetail {
    /// For people.
    pub message: String,
    /// The part of the request that it is about.
    pub field: Option<String>,
    /// Where it is explained.
    pub help: Option<String>,
}

impl ErrorBody {
    /// A body with one error.
    pub fn of(message: &str, field: Option<&str>) -> ErrorBody {
        let detail = ErrorDetail {
            message: message.to_owned(),
            field: field.map(str::to_owned),
            help: None,
        };
        ErrorBody {
            errors: vec![detail],
        }
    }

    /// The first message.
    pub fn message(&self) -> Option<&str> {
        self.errors.first().map(|detail| detail.message.as_str())
    }
}

impl Mail {
    /// The JSON that is posted.
    pub fn to_json(self) -> String {
        let address = |email: &str| MailAddress {
            email: email.to_owned(),
        };
        let body = Body {
            personalizations: vec![Personalization {
                to: vec![address("ops@example.com")],
                subject: None,
                custom_args: None,
            }],
            from: address("ingest@example.com"),
            subject: Some("event accepted".to_owned()),
            content: vec![Content {
                media_type: "text/plain".to_owned(),
                value: format!("event {} was accepted", self.event_id),
            }],
            template_id: None,
            custom_args: Some(CustomArgs {
                event_id: Some(self.event_id.to_string()),
                attempt: Some(self.attempt.to_string()),
            }),
        };
        serde_json::to_string(&body).expect("strings and a UUID are always JSON")
    }
}

impl PostedMail {
    /// Reads a request body, and refuses what SendGrid would.
    ///
    /// # Errors
    /// [`MalformedMail`] names the field that SendGrid would refuse.
    pub fn from_json(json: &[u8]) -> Result<PostedMail, MalformedMail> {
        let body: Body = serde_json::from_slice(json).map_err(|error| MalformedMail {
            field: None,
            message: format!("bad request: {error}"),
        })?;
        body.check()?;
        let each = body.personalizations.iter().map(|each| &each.custom_args);
        let args = std::iter::once(&body.custom_args).chain(each);
        let args = args.flatten().find(|args| args.event_id.is_some());
        let event_id = args.and_then(|args| args.event_id.as_deref());
        Ok(PostedMail {
            event_id: event_id.map_or_else(|| named_by(json), named),
            attempt: args.and_then(|args| args.attempt.as_ref()?.parse().ok()),
        })
    }
}

fn named(event_id: &str) -> Uuid {
    Uuid::try_parse(event_id).unwrap_or_else(|_| named_by(event_id.as_bytes()))
}

fn named_by(bytes: &[u8]) -> Uuid {
    Uuid::new_v5(&NAMESPACE, bytes)
}

impl Body {
    fn check(&self) -> Result<(), MalformedMail> {
        let lacks = |field, message: &str| {
            Err(MalformedMail {
                field: Some(field),
                message: message.to_owned(),
            })
        };
        let mails = &self.personalizations;
        if mails.is_empty() || mails.iter().any(|mail| mail.to.is_empty()) {
            return lacks(
                "personalizations",
                "the personalizations field needs a recipient",
            );
        }
        // A template brings both.
        if self.template_id.is_some() {
            return Ok(());
        }
        if self.subject.is_none() && mails.iter().any(|mail| mail.subject.is_none()) {
            return lacks("subject", "the subject is required");
        }
        if self.content.is_empty() {
            return lacks("content", "the content parameter is required");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::{Mail, PostedMail};

    #[test]
    fn what_is_posted_is_what_is_read() {
        let (event_id, attempt) = (Uuid::from_u128(17), 3);
        let posted = PostedMail::from_json(Mail { event_id, attempt }.to_json().as_bytes());
        let attempt = Some(attempt);
        assert_eq!(posted, Ok(PostedMail { event_id, attempt }));
    }

    /// A mail of a program that knows nothing of this one, with more members.
    fn foreign(more: &str) -> String {
        format!(
            r#"{{"personalizations":[{{"to":[{{"email":"ada@example.com","name":"Ada"}}]}}],
            "from":{{"email":"a7@example.com"}},"categories":["a"]{more}}}"#
        )
    }

    fn read(json: &str) -> PostedMail {
        PostedMail::from_json(json.as_bytes()).expect("SendGrid takes it")
    }

    #[test]
    fn a_foreign_mail_is_an_event_of_its_own_and_the_same_bytes_are_the_same_one() {
        let text =
            r#","subject":"event","content":[{"type":"text/plain","value":"17"}]"#.to_owned();
        let mail = read(&foreign(&text));
        assert_eq!(mail, read(&foreign(&text)));
        assert_eq!(mail.attempt, None);
        assert_ne!(mail, read(&foreign(&text.replace("17", "18"))));
    }

    #[test]
    fn custom_arguments_name_the_event_in_either_place() {
        let named = |id: &str| {
            let more = format!(r#","template_id":"d-1","custom_args":{{"event_id":"{id}"}}"#);
            read(&foreign(&more)).event_id
        };
        let uuid = "550e8400-e29b-41d4-a716-446655440000";
        assert_eq!(named(uuid).to_string(), uuid);
        assert_eq!(named("order-17"), named("order-17"));
        assert_ne!(named("order-17"), named("order-18"));
        let within = foreign(r#","template_id":"d-1""#).replace(
            r#""to":"#,
            &format!(r#""custom_args":{{"event_id":"{uuid}"}},"to":"#),
        );
        assert_eq!(read(&within).event_id.to_string(), uuid);
    }

    #[test]
    fn a_mail_without_subject_or_content_names_the_field() {
        let field = |more| {
            let refused = PostedMail::from_json(foreign(more).as_bytes());
            refused.expect_err("SendGrid refuses it").field
        };
        assert_eq!(field(""), Some("subject"));
        assert_eq!(field(r#","subject":"event""#), Some("content"));
    }

    #[test]
    fn a_mail_without_a_recipient_names_the_field() {
        let json = Mail {
            event_id: Uuid::nil(),
            attempt: 1,
        }
        .to_json()
        .replace(r#"{"email":"ops@example.com"}"#, "");
        let error = PostedMail::from_json(json.as_bytes()).expect_err("no recipient");
        assert_eq!(error.field, Some("personalizations"));
    }
}
