//! `demo --capacity`: the rate at which the synchronous mode falls over, and that of the background mode, in one picture.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use super::output::DemoOutput;
use super::server_process::ServerProcess;
use crate::cli::DemoArgs;
use crate::cli::resolve::{DemoSearch, demo_capacity};
use crate::command::capacity::{CapacitySearched, search};
use crate::command::measuring::Measuring;
use crate::command::saved::hinted;
use crate::command::signals;
use crate::exit::Exit;
use crate::printable::Shown as _;
use crate::report::{self, CapacityChangeReport, CapacityReport, Publishable as _, capacity_json};
use crate::run::run_file::write_atomically;

/// The simulated provider answers 95% of its calls within 320.5 ms, so the synchronous mode can hold this at a low rate.
const GOAL: &str = "ingest p95 <= 500ms";

/// Requests that the synchronous mode serves at a time: the threads of a FastAPI application with its default pool.
const THREADS: &str = "40";

/// Up to this rate a small machine sends on time.
const SEARCH: DemoSearch = DemoSearch {
    from: 20.0,
    to: 1_280.0,
    width: 0.2,
    confirm: Duration::from_secs(12),
    budget: Duration::from_secs(200),
};

/// The page with both searches on one axis.
const PAGE: &str = "capacity.html";

/// Searches both modes, prints one picture, and leaves both searches and a page.
pub(super) fn run(
    args: &DemoArgs,
    folder: &Path,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let console = args.progress.console(&args.screen);
    let measuring = Measuring::new(console, Some(folder.to_owned()))?.always_asking();
    let mut output = DemoOutput::new(stdout, stderr, args.screen.quiet);
    output
        .say("about 5 minutes on this machine, at most 8 (two searches); no request leaves it")?;
    let modes = [
        (
            "sync",
            "1/2 before: 40 requests at a time call the provider",
            &["--max-in-flight", THREADS][..],
        ),
        ("background", "2/2 after: 202 after a durable commit", &[]),
    ];
    let mut found = Vec::new();
    for (mode, text, flags) in modes {
        output.say(&format!("{text} (serve --mode {mode})"))?;
        let arguments = [&["--mode", mode], flags].concat();
        let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        let server = ServerProcess::start(folder, mode, &arguments)?;
        let mut capacity = demo_capacity(&server.url(), GOAL, &SEARCH)?;
        let searched = search(&mut capacity, &measuring, &[], true, output.err())?;
        let report = match searched {
            CapacitySearched::Report(report) => *report,
            CapacitySearched::Interrupted(signal) => return Ok(signals::exit(signal)),
        };
        save(args, mode, &report)?;
        if let Some(signal) = measuring.signals.received() {
            return Ok(signals::exit(signal));
        }
        found.push(report);
    }
    let [before, after] = <[CapacityReport; 2]>::try_from(found)
        .map_err(|found| anyhow::anyhow!("{} of 2 modes were searched", found.len()))?;
    let change = CapacityChangeReport {
        before,
        after,
        warnings: Vec::new(),
    };
    let path = args.out.join(PAGE);
    let context = || format!("cannot write {}", path.shown());
    let mut page = BufWriter::new(File::create(&path).with_context(context)?);
    change.write_page_in(&args.out, &mut page)?;
    page.flush().with_context(context)?;
    let shown = path.shown().to_string();
    report::write_capacities(&change, &shown, &args.screen.style(), output.out())?;
    Ok(
        if change.before.bracket().lower.is_some() && change.after.bracket().lower.is_some() {
            Exit::Pass
        } else {
            Exit::Inconclusive
        },
    )
}

fn save(args: &DemoArgs, mode: &str, report: &CapacityReport) -> anyhow::Result<()> {
    let path = args.out.join(format!("capacity-{mode}.json"));
    write_atomically(&path, &capacity_json(report)?).map_err(|e| hinted(&e))
}
