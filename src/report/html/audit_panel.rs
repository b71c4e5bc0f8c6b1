//! The completion audit: what became of the accepted events, and when.

use super::chapter::{Chapter, ChartedRun, panel};
use super::markup::{Markup, attrs};
use super::number;
use crate::judge::gate::AuditCount;
use crate::report::audit_counts::{self, count};
use crate::report::figures::thousands;
use crate::run::completion::{Audit, Completion};
use crate::stats::rank::Quantile;

pub(super) fn write(m: &mut Markup, chapter: &Chapter<'_>, run: &ChartedRun<'_>) {
    let title = format!("Completion audit{}", run.role.suffix());
    match &run.endpoint.audit {
        None => {}
        Some(Audit::Unread { reason, .. }) => {
            let sentence = format!("Not read: {}.", reason.in_one_line());
            panel(m, &title, &sentence, |_| {});
        }
        Some(Audit::Read(completion)) => {
            panel(m, &title, &sentence(completion), |m| {
                facts(m, completion);
                super::backlog_chart::write(m, chapter, run, completion);
            });
        }
    }
}

/// `Every accepted event was processed exactly once. Accepted to done: P50 165 ms, P95 322 ms.`
fn sentence(completion: &Completion) -> String {
    let mut sentences = Vec::new();
    if completion.is_exactly_once() {
        sentences.push("Every accepted event was processed exactly once.".to_owned());
    }
    if completion.processed > 0 {
        let summary = audit_counts::summary(completion);
        let [p50, p95] = [Quantile::P50, Quantile::P95]
            .map(|quantile| number::observed(summary.percentile(quantile).value));
        let longest = completion.longest().map(number::latency);
        let longest = longest.map(|time| format!(", slowest {time}"));
        sentences.push(format!(
            "Accepted to done: P50 {p50}, P95 {p95}{}.",
            longest.unwrap_or_default()
        ));
    }
    sentences.join(" ")
}

fn facts(m: &mut Markup, completion: &Completion) {
    let known = |count: Option<u64>| count.map_or_else(|| "unknown".to_owned(), thousands);
    let mut facts = vec![
        (thousands(completion.accepted()), "accepted"),
        (thousands(completion.processed), "processed"),
        (thousands(completion.lost), "lost"),
        (thousands(completion.dead), "dead"),
        (
            known(count(completion, AuditCount::Duplicated)),
            "duplicated",
        ),
    ];
    let more = [
        (completion.pending, "pending"),
        (completion.recovered.unwrap_or(0), "recovered"),
        (
            completion.unexpected.map_or(0, |them| them.at_most),
            "unexpected",
        ),
    ];
    let more = more.into_iter().filter(|(count, _)| *count > 0);
    facts.extend(more.map(|(count, what)| (thousands(count), what)));
    m.node("ul", attrs!["class" => "facts"], |m| {
        for (number, what) in &facts {
            m.node("li", attrs![], |m| {
                m.words("b", attrs![], number);
                m.space();
                m.text(what);
            });
        }
    });
}
