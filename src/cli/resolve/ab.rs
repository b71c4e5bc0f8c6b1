//! From what was typed after `ab` to two plans that differ in nothing but where they go and their headers.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::{
    Checked, Intent, Levels, Lookup, aim, check_length, checked, guard, planned_samples,
    resolve_unchecked, setting,
};
use crate::cli::ab::AbArgs;
use crate::cli::measure::MeasureArgs;
use crate::cli::output::OutputArgs;
use crate::cli::settings;
use crate::judge::comparison::{Noise, Pair, SideName, Turn, order_of};
use crate::judge::gate::{self, Gate, Planned, Scope};
use crate::judge::summary::CONFIDENCE;
use crate::printable::Shown as _;
use crate::run::plan::{Design, Endpoint, Guard, Plan, Size};
use crate::run::schedule::mix;
use crate::stats::rank::min_samples_for_interval;
use crate::units::{Pretty, grouped};

/// What an `ab` means.
#[derive(Debug, Clone)]
pub struct Ab {
    /// What is sent to each side in all its blocks together; the warm-up is what is sent before each block.
    pub plans: Pair<Plan>,
    /// Whether there is anything to tell the sides apart.
    pub sameness: Sameness,
    /// Pairs of blocks.
    pub pairs: u64,
    /// How long a block is.
    pub block: Duration,
    /// What must hold; checked against the plans.
    pub gates: Vec<Gate>,
    /// Whether bursts are reckoned with.
    pub guard: Guard,
    /// What counts as no change.
    pub noise: Noise,
    /// Where the sides are saved.
    pub save: Pair<Option<PathBuf>>,
    /// Whether they keep the bodies that were sent.
    pub save_bodies: bool,
    /// Whether every endpoint of both sides is asked once before the first block.
    pub preflight: Checked,
    /// Whether the instrument is calibrated before the first block.
    pub calibration: Checked,
    /// What `selftest` saved, to go into the runs.
    pub certificate: Option<PathBuf>,
    /// How long to wait for the services to answer.
    pub wait_ready: Option<Duration>,
    /// Whether anything is sent at all.
    pub intent: Intent,
    /// How the result is shown.
    pub output: OutputArgs,
}

/// Whether there is anything to tell the sides of a comparison apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sameness {
    /// The same URL and headers: whatever is found is the setup's own doing, or chance (an A/A).
    Same,
    /// They differ.
    Different,
}

/// Resolves the arguments of `ab` with the settings file and the environment.
///
/// # Errors
/// What was typed contradicts itself, or the settings cannot be read; the message says how to mend it.
pub fn ab(args: &AbArgs) -> anyhow::Result<Ab> {
    let measure = &args.measure;
    let levels = settings::load(measure.config.as_deref(), measure.profile.as_deref())?;
    resolve(args, &levels, &|name| std::env::var(name).ok())
}

fn resolve(args: &AbArgs, levels: &Levels, lookup: Lookup<'_>) -> anyhow::Result<Ab> {
    check_flags(args)?;
    let guard = guard(&args.measure, levels)?;
    let gates = gates(&args.measure, levels)?;
    if let Some(gate) = gates.iter().find(|gate| gate.condition.needs_audit()) {
        bail!(
            "gate '{gate}' needs the completion audit, and blocks are not audited\nhint: audit each side with a7probe measure"
        );
    }
    let mut plans = plans(args, levels, lookup)?;
    let sameness = match plans.before.target == plans.after.target
        && plans.before.endpoints == plans.after.endpoints
    {
        true => Sameness::Same,
        false => Sameness::Different,
    };
    aim(&mut plans.before, &gates);
    aim(&mut plans.after, &gates);
    let ab = Ab {
        plans,
        sameness,
        pairs: u64::from(args.pairs),
        block: args.block,
        gates,
        guard,
        noise: args.noise,
        save_bodies: args.measure.save_bodies,
        save: Pair {
            before: args.save_before.clone(),
            after: args.save_after.clone(),
        },
        preflight: checked(args.measure.no_preflight),
        calibration: checked(args.measure.no_calibration),
        certificate: args.measure.certificate.clone(),
        wait_ready: args.measure.wait_ready,
        intent: match args.measure.dry_run {
            true => Intent::Show,
            false => Intent::Run,
        },
        output: args.measure.output.clone(),
    };
    check_blocks(&ab)?;
    check_gates(&ab)?;
    Ok(ab)
}

