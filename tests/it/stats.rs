//! The statistics against reference values from exact rational arithmetic: `fixtures/statistics.json`.

use std::sync::LazyLock;

use a7probe::stats::binomial::{self, Judgement};
use a7probe::stats::cluster::Clusters;
use a7probe::stats::profile::{self, CUT_95};
use a7probe::stats::rank::{self, Quantile};
use a7probe::stats::sequential::{Mixture, SequentialTest};
use serde::de::DeserializeOwned;
use serde_json::Value;

static REFERENCE: LazyLock<Value> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../fixtures/statistics.json")).expect("valid JSON")
});

/// The cases of one section; there is always at least one, or the test would promise nothing.
fn cases(section: &str) -> &'static [Value] {
    let cases = REFERENCE[section].as_array().expect(section);
    assert!(!cases.is_empty(), "{section} is empty");
    cases
}

fn field<T: DeserializeOwned>(case: &Value, name: &str) -> T {
    serde_json::from_value(case[name].clone())
        .unwrap_or_else(|error| panic!("{name}: {error} in {case}"))
}

/// "0.999" as P99.9, without going through floating point.
fn quantile(case: &Value) -> Quantile {
    let text: String = field(case, "q");
    let decimals = text.strip_prefix("0.").expect("a fraction");
    let padded = format!("{decimals:0<2}");
    let (whole, rest) = padded.split_at(2);
    format!("p{whole}.{rest}0").parse().expect("a percentile")
}

fn alpha(case: &Value) -> f64 {
    field::<String>(case, "alpha").parse().expect("a number")
}

#[track_caller]
fn close(actual: f64, expected: f64, what: &Value) {
    let distance = (actual - expected).abs();
    assert!(
        distance <= 1e-9 * expected.abs(),
        "{actual:e} is not {expected:e} in {what}"
    );
}

#[test]
fn interval_ranks_are_the_exact_ones() {
    for case in cases("order_statistic_ci") {
        let (n, q, confidence) = (
            field::<u64>(case, "n"),
            quantile(case),
            field::<f64>(case, "conf"),
        );
        assert_eq!(q.rank(n), field::<u64>(case, "point_rank"), "{case}");

        let open =
            |(low, high): (Option<u64>, Option<u64>)| (low.unwrap_or(0), high.unwrap_or(n + 1));
        let (low, high) = open(rank::interval_ranks(n, q, confidence));
        let expected = (field(case, "lo_two_sided"), field(case, "hi_two_sided"));
        assert_eq!((low, high), expected, "{case}");

        // A one-sided bound at 1 − α is one end of the two-sided interval at 1 − 2α.
        let one_sided = open(rank::interval_ranks(n, q, 1.0 - 2.0 * (1.0 - confidence)));
        assert_eq!(
            one_sided,
            (field(case, "lo_one_sided"), field(case, "hi_one_sided")),
            "{case}"
        );

        let below_high = binomial::p_pass(n, high - 1, q.as_f64());
        let below_low = binomial::p_pass(n, low - 1, q.as_f64());
        close(
            below_high - below_low,
            field(case, "coverage_two_sided"),
            case,
        );
    }
}

#[test]
fn smallest_sample_sizes_are_the_exact_ones() {
    for case in cases("min_n") {
        let (q, alpha) = (quantile(case), alpha(case));
        assert_eq!(
            rank::min_samples_to_pass(q, alpha),
            field::<u64>(case, "pass_one_sided"),
            "{case}"
        );
        let two_sided = rank::min_samples_for_interval(q, 1.0 - alpha);
        assert_eq!(
            two_sided,
            field::<u64>(case, "finite_two_sided_interval"),
            "{case}"
        );
        assert_eq!(
            two_sided,
            field::<u64>(case, "finite_upper_two_sided"),
            "{case}"
        );
        let ratio = profile::min_samples(q, profile::cut(1.0 - alpha));
        assert_eq!(ratio, field::<u64>(case, "pbl_finite_ratio"), "{case}");

        // The reference counts evidence alone; that one slow request never fails a gate is a rule on top
        // of it.
        let evidence = (1..)
            .find(|&n| binomial::reaches(binomial::p_fail(n, n, q.exceedance()), alpha))
            .expect("some n");
        assert_eq!(evidence, field::<u64>(case, "fail_one_sided"), "{case}");
    }
}

#[test]
fn a_fixed_gate_is_judged_exactly() {
    for case in cases("fixed_gate") {
        let (n, k) = (field::<u64>(case, "n"), field::<u64>(case, "exceed"));
        let (theta0, alpha) = (quantile(case).exceedance(), alpha(case));
        let Judgement {
            p_pass,
            p_fail,
            verdict,
        } = binomial::judge(n, k, theta0, alpha);
        close(p_pass, field(case, "p_pass"), case);
        close(p_fail, field(case, "p_fail"), case);
        close(
            binomial::upper_bound(n, k, alpha),
            field(case, "theta_upper_1s"),
            case,
        );
        close(
            binomial::lower_bound(n, k, alpha),
            field(case, "theta_lower_1s"),
            case,
        );
        assert_eq!(verdict.as_str(), field::<String>(case, "verdict"), "{case}");
    }
}

