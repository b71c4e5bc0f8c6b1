//! A flag of ours whose value has the form that it has in another tool.

use clap::Arg;

use super::command_flags::CommandFlags;
use super::table::TIME;
use super::usage_error::UsageError;
use super::value;

/// Refuses a value that would mean something else here.
///
/// # Errors
/// What the value means elsewhere, and what to type.
pub(super) fn check(
    flags: &CommandFlags<'_>,
    own: &Arg,
    flag: &str,
    value: Option<&str>,
) -> Result<(), UsageError> {
    let refused = match value {
        _ if !flags.sends => None,
        Some(value) => OwnValue { flags, flag, value }.refused(own.get_id().as_str()),
        None => without_rate(own, flag),
    };
    refused.map_or(Ok(()), Err)
}

fn without_rate(own: &Arg, flag: &str) -> Option<UsageError> {
    (flag == "-q" && own.get_id() == "rate").then(|| {
        UsageError::new(
            "-q (ab, bombardier, curl: quiet) needs a rate here",
            "use --quiet for less output, or -q RATE, such as -q 50",
        )
    })
}

/// A flag as it was typed, with its value.
struct OwnValue<'a> {
    flags: &'a CommandFlags<'a>,
    flag: &'a str,
    value: &'a str,
}

impl OwnValue<'_> {
    fn refused(&self, id: &str) -> Option<UsageError> {
        match id {
            "body" => self.body(),
            "method" => self.method(),
            "content_type" => self.content_type(),
            "output" => self.output(),
            "timeout" => self.timeout(),
            "requests" => self.count("use {} 1000 for 1000 requests"),
            "concurrency" => self
                .count("use {} 50 for 50 requests in flight; a cookie is -H 'Cookie: NAME=VALUE'"),
            "duration" => self.duration(),
            "get" => self.get(),
            "rate" => self.rate(),
            "connect_to" => self.connect_to(),
            _ => None,
        }
    }

    /// The flag with its value, unless that may be a secret.
    fn shown(&self) -> String {
        if value::may_be_secret(self.value) {
            self.flag.to_owned()
        } else {
            format!("{} {}", self.flag, self.value)
        }
    }

    fn body(&self) -> Option<UsageError> {
        let time = value::duration(self.value).filter(|_| self.flag == "-d")?;
        let hint = self.flags.hint(TIME, &time).unwrap_or_default();
        Some(UsageError::new(
            format!(
                "{} (wrk, bombardier: duration): -d is the request body here",
                self.shown()
            ),
            format!("{hint}, or --body {} to send that text", self.value),
        ))
    }

    fn method(&self) -> Option<UsageError> {
        let time = value::duration(self.value)?;
        Some(UsageError::new(
            format!(
                "{} (curl: longest time): -m is the method here",
                self.shown()
            ),
            format!("use -t {time}"),
        ))
    }

    fn content_type(&self) -> Option<UsageError> {
        let shown = self.shown();
        if value::is_upload(self.value) {
            let file = if value::may_be_secret(self.value) {
                "FILE".to_owned()
            } else {
                value::quoted(self.value)
            };
            return Some(UsageError::new(
                format!("{shown} (curl: file to upload): -T is the content type here"),
                format!("use -d @{file}"),
            ));
        }
        (!self.value.contains('/')).then(|| {
            UsageError::new(
                format!("{shown} (curl: file to upload; autocannon: title): not a content type"),
                "write a type and a subtype, such as -T application/json; a body from a file is -d @FILE",
            )
        })
    }

    fn output(&self) -> Option<UsageError> {
        (value::is_file(self.value) && !value::may_be_secret(self.value)).then(|| {
            UsageError::new(
                format!(
                    "{} (oha, vegeta, curl: file): --output is a format here",
                    self.shown()
                ),
                format!("use --report json={}", self.value),
            )
        })
    }

    fn timeout(&self) -> Option<UsageError> {
        let is_number = !self.value.is_empty() && self.value.chars().all(|c| c.is_ascii_digit());
        (self.flag == "-t" && is_number).then(|| {
            UsageError::new(
                format!(
                    "{} has no unit (wrk: threads; ab: duration; hey: timeout in seconds)",
                    self.shown()
                ),
                format!("use -t {}s for a timeout; threads need no flag", self.value),
            )
        })
    }

    fn count(&self, example: &str) -> Option<UsageError> {
        if self.value.parse::<u64>().is_ok() {
            return None;
        }
        let (flag, shown) = (self.flag, self.shown());
        match value::whole(self.value) {
            Some(number) => Some(UsageError::new(
                format!("{shown} is not written in digits"),
                format!("use {flag} {number}"),
            )),
            None if self.value.starts_with('-') => None,
            None => Some(UsageError::new(
                format!("{shown}: {flag} needs a whole number"),
                example.replace("{}", flag),
            )),
        }
    }

    fn duration(&self) -> Option<UsageError> {
        (self.flag == "-z" && value::is_date(self.value)).then(|| {
            UsageError::new(
                "-z (curl: only if it was changed since then): -z is the length of the run here",
                "use -H 'If-Modified-Since: DATE'",
            )
        })
    }

    fn get(&self) -> Option<UsageError> {
        let flag = self.flag;
        value::begins_as_url(self.value).then(|| {
            UsageError::new(
                format!("{flag} with a URL (curl: send data in the query): {flag} names an endpoint here"),
                "write the URL without a flag and put the data into its query; an endpoint is --get NAME=PATH",
            )
        })
    }

    fn rate(&self) -> Option<UsageError> {
        if self.value.contains("://") {
            return Some(UsageError::new(
                format!("{} (ab, bombardier: quiet) needs a rate here", self.flag),
                "use --quiet",
            ));
        }
        let is_per = self.value.contains('/') && !self.value.contains('=');
        let rate = value::our_rate(self.value).filter(|rate| is_per && rate != self.value)?;
        Some(UsageError::new(
            format!("{} (vegeta: rate)", self.shown()),
            format!("use -q {rate}"),
        ))
    }

    fn connect_to(&self) -> Option<UsageError> {
        let address = address_of_connect_to(self.value)?;
        Some(UsageError::new(
            format!("{} (curl, oha) names the address twice", self.shown()),
            format!("use --connect-to {address}"),
        ))
    }
}

/// The address in curl's `HOST1:PORT1:HOST2:PORT2`.
fn address_of_connect_to(value: &str) -> Option<String> {
    // A URL is refused as an address, without its password.
    if value.contains(['[', '@', '/']) {
        return None;
    }
    match value.split(':').collect::<Vec<_>>()[..] {
        [_, _, host, port] if !host.is_empty() => Some(format!("{host}:{port}")),
        _ => None,
    }
}
