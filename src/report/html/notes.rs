//! Notes and warnings in full, the plan and the machine, the command that repeats the run.

use std::path::Path;

use super::markup::{Markup, attrs};
use crate::printable::Shown as _;
use crate::report::model::Report;
use crate::report::run_info::RunInfo;
use crate::report::saved_run_link;
use crate::report::shard_table;
use crate::report::style::Verbosity;
use crate::report::text;
use crate::report::text::page;

pub(super) fn write(m: &mut Markup, report: &Report, folder: &Path) {
    m.node("section", attrs![], |m| {
        m.words("h2", attrs![], "Notes and method");
        list(m, report);
        shards(m, report);
        if !report.runs.is_empty() {
            m.words("h3", attrs![], "Plan and environment");
            m.node("dl", attrs![], |m| {
                report.runs.iter().for_each(|run| of_run(m, run));
                files(m, report, folder);
            });
        }
        for run in &report.runs {
            if let Some(command) = &run.command {
                m.words("h3", attrs![], labelled("Repeat this run", run));
                m.node("pre", attrs![], |m| lines(m, &command.parts));
                for lack in &command.lacks {
                    m.words("p", attrs!["class" => "say"], lack);
                }
            }
        }
    });
}

fn list(m: &mut Markup, report: &Report) {
    let mut notes: Vec<String> = match &report.comparison {
        Some(_) => text::comparison_notes(report, Verbosity::Full)
            .into_iter()
            .map(|note| note.long)
            .collect(),
        None => text::notes(report),
    };
    for warning in &report.warnings {
        let words = text::warnings::warning(warning);
        notes.push(format!("Warning: {}. Hint: {}.", words.text, words.hint));
    }
    if notes.is_empty() {
        return;
    }
    m.node("ol", attrs!["class" => "notes"], |m| {
        for note in &notes {
            m.words("li", attrs![], page::sentence(note));
            m.line_break();
        }
    });
}

/// The shards of a merged run, each next to all of them.
fn shards(m: &mut Markup, report: &Report) {
    let rows = shard_table::rows(report);
    if rows.is_empty() {
        return;
    }
    m.words("h3", attrs![], "Shards");
    m.node("table", attrs![], |m| {
        m.node("tr", attrs![], |m| {
            for title in shard_table::TITLES {
                m.words("th", attrs!["scope" => "col"], title);
            }
        });
        m.line_break();
        for row in &rows {
            m.node("tr", attrs![], |m| {
                for cell in &row.cells {
                    m.words("td", attrs![], cell);
                }
            });
            m.line_break();
        }
    });
}

fn labelled(title: &str, run: &RunInfo) -> String {
    if run.label.is_empty() {
        title.to_owned()
    } else {
        format!("{title}: {}", run.label)
    }
}

fn of_run(m: &mut Markup, run: &RunInfo) {
    for (title, value) in page::plan_facts(run) {
        m.words("dt", attrs![], labelled(title, run));
        m.words("dd", attrs![], value);
    }
}

fn files(m: &mut Markup, report: &Report, folder: &Path) {
    for link in &report.saved {
        m.words(
            "dt",
            attrs![],
            if link.label.is_empty() {
                "Run file".to_owned()
            } else {
                format!("Run file: {}", link.label)
            },
        );
        m.node("dd", attrs![], |m| {
            let shown = link.path.shown().to_string();
            match saved_run_link::address(folder, &link.path) {
                Some(address) => m.node("a", attrs!["href" => address], |m| {
                    m.words("code", attrs![], &shown);
                }),
                None => m.words("code", attrs![], &shown),
            }
        });
    }
    if report.saved.is_empty() {
        m.words("dt", attrs![], "Run file");
        m.node("dd", attrs![], |m| {
            m.text("not saved; ");
            m.words("code", attrs![], "--save run.json");
            m.text(" keeps it next to this page");
        });
    }
}

/// A command over several lines.
fn lines(m: &mut Markup, parts: &[String]) {
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            m.text(" \\");
            m.line_break();
            m.text("  ");
        }
        m.text(part);
    }
}
