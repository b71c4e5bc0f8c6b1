//! Merged evidence equals that of one machine, and files of other runs are refused.

use std::path::PathBuf;
use std::time::Duration;

use a7probe::run::completion::{Accepted, EventKey};
use a7probe::run::merge::{MergeError, ShardMerge};
use a7probe::run::plan::{Arrivals, Plan};
use a7probe::run::run_file::{Run, RunEnd, Signal};
use a7probe::run::schedule::event_id;
use a7probe::run::shard::Shard;
use a7probe::units::Rate;
use proptest::prelude::{ProptestConfig, proptest};
use uuid::Uuid;

use super::{ALONE, Sender, plan, profiled, run_of, shard};
use crate::harness::{a7probe, code, peak_memory_kib, stderr, temp_dir};
use crate::needs::{LONG_TESTS, need_right};

/// Through the file, as `merge` reads it.
fn read_back(run: &Run) -> Run {
    Run::from_json(run.to_json().as_bytes()).unwrap()
}

/// The shards of a plan, as their files say.
fn shards(plan: &Plan, count: u64, threads: u64) -> Vec<Run> {
    let runs = (0..count).map(|index| {
        let shard = match count {
            1 => Shard::WHOLE,
            _ => shard(index, count),
        };
        read_back(&run_of(plan, Sender { shard, threads }))
    });
    runs.collect()
}

fn merged(shards: Vec<Run>) -> Run {
    let mut shards = (0..).zip(shards);
    let name = |number: usize| format!("file-{number}");
    let (number, first) = shards.next().unwrap();
    let mut merge = ShardMerge::new(first, &name(number)).unwrap();
    shards.for_each(|(number, run)| merge.add(run, &name(number)).unwrap());
    merge.finish(Vec::new())
}

/// Both texts without what depends on the machine.
fn assert_same_evidence(merged: &Run, whole: &Run) {
    let mut merged = merged.clone();
    merged.instrument = whole.instrument.clone();
    merged.merged = None;
    let (merged, whole) = (merged.to_json(), whole.to_json());
    let differs = merged.lines().zip(whole.lines()).find(|(a, b)| a != b);
    let differs = differs.map(|(a, b)| {
        let cut = |text: &str| text.chars().take(150).collect::<String>();
        format!("{} where the whole has {}", cut(a), cut(b))
    });
    assert_eq!(differs, None);
    assert_eq!(merged, whole);
}

