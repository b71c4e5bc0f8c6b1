//! The number of samples that would decide a gate.

use a7probe::judge::gate::{self, Gate};
use a7probe::report::text::{next_step, reason};
use a7probe::run::plan::{Design, Guard};
use a7probe::stats::binomial;
use a7probe::verdict::Verdict;

use super::{FAST, Run, SLOW, TARGET, judged, list};

#[test]
fn too_few_samples_say_how_many_it_takes() {
    for (gate, needed) in [
        ("p50 <= 150ms", 5),
        ("p90 <= 150ms", 29),
        ("p95 <= 150ms", 59),
        ("p99 <= 150ms", 299),
        ("p99.9 <= 150ms", 2995),
        ("error_rate <= 0.1%", 2995),
        ("error_rate <= 5%", 59),
    ] {
        let parsed = Gate::parse(gate).expect(gate);
        assert_eq!(parsed.min_samples(), Some(needed), "{gate}");
        let enough = Run::counting(&[TARGET]).ok(needed, FAST);
        assert_eq!(enough.judge_one(gate).verdict, Verdict::Pass, "{gate}");
        let short = Run::counting(&[TARGET]).ok(needed - 1, FAST);
        let finding = short.judge_one(gate);
        assert_eq!(finding.verdict, Verdict::Inconclusive, "{gate}");
        let next = next_step(&finding).expect("a way out");
        assert!(next.starts_with("at least "), "{gate}: {next}");
    }
    let ten = Run::counting(&[TARGET]).ok(10, FAST);
    let finding = ten.judge_one("p99 <= 150ms");
    assert_eq!(
        reason(&finding),
        "P99 cannot pass with 10 requests, even with none slower than 150 ms: needs 299; none of 10 requests \
         was slower than 150 ms"
    );
    assert_eq!(
        next_step(&finding).as_deref(),
        Some("at least 299 requests are needed for P99 to pass")
    );
}

#[test]
fn the_number_of_samples_that_would_decide_does_decide() {
    for (fast, slow, gate, theta0) in [
        (576, 24, "p95 <= 150ms", 0.05),
        (560, 40, "p95 <= 150ms", 0.05),
        (4, 6, "p50 <= 150ms", 0.5),
        (995, 5, "p99 <= 150ms", 0.01),
    ] {
        let n = fast + slow;
        let run = Run::counting(&[TARGET]).ok(fast, FAST).ok(slow, SLOW);
        let finding = run.judge_one(gate);
        if finding.verdict != Verdict::Inconclusive {
            continue;
        }
        let next = next_step(&finding).expect("a way out");
        let number: String = next.chars().filter(char::is_ascii_digit).collect();
        let more: u64 = number.parse().expect("a number of samples");
        let share = slow as f64 / n as f64;
        let (wanted, k) = match share < theta0 {
            true => (Verdict::Pass, (share * (n + more) as f64).floor()),
            false => (Verdict::Fail, (share * (n + more) as f64).ceil()),
        };
        let judged = binomial::judge(n + more, k as u64, theta0, gate::ALPHA);
        assert_eq!(judged.verdict, wanted, "{gate}: {next}");
    }
}

#[test]
fn between_the_limits_of_a_fixed_and_of_an_adaptive_run_more_requests_decide() {
    // 1 284 of 2 400 fail at one look (1 241 would), and not where one looked all the time.
    let slow = |i: u64| i * 1_284 % 2_400 < 1_284;
    let latencies: Vec<f64> = (0..2_400)
        .map(|i| if slow(i) { 170.0 } else { 160.0 })
        .collect();
    let finding = judged(&list(&latencies), "p50 <= 168ms", |subject| {
        subject.guard = Guard::Iid;
        subject.design = Design::Adaptive;
        subject.rate_per_s = None;
    });
    assert_eq!(finding.verdict, Verdict::Inconclusive);
    let next = next_step(&finding).unwrap();
    assert!(
        next.starts_with("about ") && next.ends_with("would show a failure"),
        "{next}"
    );
}

#[test]
fn without_order_no_number_of_exceedances_is_said_to_decide() {
    let mut run = Run::counting(&[]);
    for _ in 0..300 {
        run = run.ok(1, FAST).ok(1, SLOW);
    }
    // As in a file of before there was a sequence.
    run.recording.sequence = None;
    let finding = judged(&run.recording, "p50 <= 150ms", |_| {});
    assert_eq!(finding.verdict, Verdict::Inconclusive);
    assert!(
        reason(&finding).contains("slow spells cannot be seen"),
        "{}",
        reason(&finding)
    );
    assert!(
        !reason(&finding).contains("would fail"),
        "{}",
        reason(&finding)
    );
}

#[test]
fn the_reason_and_the_next_step_name_one_number_of_samples() {
    let clean = list(&[100.0; 10]);
    let of_list = judged(&clean, "p95 <= 150ms", |subject| subject.rate_per_s = None);
    assert!(
        reason(&of_list).contains("needs 59, and 60 to allow for slow spells of 1 sample;"),
        "{}",
        reason(&of_list)
    );
    assert_eq!(
        next_step(&of_list).as_deref(),
        Some("at least 60 samples are needed for P95 to pass")
    );
    let independent = judged(&clean, "p95 <= 150ms", |subject| subject.guard = Guard::Iid);
    assert!(
        reason(&independent).contains("needs 59;"),
        "{}",
        reason(&independent)
    );
}
