//! Command lines of `ab`: what they mean, and why they are refused.

use clap::Parser as _;

use super::{Ab, Draft, Sameness, draft};
use crate::cli::settings_file::SettingsLayers;
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
    let drafted = draft(&args, &SettingsLayers::default(), &|_| None);
    drafted
        .and_then(Draft::checked)
        .map_err(|e| format!("{e:#}"))
}

#[test]
fn what_cannot_be_is_refused_with_its_hint() {
    for (line, message) in [
        ("", "no URL for the side before"),
        ("--before|http://a", "no URL for the side after"),
        ("http://a|--pairs|7", "an even number, such as 8"),
        ("http://a|--pairs|0", "0 is not in 1..=10000"),
        ("http://a|--block|0s", "write one above 0"),
        (
            "http://a|-n|100",
            "-n has no use in ab\nhint: --block and --pairs",
        ),
        ("http://a|-z|10s", "-z has no use in ab"),
        ("http://a|--warmup|1s", "--settle"),
        ("http://a|--save|x", "--save-before"),
        (
            "http://a|--baseline|main.json",
            "--baseline has no use in ab\nhint: the side before is the baseline",
        ),
        (
            "http://a|--trace|--after-header|traceparent: 00-1-2-01",
            "--trace and a header of health both give traceparent",
        ),
        (
            "http://a|--audit-timeout|5s",
            "audit each side with a7probe measure",
        ),
        (
            "http://a|--before|http://b|--after|http://c",
            "leave out one of them",
        ),
        (
            "http://a/x|http://b/x",
            "none is a side\nhint: say which one is which: --before http://a/x --after http://b/x",
        ),
        (
            "http://a|--save-before|x|--save-after|x",
            "name the same file, x",
        ),
        (
            "http://a|-q|0.01",
            "a block of 10 s sends nothing to health",
        ),
        ("http://a|--gate|nope p95 <= 1s", "unknown endpoint 'nope'"),
        (
            "http://a|--gate|p99.9 reduction >= 10%",
            "with 1,200 requests per side (needs 3,688)",
        ),
        (
            "http://a|--pairs|2|--block|1s|--gate|p99 <= 1s",
            "cannot pass",
        ),
        (
            "http://a|--block|50ms|-q|1000|--pairs|200|--gate|p95 <= 1s",
            "is shorter than --spell 100ms",
        ),
        (
            "--before|ftp://a|--after|http://b",
            "the side before: unsupported scheme 'ftp' in ftp://a",
        ),
        ("http://a|--after-header|nonsense", "NAME: VALUE"),
        ("http://a|--block|1000000h", "at most 7 days"),
        ("http://a|--block|168h|--pairs|10000|-q|1000", ""),
    ] {
        let error = resolved(line)
            .err()
            .unwrap_or_else(|| panic!("{line} was taken"));
        assert!(error.contains(message), "{line}: {error}");
    }
}

#[test]
fn the_sides_differ_in_url_and_headers_alone() {
    let ab = resolved("--before|http://a:1|--after|http://b:2/v2|--get|health=/health|--post|ingest=/ingest|-q|50|-H|X-Both: 1|-H|X-Side: 0|--after-header|X-Side: 1")
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
    assert_eq!(
        same("--before|http://a/x|--after|http://a:80/x"),
        Sameness::Same
    );
    assert_eq!(same("http://a|--after-header|X: 1"), Sameness::Different);
}

#[test]
fn both_blocks_of_a_pair_have_one_schedule_and_pairs_have_others() {
    let ab = resolved("http://a|--seed|7").unwrap();
    let seed = |pair, side| ab.block_plan(Turn { pair, side }).seed;
    assert_eq!(seed(3, SideName::Before), seed(3, SideName::After));
    assert_ne!(seed(3, SideName::Before), seed(4, SideName::Before));
}
