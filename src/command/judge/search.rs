//! A saved capacity search: shown again, or judged by a gate on the capacity.

use std::io::Write;

use anyhow::bail;

use crate::cli::judge::JudgeArgs;
use crate::cli::resolve::capacity_asked_of_saved;
use crate::command::capacity::capacity_exit;
use crate::command::saved;
use crate::exit::Exit;
use crate::report::CapacityReport;

/// Publishes a saved search.
///
/// # Errors
/// A flag or a gate that is about latencies, an output that cannot be written.
pub(super) fn judge(
    search: CapacityReport,
    args: &JudgeArgs,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> anyhow::Result<Exit> {
    check_flags(args)?;
    args.output.check_capacity_formats()?;
    let asked = capacity_asked_of_saved(&args.gates.gate, &search.endpoint)?;
    let report = CapacityReport {
        asked,
        inconclusive: args.inconclusive.policy(),
        ..search
    };
    args.output.publish(&report, stdout, stderr)?;
    Ok(capacity_exit(&report, stderr)?)
}

/// A search keeps no latency that another limit, another guard or a baseline could be applied to.
fn check_flags(args: &JudgeArgs) -> anyhow::Result<()> {
    let target = args.limit.target.is_some().then_some("--target");
    let baseline = args.baseline.baseline.is_some().then_some("--baseline");
    let own = target.or(baseline);
    match own.or_else(|| saved::flag_about_latencies(&args.guard, &args.import)) {
        Some(flag) => bail!(
            "{flag} has no use with a saved capacity search, which has no latencies\nhint: leave it out; --gate 'capacity >= 400/s' judges the shown rates"
        ),
        None => Ok(()),
    }
}