#[test]
fn critical_values_are_the_exact_ones() {
    for case in cases("critical_values") {
        let (n, theta0) = (field::<u64>(case, "n"), quantile(case).exceedance());
        let most = binomial::max_exceedances_to_pass(n, theta0, 0.05);
        let fewest = binomial::min_exceedances_to_fail(n, theta0, 0.05);
        assert_eq!(
            most,
            field::<Option<u64>>(case, "max_exceed_pass"),
            "{case}"
        );
        assert_eq!(
            fewest,
            field::<Option<u64>>(case, "min_exceed_fail"),
            "{case}"
        );
    }
}

#[test]
fn failures_count_as_exceedances() {
    for case in cases("failures_as_infinity") {
        let [within, slow, failed, n, k] = ["n_ok_le_T", "n_ok_gt_T", "n_failed", "n", "exceed"]
            .map(|name| field::<u64>(case, name));
        assert_eq!((within + slow + failed, slow + failed), (n, k), "{case}");
        let verdict = binomial::judge(n, k, Quantile::P95.exceedance(), 0.05).verdict;
        assert_eq!(verdict.as_str(), field::<String>(case, "verdict"), "{case}");
    }
}

#[test]
fn the_rank_of_p99_9_is_not_one_too_high() {
    for case in cases("p999_rank_float_bug") {
        let (n, correct): (u64, u64) = (field(case, "n"), field(case, "correct_rank"));
        let q: Quantile = format!("p{}", case["percentile"])
            .parse()
            .expect("a percentile");
        assert_eq!(q.rank(n), correct, "{case}");
        assert_ne!(
            correct,
            field::<u64>(case, "naive_ceil_rank"),
            "the trap is gone: {case}"
        );
    }
}

/// "A_i=10i (i=1..100), B_i=2.5i (i=1..100)" as two sorted samples.
fn described_samples(case: &Value) -> [Vec<f64>; 2] {
    let text: String = field(case, "data");
    let slopes = ["A_i=", "B_i="].map(|name| {
        let (_, rest) = text.split_once(name).expect(name);
        let (slope, _) = rest.split_once("i ").expect("a slope");
        slope.parse::<f64>().expect("a number")
    });
    let sizes = ["nA", "nB"].map(|name| field::<u32>(case, name));
    [0, 1].map(|sample| {
        (1..=sizes[sample])
            .map(|i| slopes[sample] * f64::from(i))
            .collect()
    })
}

/// "A_(56)" → 56.
fn named_ranks(case: &Value, name: &str) -> (u64, u64) {
    let names: [String; 2] = field(case, name);
    let [before, after] = names.map(|text| text[3..text.len() - 1].parse().expect("a rank"));
    (before, after)
}

#[test]
fn before_and_after_are_compared_exactly() {
    for case in cases("pbl_two_sample") {
        let q: Quantile = format!("p{}", field::<f64>(case, "p") * 100.0)
            .parse()
            .expect("a percentile");
        let [before, after] = described_samples(case);
        let at_rank = |sample: &[f64]| sample[q.rank(sample.len() as u64) as usize - 1];
        close(
            at_rank(&after) / at_rank(&before),
            field(case, "ratio_point"),
            case,
        );
        close(profile::cut(0.95), field(case, "chi2_cut"), case);
        close(CUT_95, field(case, "chi2_cut"), case);

        let change =
            profile::change(before.as_slice(), after.as_slice(), q, CUT_95).expect("two samples");
        let finite = |value: f64| value.is_finite().then_some(value);
        for (actual, name) in [
            (change.ratio.low.value, "ratio_lo"),
            (change.ratio.high.value, "ratio_hi"),
            (change.difference.low.value, "diff_lo"),
            (change.difference.high.value, "diff_hi"),
        ] {
            match (finite(actual), field::<Option<f64>>(case, name)) {
                (Some(actual), Some(expected)) => close(actual, expected, case),
                (actual, expected) => assert_eq!(actual, expected, "{name} in {case}"),
            }
        }
        for (end, name) in [(change.ratio.low, "lo_at"), (change.ratio.high, "hi_at")] {
            assert_eq!(
                (end.before_rank, end.after_rank),
                named_ranks(case, name),
                "{name} in {case}"
            );
        }
        let verdict =
            profile::judge_reduction(change.ratio.low.value, change.ratio.high.value, 0.7);
        assert_eq!(
            verdict.as_str(),
            field::<String>(case, "gate_reduction_ge_70pct"),
            "{case}"
        );
    }
}

