//! What the demo says: the verdicts on the change and on the accepted events, its four parts, the price.

use std::time::Duration;

use super::change::of_ratio;
use super::headline::{Headline, of_verdict, open, open_reason, rank};
use crate::judge::comparison::Comparison;
use crate::judge::gate::{Condition, Finding};
use crate::report::comparison::scale;
use crate::report::demo_report::DemoReport;
use crate::report::figures::{LatencyScale, thousands};
use crate::run::completion::Completion;
use crate::stats::rank::Quantile;
use crate::units::Pretty;
use crate::verdict::Verdict;

/// The endpoint that the demo is about.
pub(in crate::report) const SUBJECT: &str = "ingest";

pub(in crate::report) const BEFORE: &str =
    "1  before: the mail provider is called inside the request";
pub(in crate::report) const AFTER: &str =
    "2  after: 202 after a durable commit, the mail is sent later";
pub(in crate::report) const CHANGE: &str = "change";

/// The verdict on the change and the one on the accepted events, the worse first.
pub(in crate::report) fn demo_headlines(demo: &DemoReport) -> Vec<Headline> {
    let line = |verdict: Verdict, parts| Headline {
        verdict: Some(verdict),
        word: verdict.as_str().to_owned(),
        endpoint: SUBJECT.to_owned(),
        parts,
    };
    let (verdict, decisive) = of_verdict(&demo.comparison, SUBJECT);
    let comparison = demo.comparison.comparisons();
    let comparison = comparison.iter().find(|c| c.endpoint == SUBJECT);
    let mut lines = Vec::new();
    if let (Some(verdict), Some(comparison)) = (verdict, comparison) {
        let mut parts: Vec<String> = decisive.iter().map(|f| of_gate(f, comparison)).collect();
        // Behind another gate on the same percentile, its name has been said.
        if let ([only], Some(part)) = (decisive.as_slice(), parts.first_mut())
            && let Condition::Reduction { quantile, .. } = only.gate.condition
        {
            *part = format!("{quantile} {part}");
        }
        lines.push(line(verdict, parts));
    }
    let (verdict, parts) = of_events(&demo.completion);
    lines.push(line(verdict, parts));
    lines.sort_by_key(|line| rank(line.verdict));
    lines
}

/// `P95 3.14 ms ≤ 100 ms`, `103× faster (gate: reduction ≥ 70%)`.
fn of_gate(finding: &Finding, comparison: &Comparison) -> String {
    let Condition::Reduction { quantile, at_least } = finding.gate.condition else {
        return open(finding, scale(comparison));
    };
    let mut changes = comparison.changes.iter();
    let change = changes.find(|change| change.quantile == quantile);
    let compared = change.filter(|change| change.ratio_interval().is_some());
    let found = compared.and_then(|change| Some(of_ratio(change.ratio()?)));
    let found = found.unwrap_or_else(|| "cannot be compared".to_owned());
    let reason = match finding.verdict {
        Verdict::Inconclusive => format!(": {}", open_reason(finding)),
        Verdict::Pass | Verdict::Fail | Verdict::NotJudged => String::new(),
    };
    format!("{found} (gate: reduction ≥ {at_least}){reason}")
}

/// `600 of 600 accepted events processed, none lost or duplicated`.
fn of_events(completion: &Completion) -> (Verdict, Vec<String>) {
    let processed = format!(
        "{} of {} accepted events processed",
        thousands(completion.processed),
        thousands(completion.accepted())
    );
    if completion.is_exactly_once() {
        let words = format!("{processed}, none lost or duplicated");
        return (Verdict::Pass, vec![words]);
    }
    let counts = [
        (completion.lost, "lost"),
        (completion.duplicated(), "duplicated"),
        (completion.dead, "dead"),
        (completion.pending, "pending"),
        (
            completion.unexpected.map_or(0, |them| them.at_most),
            "unexpected",
        ),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let counts = counts.map(|(count, what)| format!("{} {what}", thousands(count)));
    let parts = std::iter::once(processed).chain(counts).collect();
    (Verdict::Fail, parts)
}

/// `a7probe demo`, `simulated provider, this machine, 71 s`.
pub(in crate::report) fn demo_facts(demo: &DemoReport) -> Vec<String> {
    let seconds = Duration::from_secs(demo.took.as_secs().max(1));
    vec![
        "a7probe demo".to_owned(),
        format!("simulated provider, this machine, {}", Pretty(seconds)),
    ]
}

/// `4  price: a mail leaves 165 ms (P50) to 602 ms (slowest) after the 202`.
pub(in crate::report) fn price(completion: &Completion) -> String {
    let times = completion
        .done_after(Quantile::P50)
        .zip(completion.longest());
    let Some((median, longest)) = times else {
        return "4  price: unknown, no event was processed in time".to_owned();
    };
    let scale = LatencyScale::of([median, longest]);
    format!(
        "4  price: a mail leaves {} (P50) to {} (slowest) after the 202",
        scale.latency(median),
        scale.latency(longest)
    )
}
