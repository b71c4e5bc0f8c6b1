//! Plans that can decide their gates, and plans that cannot.

use std::time::Duration;

use super::{Gate, Planned, check, targets_for};
use crate::run::plan::{Design, Guard, LoadShape, Size};

fn gates(texts: &[&str]) -> Vec<Gate> {
    texts
        .iter()
        .map(|text| Gate::parse(text).expect(text))
        .collect()
}

fn plan(samples: u64) -> [Planned<'static>; 2] {
    ["health", "ingest"].map(|endpoint| Planned {
        endpoint,
        samples: Some(samples),
        rate_per_s: Some(20.0),
        shape: LoadShape::Steady,
        guard: Guard::Iid,
        design: Design::Fixed,
        size: Size::Requests(samples),
    })
}

fn refusal(text: &str, samples: u64) -> String {
    let timeout = Some(Duration::from_secs(10));
    check(&gates(&[text]), &plan(samples), timeout)
        .expect_err(text)
        .to_string()
}

#[test]
fn a_plan_that_can_decide_every_gate_is_accepted() {
    let gates = gates(&["* p99 <= 150ms", "ingest error_rate <= 1%"]);
    assert_eq!(check(&gates, &plan(299), None), Ok(()));
    let unbounded = [Planned {
        samples: None,
        ..plan(0)[1]
    }];
    assert_eq!(check(&gates, &unbounded, None), Ok(()));
}

#[test]
fn a_gate_that_does_not_fit_the_plan_is_refused_before_the_first_request() {
    assert_eq!(
        refusal("helth p95 <= 150ms", 600),
        "gate 'helth p95 <= 150ms': unknown endpoint 'helth'\nhint: did you mean 'health p95 <= 150ms'?"
    );
    assert_eq!(
        refusal("orders p95 <= 150ms", 600),
        "gate 'orders p95 <= 150ms': unknown endpoint 'orders'\nhint: endpoints: health, ingest"
    );
    assert_eq!(
        refusal("p95 reduction >= 70%", 600),
        "gate '* p95 reduction >= 70%' needs a baseline\n\
         hint: name a saved run with --baseline FILE, or use a7probe compare"
    );
    assert_eq!(
        refusal("p99 <= 150ms", 298),
        "gate 'health p99 <= 150ms' cannot pass with 298 requests (needs 299)\n\
         hint: use -n 299, or gate a lower percentile; --no-gates measures without a verdict"
    );
    assert_eq!(
        refusal("error_rate <= 0.1%", 600),
        "gate 'health error_rate <= 0.1%' cannot pass with 600 requests (needs 2,995)\n\
         hint: use -n 2995, or a higher limit"
    );
    assert_eq!(
        refusal("p95 <= 15s", 600),
        "gate 'p95 <= 15s': the timeout of 10 s is shorter than the limit of 15 s\nhint: raise the timeout, such as -t 30s"
    );
}

#[test]
fn each_endpoint_counts_its_own_targets_once() {
    let gates = gates(&[
        "* p95 <= 150ms",
        "health p99 <= 0.15s",
        "health p50 < 20ms",
        "ingest p50 <= 1s",
        "error_rate <= 1%",
    ]);
    assert_eq!(
        targets_for(&gates, "health"),
        [Duration::from_nanos(19_999_999), Duration::from_millis(150)]
    );
}