/// What is sent is said by blocks.
fn check_flags(args: &AbArgs) -> anyhow::Result<()> {
    let measure = &args.measure;
    let instead = [
        (
            "-n",
            measure.requests.is_some(),
            "--block and --pairs say how much is sent",
        ),
        (
            "-z",
            measure.duration.is_some(),
            "--block and --pairs say how long each side is measured",
        ),
        (
            "an audit (--audit…, --resend)",
            measure.audit.is_typed(),
            "blocks are not audited; audit each side with a7probe measure",
        ),
        (
            "--budget",
            measure.budget.is_some(),
            "a comparison in turns has a fixed size: --block and --pairs",
        ),
        (
            "--warmup",
            measure.warmup.is_some(),
            "--settle says how long is sent before every block",
        ),
        (
            "--save",
            measure.save.is_some(),
            "use --save-before and --save-after",
        ),
    ];
    for (flag, given, hint) in instead {
        if given {
            bail!("{flag} is not for ab\nhint: {hint}");
        }
    }
    if measure.url.is_some() && args.before.is_some() && args.after.is_some() {
        bail!(
            "a URL by itself is of no side where --before and --after name both\nhint: leave out one of the three URLs"
        );
    }
    if args.pairs % 2 == 1 {
        bail!(
            "--pairs {} leaves the last pair without its mirror, so that drift would not cancel\nhint: give an even number, such as {}",
            args.pairs,
            args.pairs + 1
        );
    }
    match (&args.save_before, &args.save_after) {
        (Some(before), Some(after)) if before == after => {
            bail!(
                "--save-before and --save-after name one file, {}\nhint: give each side its own",
                before.shown()
            )
        }
        _ => Ok(()),
    }
}

/// Both sides of the same plan but for their URL and headers.
fn plans(args: &AbArgs, levels: &Levels, lookup: Lookup<'_>) -> anyhow::Result<Pair<Plan>> {
    let plan = |side: SideName, url: &Option<String>, headers: &[String]| {
        let own = side_args(args, url, headers)?;
        let (plan, ..) = resolve_unchecked(&own, levels, lookup)
            .with_context(|| format!("the side {}", side.as_str()))?;
        check_headers(&plan, headers)?;
        anyhow::Ok(plan)
    };
    // What is asked of neither side is asked for once, by a message that fits.
    if args.measure.url.is_none()
        && setting(levels, None, |s| s.url.clone()).is_none()
        && (args.before.is_none() || args.after.is_none())
    {
        bail!(
            "no URL of the side {}\nhint: a7probe ab --before http://127.0.0.1:8080 --after http://127.0.0.1:8081, or one URL and \
             --after-header 'NAME: VALUE'",
            if args.before.is_none() {
                SideName::Before
            } else {
                SideName::After
            }
            .as_str()
        );
    }
    let before = plan(SideName::Before, &args.before, &args.before_header)?;
    let mut after = plan(SideName::After, &args.after, &args.after_header)?;
    after.seed = before.seed;
    // One URL is measured itself (-m, -d): the last part of its path names it, and may differ.
    for (own, other) in after.endpoints.iter_mut().zip(&before.endpoints) {
        own.name = other.name.clone();
    }
    Ok(Pair { before, after })
}

/// The arguments of a `measure` of one side alone.
fn side_args(
    args: &AbArgs,
    url: &Option<String>,
    headers: &[String],
) -> anyhow::Result<MeasureArgs> {
    let mut own = args.measure.clone();
    own.url = url.clone().or(own.url);
    let name = |header: &str| {
        header
            .split(':')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    };
    own.header
        .retain(|common| headers.iter().all(|header| name(header) != name(common)));
    own.header.extend(headers.iter().cloned());
    own.warmup = Some(args.settle);
    let total = args.block.checked_mul(args.pairs);
    own.duration = Some(total.context(
        "the blocks together are longer than time can be counted\nhint: shorten --block",
    )?);
    Ok(own)
}

/// An endpoint of the settings may have a header of the same name, which would win.
fn check_headers(plan: &Plan, headers: &[String]) -> anyhow::Result<()> {
    for (name, value) in headers.iter().filter_map(|header| header.split_once(':')) {
        let has_it = |endpoint: &&Endpoint| {
            let mut own = endpoint.headers.iter();
            own.any(|(n, v)| n.eq_ignore_ascii_case(name.trim()) && v.source() == value.trim())
        };
        if let Some(without) = plan.endpoints.iter().find(|endpoint| !has_it(endpoint)) {
            bail!(
                "the settings give the endpoint {} another header {}, which would tell no side from the other\nhint: take it out of the settings file",
                without.name,
                name.trim()
            );
        }
    }
    Ok(())
}