#[test]
fn a_reduction_is_computed_from_what_was_measured() {
    for case in cases("reduction_arithmetic") {
        let (before, after): (f64, f64) = (field(case, "before_ms"), field(case, "after_ms"));
        close(
            profile::reduction(before, after),
            field(case, "reduction"),
            case,
        );
        let ratio = after / before;
        let met = profile::judge_reduction(ratio, ratio, 0.7).as_str() == "PASS";
        assert_eq!(met, field::<bool>(case, "meets_70pct"), "{case}");
    }
}

/// Runs of exceedances of the given lengths, spread evenly over `samples`.
fn spread(samples: usize, runs: &[usize]) -> Clusters {
    let mut exceedances = vec![false; samples];
    for (index, &length) in runs.iter().enumerate() {
        let start = index * samples / runs.len();
        exceedances[start..start + length].fill(true);
    }
    Clusters::of(exceedances)
}

#[test]
fn bursts_reduce_what_a_sample_is_worth() {
    for case in cases("cluster_design_effect") {
        let clusters = spread(field(case, "n"), &field::<Vec<usize>>(case, "runs"));
        assert_eq!(clusters.slow.total, field::<u64>(case, "k"), "{case}");
        close(clusters.design_effect, field(case, "phi_cluster"), case);
        close(clusters.effective().0, field(case, "n_eff"), case);
        close(clusters.effective().1, field(case, "k_eff"), case);
        close(
            clusters.upper_bound(0.05),
            field(case, "theta_upper_1s"),
            case,
        );
        close(
            clusters.lower_bound(0.05),
            field(case, "theta_lower_1s"),
            case,
        );
    }
}

#[test]
fn periodic_stalls_are_judged_by_their_number() {
    for case in cases("stall_open_loop_gate_model") {
        let (n, cycles): (usize, usize) = (field(case, "n"), field(case, "cycles"));
        let burst = field::<usize>(case, "exceed_150ms") / cycles;
        let clusters = spread(n, &vec![burst; cycles]);
        close(clusters.design_effect, field(case, "phi_cluster"), case);
        close(
            clusters.upper_bound(0.05),
            field(case, "theta_upper_cluster"),
            case,
        );
        close(
            clusters.lower_bound(0.05),
            field(case, "theta_lower_cluster"),
            case,
        );
        let episode = field::<f64>(case, "rate") * 0.1;
        let guarded = clusters.judge(0.05, 0.05, episode).verdict;
        assert_eq!(
            guarded.as_str(),
            field::<String>(case, "verdict_cluster_robust"),
            "{case}"
        );
        let independent =
            binomial::judge(clusters.samples(), clusters.slow.total, 0.05, 0.05).verdict;
        assert_eq!(
            independent.as_str(),
            field::<String>(case, "verdict_iid"),
            "{case}"
        );
    }
}

#[test]
fn anytime_evidence_is_exact() {
    for case in cases("anytime_beta_mixture") {
        let (n, k) = (field::<u64>(case, "n"), field::<u64>(case, "exceed"));
        let theta0: f64 = field(case, "theta0");
        let evidence = Mixture::new(theta0).log_evidence(n as f64, k as f64);
        close(evidence.pass, field(case, "log_e_pass"), case);
        close(evidence.fail, field(case, "log_e_fail"), case);
        let expected = match field::<String>(case, "verdict").as_str() {
            "CONTINUE" => "INCONCLUSIVE".to_owned(),
            decided => decided.to_owned(),
        };
        assert_eq!(
            SequentialTest::new(theta0, 0.05).look(n, k).as_str(),
            expected,
            "{case}"
        );
    }
}

#[test]
fn the_shortest_anytime_runs_are_the_exact_ones() {
    for case in cases("anytime_min_n") {
        let mixture = Mixture::new(quantile(case).exceedance());
        let pass = (1..).find(|&n| mixture.max_exceedances_to_pass(n, 0.05).is_some());
        let fail = (1..).find(|&n| mixture.min_exceedances_to_fail(n, 0.05).is_some());
        assert_eq!(pass, Some(field(case, "min_n_pass_zero_exceed")), "{case}");
        assert_eq!(fail, Some(field(case, "min_n_fail_all_exceed")), "{case}");
    }
}

#[test]
fn anytime_boundaries_are_the_exact_ones() {
    let mixture = Mixture::new(Quantile::P95.exceedance());
    for case in cases("anytime_boundaries_p95_alpha05") {
        let n: u64 = field(case, "n");
        let most = mixture.max_exceedances_to_pass(n, 0.05);
        assert_eq!(
            most,
            field::<Option<u64>>(case, "max_exceed_pass"),
            "{case}"
        );
        let fewest = mixture.min_exceedances_to_fail(n, 0.05);
        assert_eq!(
            fewest,
            field::<Option<u64>>(case, "min_exceed_fail"),
            "{case}"
        );
    }
}
