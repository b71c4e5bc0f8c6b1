//! What the demo prints, and the files that it leaves.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;

use super::measured_mode::MeasuredMode;
use crate::command::saved::hinted;
use crate::printable::Shown as _;
use crate::report::{DemoReport, JsonCompletion, Report, ReportFormat, Style};
use crate::run::run_file::Run;
use crate::stats::rank::Quantile;
use crate::units::{Pretty, grouped};

/// The report for people, in the folder of the demo.
pub(super) const PAGE_FILE: &str = "report.html";

/// The runs before and after, in the same folder.
pub(super) const RUN_FILES: [(&str, &str); 2] =
    [("before", "before.json"), ("after", "after.json")];

/// Results go to stdout, everything else to stderr.
pub(super) struct DemoOutput<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    quiet: bool,
}

impl<'a> DemoOutput<'a> {
    pub(super) fn new(
        out: &'a mut dyn Write,
        err: &'a mut dyn Write,
        quiet: bool,
    ) -> DemoOutput<'a> {
        DemoOutput { out, err, quiet }
    }

    pub(super) fn err(&mut self) -> &mut dyn Write {
        self.err
    }

    pub(super) fn out(&mut self) -> &mut dyn Write {
        self.out
    }

    pub(super) fn say(&mut self, text: &str) -> io::Result<()> {
        if self.quiet {
            Ok(())
        } else {
            writeln!(self.err, "{text}")
        }
    }

    /// Warnings to stderr, the result to stdout.
    pub(super) fn screen(&mut self, demo: &DemoReport, style: &Style) -> io::Result<()> {
        demo.comparison.write_warnings(self.err)?;
        demo.write(style, self.out)?;
        self.out.flush()
    }
}

/// Saves both runs, and the report as a page, as Markdown and as JSON.
pub(super) fn save(
    folder: &Path,
    before: &Run,
    after: &MeasuredMode,
    report: &Report,
) -> anyhow::Result<()> {
    for ((_, name), run) in RUN_FILES.into_iter().zip([before, &after.run]) {
        run.save(&folder.join(name)).map_err(|e| hinted(&e))?;
    }
    let mut page = create(folder, PAGE_FILE)?;
    report.write_page(folder, &mut page)?;
    page.flush()?;
    let mut markdown = create(folder, "report.md")?;
    report.write(ReportFormat::Markdown, &Style::default(), &mut markdown)?;
    writeln!(markdown, "\n## Completion\n")?;
    for line in lines(after) {
        writeln!(markdown, "- {line}")?;
    }
    markdown.flush()?;
    let mut comparison = Vec::new();
    report.write(ReportFormat::Json, &Style::default(), &mut comparison)?;
    let whole = json!({
        "comparison": serde_json::from_slice::<serde_json::Value>(&comparison)?,
        "completion": JsonCompletion::from(&after.completion),
        "queue": {
            "peak_depth": after.queue.depth,
            "peak_oldest_ms": after.queue.oldest.as_millis() as u64,
            "looks": after.queue.readings,
        },
    });
    let mut file = create(folder, "report.json")?;
    writeln!(file, "{whole:#}")?;
    Ok(file.flush()?)
}

fn create(folder: &Path, name: &str) -> anyhow::Result<BufWriter<File>> {
    let path = folder.join(name);
    Ok(BufWriter::new(File::create(&path).with_context(|| {
        format!(
            "cannot write {}\nhint: choose a writable folder: --out FOLDER",
            path.shown()
        )
    })?))
}

/// The cost of the fix, and the audit of the accepted events.
fn lines(after: &MeasuredMode) -> Vec<String> {
    let completion = &after.completion;
    let pretty = |time: Option<Duration>| {
        time.map_or_else(|| "–".to_owned(), |time| Pretty(time).to_string())
    };
    let at = |quantile: Quantile| format!("{quantile} {}", pretty(completion.done_after(quantile)));
    let max = pretty(completion.longest());
    let verdict = if completion.is_exactly_once() {
        "every accepted event was processed exactly once"
    } else {
        "NOT exactly once"
    };
    vec![
        format!(
            "time from accepted to processed: {}, {}, max {max}",
            at(Quantile::P50),
            at(Quantile::P95)
        ),
        format!(
            "queue: at most {} waiting, the oldest for {} ({} readings)",
            grouped(after.queue.depth),
            Pretty(after.queue.oldest),
            after.queue.readings
        ),
        format!(
            "audit: {} accepted, {} processed, {} pending, {} dead, {} lost, {} inserted twice, {} notified twice, {} unexpected",
            grouped(completion.accepted()),
            grouped(completion.processed),
            completion.pending,
            completion.dead,
            completion.lost,
            completion.inserted_twice,
            completion.notified_twice,
            completion.unexpected.map_or(0, |them| them.at_most)
        ),
        format!("{verdict} (the server's listing compared with the sent requests)"),
    ]
}
