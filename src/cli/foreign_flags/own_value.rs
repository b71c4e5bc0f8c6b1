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
        Some(value) if own.get_id() == "reports" => OwnValue { flags, flag, value }.report_file(),
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
            "auth" => self.auth(),
            "data" => self.data(),
            "cookie" => self.cookie(),
            "content_type" => self.content_type(),
            "output" => self.output(),
            "timeout" => self.timeout(),
            "requests" => self.count("use {} 1000 for 1000 requests"),
            "concurrency" => {
                self.count("use {} 50 for 50 requests in flight; a cookie is -b NAME=VALUE")
            }
            "duration" => self.duration(),
            "get" => self.get(),
            "rate" => self.rate(),
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

    /// A body, as curl's `--data` has it. It may be a secret.
    fn data(&self) -> Option<UsageError> {
        let is_body = self.value.starts_with(['@', '{', '[', '"']) || self.value.contains('=');
        let is_file = self.value.starts_with('@') && !value::may_be_secret(self.value);
        is_body.then(|| {
            UsageError::new(
                "in curl --data is the body; here it is a file of rows that fill placeholders",
                if is_file {
                    format!("for a body, use -d {}", value::quoted(self.value))
                } else {
                    "for a body, use -d TEXT".to_owned()
                },
            )
        })
    }

    fn method(&self) -> Option<UsageError> {
        if value::proxy(self.value).is_some() && self.flag == "-X" {
            return Some(UsageError::new(
                "-X with a host (ab: proxy): -X is the method here",
                "use -x http://HOST:PORT",
            ));
        }
        let time = value::duration(self.value).filter(|_| self.flag == "-m")?;
        Some(UsageError::new(
            format!(
                "{} (curl: longest time): -m is the method here",
                self.shown()
            ),
            format!("use -t {time}"),
        ))
    }

    fn auth(&self) -> Option<UsageError> {
        let requests = value::number(self.value).filter(|_| self.flag == "-a")?;
        Some(UsageError::new(
            format!(
                "{} (autocannon: requests): -a is USER:PASS here",
                self.shown()
            ),
            format!("use -n {requests}"),
        ))
    }

    /// The value is not shown: a body may be a secret as well.
    fn cookie(&self) -> Option<UsageError> {
        value::cookie(self.value).is_none().then(|| {
            UsageError::new(
                format!(
                    "{} without NAME=VALUE (bombardier, autocannon: body; curl: cookie file; ab: window size)",
                    self.flag
                ),
                "use -b 'NAME=VALUE' for a cookie, -d TEXT for a body; cookies are not read from a file",
            )
        })
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
                format!("use -o {}", value::report_file(self.value)),
            )
        })
    }

    /// `-o csv` of hey, `-o -` and `-o /dev/null` of curl.
    fn report_file(&self) -> Option<UsageError> {
        let name = value::format(self.value).filter(|_| !self.value.contains(['.', '/']));
        if let Some(name) = name {
            let hint = match name.as_str() {
                "hgrm" => "use -o result.hgrm".to_owned(),
                name => format!(
                    "use --output {name} for stdout, or -o result.{}",
                    ending(name)
                ),
            };
            return Some(UsageError::new(
                format!(
                    "{} (hey, bombardier: output type): {} is a file here",
                    self.shown(),
                    self.flag
                ),
                hint,
            ));
        }
        let hint = match self.value {
            "-" => "leave it out, or choose a format with --output; the result is on stdout",
            "/dev/null" => "leave it out; answers are read and none is printed",
            _ => return None,
        };
        Some(UsageError::new(
            format!(
                "{} (curl: output file): no file for the result",
                self.shown()
            ),
            hint,
        ))
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
            // A number that is too large has an answer of its own.
            None if self.value.chars().all(|c| c.is_ascii_digit()) => None,
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
}

/// The ending of a file in this format.
fn ending(format: &str) -> &str {
    match format {
        "markdown" => "md",
        "human" => "txt",
        format => format,
    }
}
