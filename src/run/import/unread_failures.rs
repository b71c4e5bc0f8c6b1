//! Whether a column may tell that requests failed, by its title and its values together.

use super::column::Column;
use super::column_title::{ColumnRole, is_known};
use super::status_meaning::{StatusMeaning, StatusReading, is_failing_word};
use super::word_list::listed;

/// Titles of names and addresses that cannot be outcomes.
const ADDRESSES: &str = "url uri path host hostname endpoint route useragent agent browser device city country region \
    zone ip address referer method verb proto protocol threadname";
const METHODS: &str = "get post put patch delete head options connect trace";
/// Flags of a request that ended ok as well as of one that failed.
const FLAGS: &str = "cached cache hit reused keepalive tls https warmup cold secure compressed gzip sampled new \
    retried proxied chunked encrypted is was from connection";

impl Column {
    /// Whether title and values show that the column is not about success.
    pub(super) fn is_about_something_else(&self) -> bool {
        let profile = &self.profile;
        if profile.filled == 0 {
            return true;
        }
        let title = self.words();
        if self.is_harmless_flag(&title) {
            return !profile.has_failing_words() && !profile.has_failing_codes();
        }
        if self.unit.is_some() && profile.is_all_numbers() {
            return !profile.has_failing_codes();
        }
        // Every row of it is read.
        if matches!(
            self.role,
            ColumnRole::FailureTotal | ColumnRole::SuccessTotal
        ) && profile.is_all_numbers()
        {
            return true;
        }
        let is_time = self.role == ColumnRole::Time && profile.is_all_numbers();
        if is_time && !profile.has_failing_codes() && is_known(&title) {
            return true;
        }
        if profile.may_tell_failure() || profile.has_failing_words() {
            return false;
        }
        let many = profile.has_many_values() && !profile.is_partial();
        match self.role {
            ColumnRole::Label if is_known(&title) => {
                title.iter().any(|word| listed(ADDRESSES, word))
                    || many
                    || profile.is_constant()
                    || profile.all(is_address)
            }
            ColumnRole::Stamp | ColumnRole::Counter if is_known(&title) => {
                profile.is_all_numbers() || many || profile.all(has_digit)
            }
            // Figures of many requests, which refuse the file for themselves.
            ColumnRole::Statistic | ColumnRole::Rate | ColumnRole::Rank | ColumnRole::Bucket => {
                profile.is_all_numbers()
            }
            ColumnRole::Latency
            | ColumnRole::Time
            | ColumnRole::Part
            | ColumnRole::Size
            | ColumnRole::Count
            | ColumnRole::Requests
                if is_known(&title) =>
            {
                profile.is_all_numbers()
            }
            ColumnRole::Status(_) => false,
            _ if profile.is_all_numbers() => {
                !profile.integers
                    || profile.counting && profile.filled > 1
                    || profile.rises() && !profile.repeats()
                    || profile.has_many_values() && !profile.may_be_codes()
            }
            _ => many || profile.all(is_instant),
        }
    }

    /// Whether a value of a row that ended ok says that it failed.
    pub(super) fn contradicts(&self, text: &str) -> bool {
        let profile = &self.profile;
        if text.is_empty() || profile.is_all_numbers() && !profile.mixes_codes() {
            return false;
        }
        let title = self.words();
        let named = self.role == ColumnRole::Label && title.iter().any(|w| listed(ADDRESSES, w));
        if named || profile.is_all_numbers() && is_known(&title) {
            return false;
        }
        let remark = StatusMeaning::is_remark(&title)
            && profile.is_partial()
            && StatusMeaning::Code.read(text) == StatusReading::Unknown;
        remark
            || is_failing_word(text)
            || profile.mixes_codes() && StatusMeaning::Code.read(text) == StatusReading::Failed
    }

    /// Whether [`Column::contradicts`] can be true of any value.
    pub(super) fn may_contradict(&self) -> bool {
        let profile = &self.profile;
        profile.has_failing_words() || profile.mixes_codes() || profile.is_partial()
    }

    /// Whether true and false are known to mean something other than success.
    fn is_harmless_flag(&self, title: &[&str]) -> bool {
        !title.is_empty() && title.iter().all(|word| listed(FLAGS, word))
    }
}

/// `/a`, `https://a`, `GET`, `GET /a`.
fn is_address(text: &str) -> bool {
    let first = text.split(' ').next().unwrap_or("").to_lowercase();
    text.starts_with('/') || text.contains("://") || listed(METHODS, &first)
}

fn has_digit(text: &str) -> bool {
    text.contains(|c: char| c.is_ascii_digit())
}

/// A date, a time of day, an address.
fn is_instant(text: &str) -> bool {
    let marks = text.chars().filter(|c| matches!(c, '-' | ':' | '/' | '.'));
    let digits = text.chars().filter(char::is_ascii_digit);
    marks.count() >= 2 && digits.count() >= 4 || is_address(text)
}