/// Those that were typed, else the settings'; none are needed. A target that was typed adds the default ones.
fn gates(args: &MeasureArgs, levels: &Levels) -> anyhow::Result<Vec<Gate>> {
    let typed = (!args.gate.is_empty()).then(|| args.gate.clone());
    let texts = setting(levels, typed, |s| s.gates.clone()).unwrap_or_default();
    let parsed: Result<Vec<Gate>, _> = texts.iter().map(|text| Gate::parse(text)).collect();
    let mut gates = parsed?;
    gates.extend(args.target.map(gate::default_gates).into_iter().flatten());
    Ok(gates)
}

/// Every block sends something to every endpoint.
fn check_blocks(ab: &Ab) -> anyhow::Result<()> {
    check_length(&ab.plans.after)?;
    for turn in order_of(ab.pairs) {
        let plan = ab.block_plan(turn);
        if let Some(nothing) = plan
            .endpoints
            .iter()
            .find(|e| planned_samples(&plan, e) == Some(0))
        {
            bail!(
                "a block of {} sends nothing to {}: its rate is too low for it\nhint: raise the rate or --block",
                Pretty(ab.block),
                nothing.name
            );
        }
    }
    Ok(())
}

/// Gates on one run are about the side after; gates on two must be resolved by what is sent.
fn check_gates(ab: &Ab) -> anyhow::Result<()> {
    let names: Vec<&str> = ab
        .plans
        .after
        .endpoints
        .iter()
        .map(|e| e.name.as_str())
        .collect();
    gate::check_names(&ab.gates, &names)?;
    let on_one_run: Vec<Gate> = ab.on_one_run();
    let planned: Vec<Planned<'_>> = ab
        .plans
        .after
        .endpoints
        .iter()
        .map(|e| ab.planned(e))
        .collect();
    gate::check(&on_one_run, &planned, Some(ab.plans.after.timeout))?;
    if let (Guard::Episode(episode), false) = (ab.guard, on_one_run.is_empty())
        && ab.block < episode
    {
        bail!(
            "a block of {} cannot hold a slow episode of {}, which a PASS is to exclude\nhint: raise --block, or lower --episode",
            Pretty(ab.block),
            Pretty(episode)
        );
    }
    for gate in ab
        .gates
        .iter()
        .filter(|gate| gate.condition.scope() == Scope::TwoRuns)
    {
        let needed = gate
            .condition
            .quantile()
            .map(|q| min_samples_for_interval(q, CONFIDENCE));
        let short = planned
            .iter()
            .filter(|planned| gate.selector.selects(planned.endpoint))
            .find(|planned| planned.samples < needed && planned.samples.is_some());
        if let (Some(short), Some(needed)) = (short, needed) {
            bail!(
                "gate '{}' cannot be decided with {} planned requests on each side: it takes {}\nhint: raise --block, --pairs or the rate",
                gate.for_endpoint(short.endpoint),
                grouped(short.samples.unwrap_or(0)),
                grouped(needed)
            );
        }
    }
    Ok(())
}

impl Ab {
    /// What one block sends. Both blocks of a pair have the same schedule, and every pair another one.
    pub fn block_plan(&self, turn: Turn) -> Plan {
        let plan = match turn.side {
            SideName::Before => &self.plans.before,
            SideName::After => &self.plans.after,
        };
        Plan {
            size: Size::Duration(self.block),
            seed: mix(plan.seed ^ mix(turn.pair)),
            ..plan.clone()
        }
    }

