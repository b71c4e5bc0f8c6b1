//! A finding with all that is known of it, for `-v`.

use super::reason::reason;
use crate::judge::gate::Finding;
use crate::run::plan::Design;
use crate::units::{grouped, plural, trimmed};

/// `PASS health p95 <= 150ms: 3 of 600 requests …; p_pass 0.001, p_fail 1.000 (fixed size)`.
pub(in crate::report) fn explained(finding: &Finding) -> String {
    let probabilities = probabilities(finding).map(|text| format!("; {text}"));
    format!(
        "{} {}: {}{}",
        finding.verdict,
        finding.gate,
        reason(finding),
        probabilities.unwrap_or_default()
    )
}

/// The p-values of a test, and what the guard saw; `None` where there was no test.
fn probabilities(finding: &Finding) -> Option<String> {
    let (p_pass, p_fail) = (probability(finding.p_pass?), probability(finding.p_fail?));
    let kind = match finding.design {
        Design::Fixed => "fixed size",
        Design::Adaptive => "valid at any time",
    };
    let bursts = bursts(finding);
    Some(format!("p_pass {p_pass}, p_fail {p_fail} ({kind}){bursts}"))
}

/// `; 4 episodes, the longest of 31, φ 16`.
fn bursts(finding: &Finding) -> String {
    match finding.episodes.map(|episodes| episodes.seen) {
        None => String::new(),
        Some(None) => "; spells unknown".to_owned(),
        Some(Some(seen)) if seen.count == 0 => "; no slow spells".to_owned(),
        Some(Some(seen)) => format!(
            "; {} {}, the longest of {}, φ {}",
            grouped(seen.count),
            plural(seen.count, "episode"),
            grouped(seen.longest),
            trimmed(seen.design_effect, 2)
        ),
    }
}

/// `0.377`, `2.75e-6`.
fn probability(p: f64) -> String {
    match p {
        p if p == 0.0 || p >= 0.001 => format!("{p:.3}"),
        p => format!("{p:.2e}"),
    }
}
