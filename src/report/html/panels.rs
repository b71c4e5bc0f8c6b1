//! The panels of a chapter in their order.

use super::chapter::{Chapter, PanelHeight};
use super::markup::{Markup, attrs};
use super::verdict_glyph::status;
use super::{
    audit_panel, distribution_panel, latency_panel, load_panel, percentile_panel, phases_panel,
};

/// Writes the chapter of one endpoint.
pub(super) fn write(m: &mut Markup, chapter: &Chapter<'_>, tall: PanelHeight) {
    m.node("section", attrs![], |m| {
        m.node("h2", attrs![], |m| {
            m.text(chapter.name);
            m.space();
            m.words("span", attrs!["class" => "path"], chapter.subject());
            if let Some(verdict) = chapter.verdict {
                m.space();
                status(m, verdict);
            }
        });
        let answered = chapter
            .runs
            .iter()
            .map(|run| run.endpoint.summary.counts.ok);
        let is_answered = answered.sum::<u64>() > 0;
        if is_answered {
            latency_panel::write(m, chapter, tall);
        }
        load_panel::write(m, chapter);
        if !is_answered {
            return;
        }
        if chapter.runs.len() > 1 {
            percentile_panel::write(m, chapter);
        }
        let has_audit = chapter.runs.iter().any(|run| run.endpoint.audit.is_some());
        let class = if has_audit || chapter.runs.len() > 1 {
            "cols"
        } else {
            "cols c3"
        };
        m.node("div", attrs!["class" => class], |m| {
            if chapter.runs.len() == 1 {
                percentile_panel::write(m, chapter);
            }
            for run in &chapter.runs {
                distribution_panel::write(m, chapter, run);
            }
            for run in &chapter.runs {
                phases_panel::write(m, chapter, run);
            }
            for run in &chapter.runs {
                audit_panel::write(m, chapter, run);
            }
        });
    });
}
