//! A provider over HTTP.

use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};

use super::error::{InvalidProvider, SendError};
use super::mail::{ErrorBody, Mail};
use super::resume;
use crate::redact;
use crate::tls_roots;
use crate::trace::Trace;

/// The path of the API.
const API: [&str; 3] = ["v3", "mail", "send"];

/// Posts mail to a SendGrid-shaped server.
#[derive(Clone)]
pub(super) struct HttpProvider {
    client: Client,
    url: Url,
}

impl HttpProvider {
    /// `base` is the URL without the path of the API, which is appended to the path that it may have.
    pub(super) fn new(base: &str, key: Option<&str>) -> Result<HttpProvider, InvalidProvider> {
        let invalid = |reason: String| InvalidProvider {
            url: redact::typed_url(base),
            reason,
        };
        let mut url = Url::parse(base).map_err(|error| invalid(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            // What stands before the first colon may be a user's name, or a key.
            return Err(invalid("its scheme is not http or https".to_owned()));
        }
        url.path_segments_mut()
            .map_err(|()| invalid("it cannot have a path".to_owned()))?
            .pop_if_empty()
            .extend(API);
        let mut headers = HeaderMap::new();
        if let Some(key) = key {
            let mut value = HeaderValue::try_from(format!("Bearer {key}"))
                .map_err(|_| invalid("its key is not printable ASCII".to_owned()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let tls = tls_roots::https_client().map_err(|error| invalid(error.to_string()))?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            // The mail and its key go to the named provider only, regardless of proxy variables.
            .no_proxy()
            .default_headers(headers)
            // A redirected POST becomes a GET, whose 200 says nothing about the mail.
            .redirect(Policy::none())
            .build()
            .map_err(|error| invalid(error.to_string()))?;
        Ok(HttpProvider { client, url })
    }

    pub(super) async fn send(&self, mail: Mail, step: Option<&Trace>) -> Result<(), SendError> {
        let mut request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(mail.to_json());
        if let Some(step) = step {
            request = request.header("traceparent", step.traceparent());
            if let Some(state) = step.tracestate() {
                request = request.header("tracestate", state);
            }
        }
        let response = request.send().await.map_err(transport)?;
        if response.status().is_success() {
            return Ok(());
        }
        Err(refusal(response).await)
    }
}

/// The error of an answer without success.
async fn refusal(response: Response) -> SendError {
    let status = response.status().as_u16();
    let retry_after = resume::after(status, response.headers(), Timestamp::now());
    let reason = match redirect(&response) {
        Some(elsewhere) => elsewhere,
        None => {
            let body = beginning(response).await;
            let body: ErrorBody = serde_json::from_slice(&body).unwrap_or_default();
            body.message().unwrap_or("no reason given").to_owned()
        }
    };
    SendError::Refused {
        status,
        reason,
        retry_after,
    }
}

/// A longer answer is not read to its end.
const LONGEST_REFUSAL: usize = 64 << 10;

/// The body, up to the bound.
async fn beginning(mut response: Response) -> Vec<u8> {
    let mut body = Vec::new();
    while body.len() < LONGEST_REFUSAL
        && let Ok(Some(chunk)) = response.chunk().await
    {
        body.extend_from_slice(&chunk);
    }
    body
}

/// The message about a redirect.
fn redirect(response: &Response) -> Option<String> {
    let to = response.headers().get(LOCATION)?;
    let to = String::from_utf8_lossy(to.as_bytes());
    (response.status().is_redirection())
        .then(|| format!("it redirects to {to}, and redirects are not followed"))
}

/// Only a connection that was never made is sure not to have carried the mail.
fn transport(error: reqwest::Error) -> SendError {
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        reason = cause.to_string();
        source = cause.source();
    }
    if let Some(failure) = tls_roots::tls_failure(&error) {
        reason = failure.to_string();
    }
    if error.is_connect() {
        SendError::Unreachable(reason)
    } else {
        SendError::Broken(reason)
    }
}
