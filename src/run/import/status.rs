//! Columns that show whether a request ended ok.

use super::title::listed;

/// How the values of a column show success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A status or a result in words: `status`, `responseCode`, `result`.
    Code,
    /// A code of gRPC, whose 0 is OK.
    Grpc,
    /// The code of a process, whose 0 is success.
    Exit,
    /// True is success: `success`, `ok`.
    Positive,
    /// Anything that is set is a failure: `error`, `timeout`.
    Negative,
    /// A number other than 0 is a failure: `error_code`, `errors`.
    ErrorCode,
    /// The user has named the column: a status, or true for success.
    Named,
}

/// The meaning of one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Ok,
    /// An HTTP status from 300 to 399, a failure as it is not the expected 2xx.
    Redirect,
    Failed,
    /// Nothing, or 0: no answer, if other values of the column are statuses.
    NoAnswer,
    Unknown,
}

const POSITIVE: &str = "success successful successfully succeeded succeed succ ok okay pass passed passes valid healthy \
    alive up reachable available answered responded completed complete done finished delivered \
    accepted good works working expected correct acked";
const NEGATIVE: &str = "error errors err errs errored errno errormessage errorcode errmsg failed fail fails failure \
    failures failing timeout timeouts timedout exception exceptions fault faults aborted cancelled \
    canceled dropped rejected refused lost crashed killed broken invalid unsuccessful unhealthy \
    unreachable unavailable incomplete ko nok bad down missed expired throttled";
const CODES: &str = "status code rc statuscode httpstatus httpcode responsecode respcode result results outcome \
    state verdict resultcode httpstatuscode responsestatus statustext statusline returncode \
    disposition";
/// Words next to `status` or `response` that mark a text. The status itself is more precise.
const TEXTS: &str = "message text reason phrase description headers";
const NEGATIONS: &str = "not non un without";
/// Words before `no` that leave it a negation: `has_no_error`.
const AUXILIARIES: &str = "is was has had with";
/// What `error` is followed by where its value is a code: `error_no`.
const CODED: &str = "no nr num number code id";

impl Meaning {
    /// Whether a title says that its values are failures.
    pub(super) fn tells_failure(words: &[&str]) -> bool {
        words
            .iter()
            .any(|word| listed(NEGATIVE, word) || is_error_word(word))
            || words
                .windows(2)
                .any(|two| matches!(two, ["timed", "out"] | ["time", "out"]))
    }

    /// The kind of success value that the words of a title announce, if any.
    pub(super) fn of_title(words: &[&str]) -> Option<Meaning> {
        let has = |list: &str| words.iter().any(|word| listed(list, word));
        let is_code = has(CODES) || words == ["http"];
        let negated = has(NEGATIONS) || words.last() == Some(&"free") || starts_with_no(words);
        if has("grpc") && is_code {
            return Some(Meaning::Grpc);
        }
        if has("exit exitcode returncode") || words == ["return", "code"] {
            return Some(Meaning::Exit);
        }
        if Meaning::tells_failure(words) {
            let coded = is_code
                || has("errno errors errs errorcode failures timeouts exceptions count")
                || words
                    .iter()
                    .any(|w| w.starts_with("err") && w.ends_with("code"))
                || words
                    .windows(2)
                    .any(|two| is_error_word(two[0]) && listed(CODED, two[1]));
            return Some(match (negated, coded) {
                (true, _) => Meaning::Positive,
                (false, true) => Meaning::ErrorCode,
                (false, false) => Meaning::Negative,
            });
        }
        if is_code {
            return Some(Meaning::Code);
        }
        // `completed_at` is an instant.
        if has(POSITIVE) && !has("at time") {
            return Some(match negated {
                true => Meaning::Negative,
                false => Meaning::Positive,
            });
        }
        None
    }

    /// Whether a title says that its values are errors, and nothing else.
    pub(super) fn is_error(words: &[&str]) -> bool {
        words.iter().any(|word| is_error_word(word))
    }

