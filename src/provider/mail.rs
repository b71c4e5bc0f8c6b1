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

/// The request body, as far as it is used here.
#[derive(Serialize, Deserialize)]
struct Body {
    personalizations: Vec<Personalization>,
    from: Address,
    subject: String,
    content: Vec<Content>,
    custom_args: CustomArgs,
}

#[derive(Serialize, Deserialize)]
struct Personalization {
    to: Vec<Address>,
}

#[derive(Serialize, Deserialize)]
struct Address {
    email: String,
}

#[derive(Serialize, Deserialize)]
struct Content {
    #[serde(rename = "type")]
    media_type: String,
    value: String,
}

/// SendGrid's custom arguments are strings.
#[derive(Serialize, Deserialize)]
struct CustomArgs {
    event_id: Uuid,
    attempt: String,
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
        let address = |email: &str| Address {
            email: email.to_owned(),
        };
        let body = Body {
            personalizations: vec![Personalization {
                to: vec![address("ops@example.com")],
            }],
            from: address("ingest@example.com"),
            subject: "event accepted".to_owned(),
            content: vec![Content {
                media_type: "text/plain".to_owned(),
                value: format!("event {} was accepted", self.event_id),
            }],
            custom_args: CustomArgs {
                event_id: self.event_id,
                attempt: self.attempt.to_string(),
            },
        };
        serde_json::to_string(&body).expect("strings and a UUID are always JSON")
    }

    /// Reads what was posted.
    pub fn from_json(json: &[u8]) -> Result<Mail, MalformedMail> {
        let malformed = |field, message: &str| MalformedMail {
            field,
            message: message.to_owned(),
        };
        let body: Body = serde_json::from_slice(json)
            .map_err(|error| malformed(None, &format!("bad request: {error}")))?;
        if !body
            .personalizations
            .iter()
            .any(|personalization| !personalization.to.is_empty())
        {
            return Err(malformed(
                Some("personalizations"),
                "the personalizations field needs a recipient",
            ));
        }
        if body.content.is_empty() {
            return Err(malformed(
                Some("content"),
                "the content parameter is required",
            ));
        }
        let attempt = body.custom_args.attempt.parse();
        let attempt = attempt
            .map_err(|_| malformed(Some("custom_args.attempt"), "the attempt is not a number"))?;
        Ok(Mail {
            event_id: body.custom_args.event_id,
            attempt,
        })
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::Mail;

    #[test]
    fn what_is_posted_is_what_is_read() {
        let mail = Mail {
            event_id: Uuid::from_u128(17),
            attempt: 3,
        };
        assert_eq!(Mail::from_json(mail.to_json().as_bytes()), Ok(mail));
    }

    #[test]
    fn a_mail_without_a_recipient_names_the_field() {
        let json = Mail {
            event_id: Uuid::nil(),
            attempt: 1,
        }
        .to_json()
        .replace(r#"{"email":"ops@example.com"}"#, "");
        let error = Mail::from_json(json.as_bytes()).expect_err("nobody to send it to");
        assert_eq!(error.field, Some("personalizations"));
    }
}
