//! What the demo prints, and the files that it leaves.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;

use super::measured_mode::MeasuredMode;
use crate::command::saved::hinted;
use crate::judge::summary::Summary;
use crate::printable::Shown as _;
use crate::report::{JsonCompletion, Report, ReportFormat, Style};
use crate::run::run_file::Run;
use crate::stats::rank::Quantile;
use crate::units::{Pretty, grouped};

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

    pub(super) fn heading(&mut self, title: &str) -> io::Result<()> {
        writeln!(self.out, "\n{title}\n")?;
        self.out.flush()
    }

    pub(super) fn say(&mut self, text: &str) -> io::Result<()> {
        if self.quiet {
            Ok(())
        } else {
            writeln!(self.err, "{text}")
        }
    }

    /// One line an endpoint; the tables with intervals follow in the comparison.
    pub(super) fn percentiles(&mut self, run: &Run) -> io::Result<()> {
        for endpoint in &run.endpoints {
            let summary = Summary::of(&endpoint.recording, Some(run.plan.timeout));
            let at =
                |quantile: Quantile| format!("{quantile} {}", summary.percentile(quantile).value);
            writeln!(
                self.out,
                "  {:<7} {} requests, {} ok: {}, {}, {}",
                endpoint.name,
                grouped(summary.planned()),
                grouped(endpoint.recording.counts.ok),
                at(Quantile::P50),
                at(Quantile::P95),
                at(Quantile::P99),
            )?;
        }
        self.out.flush()
    }

    pub(super) fn comparison(&mut self, report: &Report, style: &Style) -> io::Result<()> {
        report.write_warnings(self.err)?;
        report.write(ReportFormat::Human, style, self.out)
    }

    pub(super) fn completion(&mut self, after: &MeasuredMode) -> io::Result<()> {
        for line in lines(after) {
            writeln!(self.out, "  {line}")?;
        }
        self.out.flush()
    }

    /// Saves both runs, and the report as Markdown and as JSON.
    pub(super) fn save(
        &mut self,
        folder: &Path,
        before: &Run,
        after: &MeasuredMode,
        report: &Report,
    ) -> anyhow::Result<()> {
        before
            .save(&folder.join("before.json"))
            .map_err(|e| hinted(&e))?;
        after
            .run
            .save(&folder.join("after.json"))
            .map_err(|e| hinted(&e))?;
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

    pub(super) fn next_steps(&mut self, folder: &Path) -> io::Result<()> {
        let folder = folder.shown();
        writeln!(
            self.out,
            "\nIn {folder}/: report.md, report.json, before.json, after.json"
        )?;
        writeln!(
            self.out,
            "Next, your own service:  a7probe measure http://127.0.0.1:8080 --save run.json"
        )
    }
}

fn create(folder: &Path, name: &str) -> anyhow::Result<BufWriter<File>> {
    let path = folder.join(name);
    Ok(BufWriter::new(File::create(&path).with_context(|| {
        format!("cannot write {}", path.shown())
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
            "queue: at most {} waiting, the oldest for {} ({} looks)",
            grouped(after.queue.depth),
            Pretty(after.queue.oldest),
            after.queue.readings
        ),
        format!(
            "completion: {} accepted, {} processed, {} pending, {} dead, {} lost, {} inserted twice, {} notified twice, {} unexpected",
            grouped(completion.accepted()),
            grouped(completion.processed),
            completion.pending,
            completion.dead,
            completion.lost,
            completion.inserted_twice,
            completion.notified_twice,
            completion.unexpected.map_or(0, |them| them.at_most)
        ),
        format!("{verdict} (the server's listing against what the probe sent)"),
    ]
}