    /// Whether every word of a title belongs to a status or a result.
    pub(super) fn is_plain(words: &[&str]) -> bool {
        const BESIDE: &str = "http https grpc request req response resp is was has exit return server sc elb final api \
            test call client final ended end";
        let known = |word: &&str| {
            [POSITIVE, NEGATIVE, CODES, BESIDE, NEGATIONS]
                .iter()
                .any(|list| listed(list, word))
                || *word == "no"
        };
        !words.is_empty() && words.iter().all(known)
    }

    /// Whether a title is a remark about the outcome.
    pub(super) fn is_remark(words: &[&str]) -> bool {
        words
            .iter()
            .any(|word| listed(TEXTS, word) || listed("msg detail details cause statustext", word))
    }

    /// Whether a title is a status in words, which another column may hold as a number.
    pub(super) fn is_text(words: &[&str]) -> bool {
        words
            .iter()
            .any(|word| listed(TEXTS, word) || *word == "statustext")
            && !Meaning::tells_failure(words)
    }

    /// The meaning of a value.
    pub(super) fn read(self, text: &str) -> Told {
        let number = integer(text);
        match self {
            Meaning::Code | Meaning::Grpc | Meaning::Exit => code(self, text, number),
            Meaning::Positive | Meaning::Named => positive(self, text, number),
            Meaning::Negative | Meaning::ErrorCode => negative(self, text, number),
        }
    }
}

/// `error`, `errcode`, `failures`, `exceptionClass`.
fn is_error_word(word: &str) -> bool {
    const STARTS: [&str; 4] = ["err", "fail", "exception", "timeout"];
    STARTS.iter().any(|start| word.starts_with(start))
}

/// `no_error`, `has_no_error`; in `error_no` it is a number.
fn starts_with_no(words: &[&str]) -> bool {
    let mut words = words.iter().skip_while(|word| listed(AUXILIARIES, word));
    words.next() == Some(&"no") && words.next().is_some()
}

fn code(meaning: Meaning, text: &str, number: Option<i64>) -> Told {
    match (meaning, number) {
        (Meaning::Grpc | Meaning::Exit, Some(0)) => return Told::Ok,
        (Meaning::Grpc, Some(1..=16)) | (Meaning::Exit, Some(1..=99)) => return Told::Failed,
        (_, Some(-1 | 0)) => return Told::NoAnswer,
        _ => {}
    }
    if is_nothing(text) {
        return Told::NoAnswer;
    }
    match http_status(text) {
        Some(status) => of_http(status),
        None if number.is_some() => Told::Unknown,
        None => word(text),
    }
}

fn positive(meaning: Meaning, text: &str, number: Option<i64>) -> Told {
    match number {
        Some(1) => return Told::Ok,
        Some(0) => return Told::Failed,
        _ => {}
    }
    if is_nothing(text) {
        return match meaning {
            Meaning::Named => Told::NoAnswer,
            _ => Told::Unknown,
        };
    }
    match truth(text) {
        Some(true) => Told::Ok,
        Some(false) => Told::Failed,
        None => match http_status(text) {
            Some(status) => of_http(status),
            None if number.is_some() => Told::Unknown,
            None => word(text),
        },
    }
}

fn negative(meaning: Meaning, text: &str, number: Option<i64>) -> Told {
    match (number, meaning) {
        (Some(0), _) => return Told::Ok,
        (Some(1 | 400..=599), _) => return Told::Failed,
        // A status below 400 under `error`, or a limit under `timeout`, is ambiguous.
        (Some(200..=399), _) | (Some(_), Meaning::Negative) => return Told::Unknown,
        (Some(_), _) => return Told::Failed,
        (None, _) if super::numbers::is_number(text) && !text.eq_ignore_ascii_case("nan") => {
            return Told::Unknown;
        }
        (None, _) => {}
    }
    let squashed = squash(text);
    let clear = [
        "",
        "ok",
        "noerror",
        "noerrors",
        "success",
        "passed",
        "pass",
        "undefined",
        "false",
        "no",
        "n",
        "f",
    ];
    match is_nothing(text) || clear.contains(&squashed.as_str()) {
        true => Told::Ok,
        false => Told::Failed,
    }
}

