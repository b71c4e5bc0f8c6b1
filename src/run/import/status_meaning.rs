//! Columns that show whether a request ended ok.

use super::word_list::listed;

/// How the values of a column show success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StatusMeaning {
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
pub(super) enum StatusReading {
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

impl StatusMeaning {
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
    pub(super) fn of_title(words: &[&str]) -> Option<StatusMeaning> {
        let has = |list: &str| words.iter().any(|word| listed(list, word));
        let is_code = has(CODES) || words == ["http"];
        let negated = has(NEGATIONS) || words.last() == Some(&"free") || starts_with_no(words);
        if has("grpc") && is_code {
            return Some(StatusMeaning::Grpc);
        }
        if has("exit exitcode returncode") || words == ["return", "code"] {
            return Some(StatusMeaning::Exit);
        }
        if StatusMeaning::tells_failure(words) {
            let coded = is_code
                || has("errno errors errs errorcode failures timeouts exceptions count")
                || words
                    .iter()
                    .any(|w| w.starts_with("err") && w.ends_with("code"))
                || words
                    .windows(2)
                    .any(|two| is_error_word(two[0]) && listed(CODED, two[1]));
            return Some(if negated {
                StatusMeaning::Positive
            } else if coded {
                StatusMeaning::ErrorCode
            } else {
                StatusMeaning::Negative
            });
        }
        if is_code {
            return Some(StatusMeaning::Code);
        }
        // `completed_at` is an instant.
        if has(POSITIVE) && !has("at time") {
            return Some(if negated {
                StatusMeaning::Negative
            } else {
                StatusMeaning::Positive
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
            && !StatusMeaning::tells_failure(words)
    }

    /// The meaning of a value.
    pub(super) fn read(self, text: &str) -> StatusReading {
        let number = integer(text);
        match self {
            StatusMeaning::Code | StatusMeaning::Grpc | StatusMeaning::Exit => {
                code(self, text, number)
            }
            StatusMeaning::Positive | StatusMeaning::Named => positive(self, text, number),
            StatusMeaning::Negative | StatusMeaning::ErrorCode => negative(self, text, number),
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

fn code(meaning: StatusMeaning, text: &str, number: Option<i64>) -> StatusReading {
    match (meaning, number) {
        (StatusMeaning::Grpc | StatusMeaning::Exit, Some(0)) => return StatusReading::Ok,
        (StatusMeaning::Grpc, Some(1..=16)) | (StatusMeaning::Exit, Some(1..=99)) => {
            return StatusReading::Failed;
        }
        (_, Some(-1 | 0)) => return StatusReading::NoAnswer,
        _ => {}
    }
    if is_nothing(text) {
        return StatusReading::NoAnswer;
    }
    match http_status(text) {
        Some(status) => of_http(status),
        None if number.is_some() => StatusReading::Unknown,
        None => word(text),
    }
}

fn positive(meaning: StatusMeaning, text: &str, number: Option<i64>) -> StatusReading {
    match number {
        Some(1) => return StatusReading::Ok,
        Some(0) => return StatusReading::Failed,
        _ => {}
    }
    if is_nothing(text) {
        return match meaning {
            StatusMeaning::Named => StatusReading::NoAnswer,
            _ => StatusReading::Unknown,
        };
    }
    match truth(text) {
        Some(true) => StatusReading::Ok,
        Some(false) => StatusReading::Failed,
        None => match http_status(text) {
            Some(status) => of_http(status),
            None if number.is_some() => StatusReading::Unknown,
            None => word(text),
        },
    }
}

fn negative(meaning: StatusMeaning, text: &str, number: Option<i64>) -> StatusReading {
    match (number, meaning) {
        (Some(0), _) => return StatusReading::Ok,
        (Some(1 | 400..=599), _) => return StatusReading::Failed,
        // A status below 400 under `error`, or a limit under `timeout`, is ambiguous.
        (Some(200..=399), _) | (Some(_), StatusMeaning::Negative) => return StatusReading::Unknown,
        (Some(_), _) => return StatusReading::Failed,
        (None, _) if super::numbers::is_number(text) && !text.eq_ignore_ascii_case("nan") => {
            return StatusReading::Unknown;
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
    if is_nothing(text) || clear.contains(&squashed.as_str()) {
        StatusReading::Ok
    } else {
        StatusReading::Failed
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
    if lead.starts_with("http") || lead == "status" || lead == "code" {
        status(first).or_else(|| tokens.find_map(status))
    } else {
        status(first)
    }
}

fn of_http(status: i64) -> StatusReading {
    match status {
        200..=299 => StatusReading::Ok,
        300..=399 => StatusReading::Redirect,
        _ => StatusReading::Failed,
    }
}

/// A result in words: everyday ones, reason phrases of HTTP, codes of gRPC.
fn word(text: &str) -> StatusReading {
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
        return StatusReading::Ok;
    }
    let failing = listed(NEGATIVE, word)
        || listed(FAILING, word)
        || STARTS.split(' ').any(|start| word.starts_with(start))
        || CONTAINED.split(' ').any(|part| word.contains(part));
    if failing {
        StatusReading::Failed
    } else {
        StatusReading::Unknown
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
        return if known {
            Guess::Status {
                fails: number >= 300,
            }
        } else {
            Guess::Nothing
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
        StatusReading::Ok => Guess::Word { fails: false },
        StatusReading::Failed => Guess::Word { fails: true },
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
    use super::StatusMeaning::{Code, ErrorCode, Exit, Grpc, Named, Negative, Positive};
    use super::StatusReading as Reading;

    #[test]
    fn every_common_value_is_understood() {
        for (meaning, told, texts) in [
            (
                Code,
                Reading::Ok,
                "200, 204, 200.0, HTTP 200, HTTP/1.1 200 OK, 200 OK, '200', 2xx, OK, pass, Success, Created, http200",
            ),
            (Code, Reading::Redirect, "301, 304, 302 Found"),
            (
                Code,
                Reading::Failed,
                "404, 503, 500.0, HTTP 503, HTTP/2 503, 503 Service Unavailable, 5xx, KO, fail, err, Timeout, Non HTTP response code: java.net.SocketException, Unavailable, DEADLINE_EXCEEDED, ERR_CONNECTION_RESET, connection refused, 199",
            ),
            (Code, Reading::NoAnswer, "0, 000, , -, null, NaN, -1, n/a"),
            (Code, Reading::Unknown, "A, 1, 14, 777, true, 12.5, Unknown"),
            (Grpc, Reading::Ok, "0, OK"),
            (Grpc, Reading::Failed, "14, 4, Unavailable"),
            (Exit, Reading::Ok, "0"),
            (Exit, Reading::Failed, "1, 28"),
            (Positive, Reading::Ok, "true, TRUE, 1, 1.0, yes, Y, ok, 200"),
            (Positive, Reading::Failed, "false, 0, no, KO, failed, 503"),
            (Positive, Reading::Unknown, ", 7, maybe"),
            (
                Negative,
                Reading::Ok,
                ", 0, false, no, none, -, null, OK, NaN, <nil>",
            ),
            (
                Negative,
                Reading::Failed,
                "1, true, timeout, connection refused, yes, 503, EOF",
            ),
            (Negative, Reading::Unknown, "200, 30, 5000, 0.25"),
            (ErrorCode, Reading::Ok, "0, "),
            (ErrorCode, Reading::Failed, "1, 28, 1050, 503, ECONNRESET"),
            (ErrorCode, Reading::Unknown, "200"),
            (Named, Reading::Ok, "1, true, 200, ok"),
            (Named, Reading::Failed, "0, false, 500, ko"),
        ] {
            for text in texts.split(", ") {
                assert_eq!(meaning.read(text), told, "{meaning:?} {text:?}");
            }
        }
    }
}
