//! The words and tables between the acts of the demo, and the files that it leaves.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;

use super::Aftermath;
use crate::command::saved::hinted;
use crate::judge::summary::Summary;
use crate::printable::Shown as _;
use crate::report::{JsonCompletion, Report, ReportFormat, Style};
use crate::run::run_file::Run;
use crate::stats::rank::Quantile;
use crate::units::{Pretty, grouped};

/// Where the story is told: results on stdout, everything else on stderr.
pub(super) struct Story<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    quiet: bool,
}

impl<'a> Story<'a> {
    pub(super) fn new(out: &'a mut dyn Write, err: &'a mut dyn Write, quiet: bool) -> Story<'a> {
        Story { out, err, quiet }
    }

    /// Where warnings go.
    pub(super) fn err(&mut self) -> &mut dyn Write {
        self.err
    }

    pub(super) fn chapter(&mut self, title: &str) -> io::Result<()> {
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

    pub(super) fn completion(&mut self, aftermath: &Aftermath) -> io::Result<()> {
        for line in lines(aftermath) {
            writeln!(self.out, "  {line}")?;
        }
        self.out.flush()
    }

    /// Runs, report and completion, for people and for machines.
    pub(super) fn save(
        &mut self,
        folder: &Path,
        before: &Run,
        after: &Run,
        report: &Report,
        aftermath: &Aftermath,
    ) -> anyhow::Result<()> {
        before
            .save(&folder.join("before.json"))
            .map_err(|e| hinted(&e))?;
        after
            .save(&folder.join("after.json"))
            .map_err(|e| hinted(&e))?;
        let mut markdown = create(folder, "report.md")?;
        report.write(ReportFormat::Markdown, &Style::default(), &mut markdown)?;
        writeln!(markdown, "\n## Completion\n")?;
        for line in lines(aftermath) {
            writeln!(markdown, "- {line}")?;
        }
        markdown.flush()?;
        let mut comparison = Vec::new();
        report.write(ReportFormat::Json, &Style::default(), &mut comparison)?;
        let whole = json!({
            "comparison": serde_json::from_slice::<serde_json::Value>(&comparison)?,
            "completion": JsonCompletion::from(&aftermath.completion),
            "queue": {
                "peak_depth": aftermath.peak.depth,
                "peak_oldest_ms": aftermath.peak.oldest.as_millis() as u64,
                "looks": aftermath.peak.looks,
            },
        });
        let mut file = create(folder, "report.json")?;
        writeln!(file, "{whole:#}")?;
        Ok(file.flush()?)
    }

    pub(super) fn farewell(&mut self, folder: &Path) -> io::Result<()> {
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

/// What the fix costs, and whether what was accepted was done.
fn lines(aftermath: &Aftermath) -> Vec<String> {
    let completion = &aftermath.completion;
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
            grouped(aftermath.peak.depth),
            Pretty(aftermath.peak.oldest),
            aftermath.peak.looks
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