/// An integer, also as data frames write it: `200.0`.
fn integer(text: &str) -> Option<i64> {
    let whole = text.strip_suffix(".0").unwrap_or(text);
    whole.parse().ok()
}

fn is_nothing(text: &str) -> bool {
    let squashed = squash(text);
    matches!(
        squashed.as_str(),
        "" | "none" | "null" | "nil" | "nan" | "na"
    )
}

fn truth(text: &str) -> Option<bool> {
    match squash(text).as_str() {
        "true" | "t" | "yes" | "y" => Some(true),
        "false" | "f" | "no" | "n" => Some(false),
        _ => None,
    }
}

/// Letters and digits in lower case.
fn squash(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// `200`, `HTTP 503`, `HTTP/1.1 200 OK`, `200 (OK)`, `5xx`.
fn http_status(text: &str) -> Option<i64> {
    if let Some(number) = integer(text) {
        return (100..=599).contains(&number).then_some(number);
    }
    let text = text.trim_matches(['\'', '"', '(', ')', '[', ']', '<', '>']);
    let mut tokens = text.split(|c: char| !(c.is_alphanumeric() || c == '/' || c == '.'));
    let status = |token: &str| {
        let lower = token.to_lowercase();
        let digits = lower
            .strip_suffix("xx")
            .map(|class| format!("{class}00"))
            .unwrap_or(lower);
        let digits = digits.strip_prefix("http").unwrap_or(&digits);
        (digits.len() == 3)
            .then(|| digits.parse().ok())?
            .filter(|number| (100..=599).contains(number))
    };
    let first = tokens.next()?;
    let lead = first.to_lowercase();
    match lead.starts_with("http") || lead == "status" || lead == "code" {
        true => status(first).or_else(|| tokens.find_map(status)),
        false => status(first),
    }
}

fn of_http(status: i64) -> Told {
    match status {
        200..=299 => Told::Ok,
        300..=399 => Told::Redirect,
        _ => Told::Failed,
    }
}

/// A result in words: everyday ones, reason phrases of HTTP, codes of gRPC.
fn word(text: &str) -> Told {
    let squashed = squash(text);
    const GOOD: &str =
        "created nocontent partialcontent resetcontent fine processed succes 2xx normal";
    const FAILING: &str = "badrequest unauthorized unauthenticated paymentrequired forbidden notfound methodnotallowed \
        notacceptable requesttimeout conflict gone toomanyrequests internalservererror internal \
        notimplemented unimplemented badgateway serviceunavailable gatewaytimeout deadlineexceeded \
        resourceexhausted permissiondenied alreadyexists failedprecondition outofrange dataloss \
        invalidargument notok abort reset noanswer noresponse denied";
    const STARTS: &str =
        "error err fail timeout timedout exception nonhttp econn etimedout abort reject";
    const CONTAINED: &str = "exception refused timeout timedout unreachable connectionreset error";
    let word = squashed.as_str();
    if listed(POSITIVE, word) || listed(GOOD, word) {
        return Told::Ok;
    }
    let failing = listed(NEGATIVE, word)
        || listed(FAILING, word)
        || STARTS.split(' ').any(|start| word.starts_with(start))
        || CONTAINED.split(' ').any(|part| word.contains(part));
    match failing {
        true => Told::Failed,
        false => Told::Unknown,
    }
}

/// Whether a text is a word for a failure.
pub(super) fn is_failing_word(text: &str) -> bool {
    integer(text).is_none() && guess(text) == (Guess::Word { fails: true })
}

/// Whether a text stands for a missing value.
pub(super) fn is_missing(text: &str) -> bool {
    is_nothing(text)
}

/// The possible meaning for success of a value whose column title is uninformative.
pub(super) fn guess(text: &str) -> Guess {
    // `/errors/7` is an address.
    if text.starts_with('/') || text.contains("://") {
        return Guess::Nothing;
    }
    if let Some(number) = integer(text) {
        let known = matches!(
            number,
            200..=208 | 301..=304 | 307 | 308 | 400..=431 | 451 | 499..=511 | 520..=530
        );
        return match known {
            true => Guess::Status {
                fails: number >= 300,
            },
            false => Guess::Nothing,
        };
    }
    if truth(text).is_some() && text.len() > 1 {
        return Guess::Truth;
    }
    if let Some(status) = http_status(text) {
        return Guess::Word {
            fails: status >= 300,
        };
    }
    match word(text) {
        Told::Ok => Guess::Word { fails: false },
        Told::Failed => Guess::Word { fails: true },
        _ => Guess::Nothing,
    }
}

/// See [`guess`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guess {
    /// A number that is an HTTP status.
    Status {
        fails: bool,
    },
    /// A word for success or failure.
    Word {
        fails: bool,
    },
    /// True or false, where the title does not show which one means success.
    Truth,
    Nothing,
}

