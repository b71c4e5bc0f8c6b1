//! The sentences under the title of latency over time: facts that the numbers bear out, and nothing else.

use super::chapter::{Chapter, ChartedRun, RunRole};
use super::course::{BucketLevel, Course};
use super::number;
use super::slow_requests::SlowRequest;
use crate::report::endpoint_report::EndpointReport;
use crate::report::figures::thousands;
use crate::units::plural;

/// What the panel says above its chart, or instead of it.
pub(super) fn sentence(chapter: &Chapter<'_>) -> String {
    let Some(course) = chapter.runs.iter().find_map(|run| run.course.as_ref()) else {
        return absent(chapter);
    };
    let mut sentences = Vec::new();
    match chapter.runs.as_slice() {
        [only] => {
            sentences.extend(against_limit(chapter, only));
            let slow = SlowRequest::answered(only.endpoint);
            if let Some(slowest) = slow.first() {
                sentences.push(format!("Slowest answer {}.", slowest.words()));
            }
            sentences.push(dots(course, &slow));
        }
        _ => {
            let unit = bucket_unit(course);
            sentences.push(format!("The runs are aligned at their start, in {unit}."));
            for run in &chapter.runs {
                sentences.extend(against_limit(chapter, run));
            }
        }
    }
    if !course.has_p99 {
        let unit = bucket_unit(course);
        sentences.push(format!(
            "P99 is not drawn: it needs 100 requests a bucket, and {unit} have fewer."
        ));
    }
    sentences.join(" ")
}

/// What the chart shows, for those who do not see it.
pub(super) fn description(chapter: &Chapter<'_>) -> String {
    let limit = match chapter.shown_limit() {
        Some(limit) => format!(
            ", limit {}",
            number::limit(std::time::Duration::from_nanos(limit.ns as u64))
        ),
        None => String::new(),
    };
    format!(
        "Percentiles over time on a log axis{limit}. {}",
        sentence(chapter)
    )
}

/// Why there is no chart over time.
pub(super) fn absent(chapter: &Chapter<'_>) -> String {
    let run = chapter.judged();
    let planned = run.endpoint.summary.planned();
    if run.endpoint.distribution.seconds.is_empty() {
        return "Not drawn: the file does not say when its requests were sent.".to_owned();
    }
    if run.length_s < 1.0 {
        return format!(
            "Not drawn: {} of data; a chart over time needs 1 s.",
            number::latency(std::time::Duration::from_secs_f64(run.length_s))
        );
    }
    format!(
        "Not drawn: {} {} in {}; a chart over time needs 5 buckets of 20 requests.",
        thousands(planned),
        plural(planned, "request"),
        number::seconds(run.length_s)
    )
}

/// `seconds`, `buckets of 2 s`.
pub(super) fn bucket_unit(course: &Course) -> String {
    if (course.width_s - 1.0).abs() < 1e-9 {
        "seconds".to_owned()
    } else {
        format!("buckets of {}", number::seconds(course.width_s))
    }
}

/// `P95 above the limit in 116 of 120 seconds.`
fn against_limit(chapter: &Chapter<'_>, run: &ChartedRun<'_>) -> Option<String> {
    let limit = chapter.shown_limit()?;
    let course = run.course.as_ref()?;
    let filled = course
        .buckets
        .iter()
        .filter(|b| b.p95 != BucketLevel::Empty);
    let is_above = |level: BucketLevel| match level {
        BucketLevel::Ns(ns) => ns as f64 > limit.ns,
        BucketLevel::Failed => true,
        BucketLevel::Empty => false,
    };
    let all = filled.clone().count() as u64;
    let above = filled.filter(|b| is_above(b.p95)).count() as u64;
    let unit = bucket_unit(course);
    let role = match run.role {
        RunRole::Only => String::new(),
        role => format!("{}: ", capital(role.suffix().trim_start())),
    };
    Some(match above {
        0 => format!(
            "{role}P95 within the limit in all {} {unit}.",
            thousands(all)
        ),
        above => format!(
            "{role}P95 above the limit in {} of {} {unit}.",
            thousands(above),
            thousands(all)
        ),
    })
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}

/// `Small dots: the slowest of each second. Circles: the ten slowest answers.`
fn dots(course: &Course, slow: &[SlowRequest<'_>]) -> String {
    let each = if (course.width_s - 1.0).abs() < 1e-9 {
        "each second".to_owned()
    } else {
        format!("each {}", number::seconds(course.width_s))
    };
    let circles = match slow.len() {
        0 => String::new(),
        1 => " Circle: the slowest answer.".to_owned(),
        n => format!(" Circles: the {n} slowest answers."),
    };
    format!("Small dots: the slowest request of {each}.{circles}")
}

/// `12 timeouts, > 10 s`, `21 failed`.
pub(super) fn failures(endpoint: &EndpointReport) -> String {
    let counts = &endpoint.summary.counts;
    let failed = counts.failed_total();
    let timeouts = endpoint
        .course
        .timeout
        .filter(|_| counts.timeout > 0)
        .map(|timeout| {
            format!(
                "{} {}, >\u{a0}{}",
                thousands(counts.timeout),
                plural(counts.timeout, "timeout"),
                number::limit(timeout)
            )
        });
    let failed = (failed > 0).then(|| format!("{} failed", thousands(failed)));
    let parts: Vec<String> = timeouts.into_iter().chain(failed).collect();
    parts.join(" · ")
}