#[test]
fn eight_shards_merge_to_the_bytes_of_one_machine() {
    for arrivals in [Arrivals::Jitter, Arrivals::Poisson, Arrivals::Grid] {
        for plan in [plan(arrivals, 1_203), profiled(arrivals)] {
            let whole = run_of(&plan, ALONE);
            let mut merged = merged(shards(&plan, 8, 2));
            assert_same_evidence(&merged, &whole);
            assert_eq!(merged.missing_share(), None);
            // The merged file is read as it was written.
            let text = merged.to_json();
            merged = read_back(&merged);
            assert_eq!(merged.to_json(), text);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn any_number_of_shards_and_threads_makes_the_same_run(
        count in 2u64..12,
        threads in 1u64..5,
        requests in 1u64..400,
        seed: u32,
        poisson: bool,
    ) {
        let arrivals = if poisson { Arrivals::Poisson } else { Arrivals::Jitter };
        let mut plan = plan(arrivals, requests.max(count));
        plan.seed = seed.into();
        let whole = run_of(&plan, ALONE);
        let mut parts = shards(&plan, count, threads);
        // The order of the files says nothing.
        parts.rotate_left((u64::from(seed) % count) as usize);
        assert_same_evidence(&merged(parts), &whole);
    }
}

#[test]
fn names_that_the_service_gave_travel_in_the_file_and_get_their_index() {
    let plan = plan(Arrivals::Jitter, 300);
    let key = |global: u64| match global % 3 {
        0 => Some(EventKey::Uuid(event_id(Uuid::from_u128(1), 1, global))),
        1 => Some(EventKey::of(&format!("event-{global}"))),
        _ => None,
    };
    let mut parts = Vec::new();
    for index in 0..5 {
        let part = shard(index, 5);
        let mut run = run_of(
            &plan,
            Sender {
                shard: part,
                threads: 1,
            },
        );
        let ingest = &mut run.endpoints[1];
        let accepted = ingest.recording.ok.ones().map(|own| Accepted {
            index: own,
            answered_ns: Some(own),
            key: key(part.global(own)),
        });
        ingest.answers.accepted = accepted.collect();
        // 16 bytes a UUID, which does not deflate, and the text of other names.
        parts.push(read_back(&run));
    }
    let mut parts = parts.into_iter();
    let mut merge = ShardMerge::new(parts.next().unwrap(), "0").unwrap();
    parts.for_each(|part| merge.add(part, "other").unwrap());
    let ingest = &merge.endpoints()[1];
    let mut found: Vec<(u64, Option<EventKey>)> = { ingest.answers.accepted.iter() }
        .map(|answer| (answer.index, answer.key.clone()))
        .collect();
    found.sort_unstable();
    let accepted = run_of(&plan, ALONE).endpoints[1].recording.ok.clone();
    let expected: Vec<(u64, Option<EventKey>)> = accepted
        .ones()
        .map(|global| (global, key(global)))
        .collect();
    assert_eq!(found, expected);
    assert!(
        ingest
            .answers
            .accepted
            .iter()
            .all(|answer| answer.answered_ns.is_none())
    );
}

#[test]
fn a_missing_shard_leaves_a_run_of_the_others_and_is_named() {
    let plan = plan(Arrivals::Jitter, 1_000);
    let mut parts = shards(&plan, 8, 1);
    parts.remove(3);
    let merged = read_back(&merged(parts));
    let missing = merged.missing_share().unwrap();
    assert_eq!(
        (missing.missing_shards, missing.cut_shards),
        (vec![3], vec![])
    );
    // Two endpoints with 125 requests each.
    assert_eq!(
        (missing.missing_requests, missing.planned_requests),
        (250, 2_000)
    );
    let whole = run_of(&plan, ALONE);
    for (own, all) in merged.endpoints.iter().zip(&whole.endpoints) {
        let is_there = |index: &u64| index % 8 != 3;
        let expected = all.recording.ok.iter();
        let expected = (0u64..).zip(expected).filter(|(index, _)| is_there(index));
        assert!(own.recording.ok.iter().eq(expected.map(|(_, ok)| ok)));
        assert_eq!(own.recording.planned(), 875);
        assert_eq!(
            own.recording.sequence().map(|sequence| sequence.len()),
            Some(875)
        );
    }
}

#[test]
fn a_shard_that_was_cut_counts_with_what_it_sent() {
    let plan = plan(Arrivals::Jitter, 800);
    let mut parts = shards(&plan, 4, 1);
    // Its first 50 requests of each endpoint.
    let mut short = plan.clone();
    short.size = a7probe::run::plan::Size::Requests(200);
    let cut = run_of(
        &short,
        Sender {
            shard: shard(2, 4),
            threads: 1,
        },
    );
    parts[2].endpoints = cut.endpoints;
    parts[2].ended = RunEnd::Interrupted {
        signal: Signal::Sigterm,
    };
    let merged = read_back(&merged(parts));
    let missing = merged.missing_share().unwrap();
    assert_eq!(
        (missing.missing_shards, missing.cut_shards),
        (vec![], vec![2])
    );
    assert_eq!(missing.missing_requests, 300);
    assert_eq!(merged.endpoints[0].recording.planned(), 650);
}

#[test]
fn a_shard_of_another_run_and_a_shard_twice_are_refused_with_both_values() {
    let first = plan(Arrivals::Jitter, 400);
    let base = || ShardMerge::new(shards(&first, 4, 1).remove(0), "a.json").unwrap();
    let refused = |run: Run| base().add(run, "b.json").unwrap_err();
    let own = || shards(&first, 4, 1).remove(1);

    assert!(base().add(own(), "b.json").is_ok());
    let again = refused(shards(&first, 4, 1).remove(0)).to_string();
    assert!(
        again.contains("shard 0 is there twice: a.json and b.json"),
        "{again}"
    );

    let mut other = first.clone();
    other.seed = 8;
    let seed = refused(shards(&other, 4, 1).remove(1)).to_string();
    assert!(
        seed.contains("the seed is 7 in the first and 8 in the second"),
        "{seed}"
    );

    let mut slower = first.clone();
    slower.timeout *= 2;
    let plan = refused(shards(&slower, 4, 1).remove(1)).to_string();
    assert!(
        plan.contains("the plan (timeout) is 5s in the first and 10s"),
        "{plan}"
    );

    let number = refused(shards(&first, 5, 1).remove(1)).to_string();
    assert!(
        number.contains("the number of shards is 4 in the first and 5"),
        "{number}"
    );

    let mut version = own();
    version.environment.a7probe = "9.9.9".to_owned();
    assert!(refused(version).to_string().contains("9.9.9"));

    let mut target = own();
    target.plan.target = "http://10.0.0.1".to_owned();
    assert!(
        refused(target)
            .to_string()
            .contains("the target is http://127.0.0.1:8080")
    );

    let mut start = own();
    start.started_at = "2026-12-01T12:01:00Z".parse().unwrap();
    assert!(
        refused(start)
            .to_string()
            .contains("the start is 2026-12-01T12:00:00Z")
    );

    let whole = run_of(&first, ALONE);
    let error = ShardMerge::new(whole, "run.json").unwrap_err();
    assert_eq!(
        error,
        MergeError::NotAShard {
            source_file: "run.json".to_owned()
        }
    );
}

/// Merges 64 shards of a million requests each, without an audit; prints the figures of a build that is not optimized.
/// `A7PROBE_SHARDS=FOLDER` leaves the files there, so that another build can merge them. Gives the peak memory in MB.
#[expect(clippy::print_stderr, reason = "the figures are what it is for")]
fn sixty_four_million_requests(what: &str, prepare: fn(&mut Run, Shard)) -> u64 {
    const SHARDS: u64 = 64;
    let mut plan = plan(Arrivals::Jitter, SHARDS * 1_000_000);
    plan.endpoints.truncate(1);
    plan.endpoints[0].rate = Rate::per_second(100_000.0);
    let temporary = temp_dir();
    let kept = std::env::var_os("A7PROBE_SHARDS").map(PathBuf::from);
    let folder = kept.as_deref().unwrap_or(temporary.path()).join(what);
    std::fs::create_dir_all(&folder).unwrap();
    for index in 0..SHARDS {
        let shard = shard(index, SHARDS);
        let mut run = run_of(&plan, Sender { shard, threads: 1 });
        prepare(&mut run, shard);
        run.save(&folder.join(format!("shard-{index:02}.json")))
            .unwrap();
    }
    let began = std::time::Instant::now();
    let line = ["merge", ".", "--no-audit", "--quiet"];
    let mut merge = a7probe(&folder, &line).spawn().unwrap();
    let mut peak_kib = 0;
    while merge.try_wait().unwrap().is_none() {
        peak_kib = peak_memory_kib(merge.id()).unwrap_or(0).max(peak_kib);
        std::thread::sleep(Duration::from_millis(10));
    }
    let time = began.elapsed();
    let peak_mb = peak_kib * 1_024 / 1_000_000;
    eprintln!("64 shards of 1,000,000 requests, {what}: {time:.1?}, {peak_mb} MB");
    let output = merge.wait_with_output().unwrap();
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    peak_mb
}

#[test]
fn sixty_four_shards_of_a_million_requests_merge_in_500_mb() {
    if need_right(&LONG_TESTS, "64 shards of 1,000,000 requests").is_none() {
        return;
    }
    let peak_mb = sixty_four_million_requests("without ids", |_, _| {});
    assert!(peak_mb < 500, "{peak_mb} MB");
}

#[test]
fn sixty_four_shards_of_a_million_ids_of_the_service_merge() {
    if need_right(&LONG_TESTS, "64 shards of 1,000,000 ids").is_none() {
        return;
    }
    sixty_four_million_requests("with ids", |run, shard| {
        let own = &mut run.endpoints[0];
        let id = |index| event_id(Uuid::from_u128(2), 0, shard.global(index));
        let accepted = own.recording.ok.ones().map(|index| Accepted {
            index,
            answered_ns: None,
            key: Some(EventKey::Uuid(id(index))),
        });
        own.answers.accepted = accepted.collect();
    });
}