#[cfg(test)]
mod tests {
    use super::{Meaning, Told};

    #[test]
    fn every_common_value_is_understood() {
        use Meaning::{Code, ErrorCode, Exit, Grpc, Named, Negative, Positive};
        for (meaning, told, texts) in [
            (
                Code,
                Told::Ok,
                &[
                    "200",
                    "204",
                    "200.0",
                    "HTTP 200",
                    "HTTP/1.1 200 OK",
                    "200 OK",
                    "'200'",
                    "2xx",
                    "OK",
                    "pass",
                    "Success",
                    "Created",
                    "http200",
                ][..],
            ),
            (Code, Told::Redirect, &["301", "304", "302 Found"]),
            (
                Code,
                Told::Failed,
                &[
                    "404",
                    "503",
                    "500.0",
                    "HTTP 503",
                    "HTTP/2 503",
                    "503 Service Unavailable",
                    "5xx",
                    "KO",
                    "fail",
                    "err",
                    "Timeout",
                    "Non HTTP response code: java.net.SocketException",
                    "Unavailable",
                    "DEADLINE_EXCEEDED",
                    "ERR_CONNECTION_RESET",
                    "connection refused",
                    "199",
                ],
            ),
            (
                Code,
                Told::NoAnswer,
                &["0", "000", "", "-", "null", "NaN", "-1", "n/a"],
            ),
            (
                Code,
                Told::Unknown,
                &["A", "1", "14", "777", "true", "12.5", "Unknown"],
            ),
            (Grpc, Told::Ok, &["0", "OK"]),
            (Grpc, Told::Failed, &["14", "4", "Unavailable"]),
            (Exit, Told::Ok, &["0"]),
            (Exit, Told::Failed, &["1", "28"]),
            (
                Positive,
                Told::Ok,
                &["true", "TRUE", "1", "1.0", "yes", "Y", "ok", "200"],
            ),
            (
                Positive,
                Told::Failed,
                &["false", "0", "no", "KO", "failed", "503"],
            ),
            (Positive, Told::Unknown, &["", "7", "maybe"]),
            (
                Negative,
                Told::Ok,
                &[
                    "", "0", "false", "no", "none", "-", "null", "OK", "NaN", "<nil>",
                ],
            ),
            (
                Negative,
                Told::Failed,
                &[
                    "1",
                    "true",
                    "timeout",
                    "connection refused",
                    "yes",
                    "503",
                    "EOF",
                ],
            ),
            (Negative, Told::Unknown, &["200", "30", "5000", "0.25"]),
            (ErrorCode, Told::Ok, &["0", ""]),
            (
                ErrorCode,
                Told::Failed,
                &["1", "28", "1050", "503", "ECONNRESET"],
            ),
            (ErrorCode, Told::Unknown, &["200"]),
            (Named, Told::Ok, &["1", "true", "200", "ok"]),
            (Named, Told::Failed, &["0", "false", "500", "ko"]),
        ] {
            for text in texts {
                assert_eq!(meaning.read(text), told, "{meaning:?} {text:?}");
            }
        }
    }
}