    /// What each side sends to an endpoint in all its blocks, for its gates.
    pub fn planned<'a>(&self, endpoint: &'a Endpoint) -> Planned<'a> {
        let blocks = order_of(self.pairs).filter(|turn| turn.side == SideName::After);
        let samples: Option<u64> = blocks
            .map(|turn| planned_samples(&self.block_plan(turn), endpoint))
            .sum();
        Planned {
            endpoint: &endpoint.name,
            samples,
            rate_per_s: endpoint.rate.map(|rate| rate.as_per_second()),
            guard: self.guard,
            design: Design::Fixed,
        }
    }

    /// The gates on the side after alone.
    pub fn on_one_run(&self) -> Vec<Gate> {
        let gates = self.gates.iter();
        gates
            .filter(|gate| gate.condition.scope() == Scope::OneRun)
            .cloned()
            .collect()
    }

    /// How long all blocks take with what is sent before each, without the last answers of each.
    pub fn takes(&self) -> Duration {
        let each = self.block.saturating_add(self.plans.before.warmup);
        each.saturating_mul(2 * self.pairs as u32)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::{Ab, Sameness, resolve};
    use crate::cli::settings::Levels;
    use crate::cli::{Cli, Command};
    use crate::judge::comparison::{SideName, Turn};

    fn resolved(line: &str) -> Result<Ab, String> {
        let words = line
            .split('|')
            .map(str::trim)
            .filter(|word| !word.is_empty());
        let cli = Cli::try_parse_from(["a7probe", "ab"].into_iter().chain(words))
            .map_err(|e| e.to_string())?;
        let Command::Ab(args) = cli.command else {
            unreachable!("the line says ab")
        };
        resolve(&args, &Levels::default(), &|_| None).map_err(|e| format!("{e:#}"))
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_mend() {
        for (line, message) in [
            ("", "no URL of the side before"),
            ("--before|http://a", "no URL of the side after"),
            ("http://a|--pairs|7", "an even number, such as 8"),
            ("http://a|--pairs|0", "0 is not in 1..=10000"),
            ("http://a|--block|0s", "it must be above 0"),
            (
                "http://a|-n|100",
                "-n is not for ab\nhint: --block and --pairs",
            ),
            ("http://a|-z|10s", "-z is not for ab"),
            ("http://a|--warmup|1s", "--settle"),
            ("http://a|--save|x", "--save-before"),
            (
                "http://a|--audit-timeout|5s",
                "audit each side with a7probe measure",
            ),
            (
                "http://a|--before|http://b|--after|http://c",
                "leave out one of the three URLs",
            ),
            (
                "http://a|--save-before|x|--save-after|x",
                "name one file, x",
            ),
            (
                "http://a|-q|0.01",
                "a block of 10 s sends nothing to health",
            ),
            ("http://a|--gate|nope p95 <= 1s", "unknown endpoint 'nope'"),
            (
                "http://a|--gate|p99.9 reduction >= 10%",
                "with 1 200 planned requests on each side: it takes 3 688",
            ),
            (
                "http://a|--pairs|2|--block|1s|--gate|p99 <= 1s",
                "cannot pass",
            ),
            (
                "http://a|--block|50ms|-q|1000|--pairs|200|--gate|p95 <= 1s",
                "cannot hold a slow episode of 100 ms",
            ),
            (
                "--before|ftp://a|--after|http://b",
                "the side before: unsupported scheme 'ftp' in ftp://a",
            ),
            ("http://a|--after-header|nonsense", "NAME: VALUE"),
            ("http://a|--block|1000000h", "at most 7 days"),
            (
                "http://a|--block|168h|--pairs|10000|-q|1000",
                "are the most that are kept",
            ),
        ] {
            let error = resolved(line)
                .err()
                .unwrap_or_else(|| panic!("{line} was taken"));
            assert!(error.contains(message), "{line}: {error}");
        }
    }

    #[test]
    fn the_sides_differ_in_url_and_headers_alone() {
        let ab = resolved("--before|http://a:1|--after|http://b:2/v2|-q|50|-H|X-Both: 1|-H|X-Side: 0|--after-header|X-Side: 1")
            .unwrap();
        assert_eq!(ab.sameness, Sameness::Different);
        let (before, after) = (&ab.plans.before, &ab.plans.after);
        assert_eq!((before.target.port, after.target.port), (1, 2));
        let side = |plan: &crate::run::plan::Plan| -> Vec<String> {
            let headers = plan.endpoints[0].headers.iter();
            headers
                .map(|(name, value)| format!("{name}={}", value.source()))
                .collect()
        };
        assert_eq!(side(before), ["X-Both=1", "X-Side=0"]);
        assert_eq!(side(after), ["X-Both=1", "X-Side=1"]);
        let same = |plan: &crate::run::plan::Plan| {
            (plan.model, plan.size, plan.warmup, plan.timeout, plan.seed)
        };
        assert_eq!(same(before), same(after));
        assert_eq!(ab.takes().as_secs(), 144);
    }

    #[test]
    fn the_same_url_on_both_sides_is_known_as_such() {
        let same = |line| resolved(line).unwrap().sameness;
        assert_eq!(same("http://a"), Sameness::Same);
        assert_eq!(same("--before|http://a|--after|http://a/"), Sameness::Same);
        assert_eq!(same("http://a|--after-header|X: 1"), Sameness::Different);
    }

    #[test]
    fn both_blocks_of_a_pair_have_one_schedule_and_pairs_have_others() {
        let ab = resolved("http://a|--seed|7").unwrap();
        let seed = |pair, side| ab.block_plan(Turn { pair, side }).seed;
        assert_eq!(seed(3, SideName::Before), seed(3, SideName::After));
        assert_ne!(seed(3, SideName::Before), seed(4, SideName::Before));
    }
}
