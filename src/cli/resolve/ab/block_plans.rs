//! The two plans of a comparison, and the blocks in which they are sent.

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::resolve::gates::planned_samples;
use crate::cli::run_setup::RunSetup;
use crate::judge::comparison::{Noise, Pair, SideName, Turn, order_of};
use crate::judge::gate::{Gate, Planned, Scope};
use crate::run::plan::{Design, Endpoint, Guard, Plan, Size};
use crate::run::schedule::mix;

/// What an `ab` means.
#[derive(Debug, Clone)]
pub(crate) struct Ab {
    /// What is sent to each side in all its blocks together; the warm-up is what is sent before each block.
    pub plans: Pair<Plan>,
    /// Whether there is anything to tell the sides apart.
    pub sameness: Sameness,
    pub pairs: u64,
    /// How long a block is.
    pub block: Duration,
    /// What must hold; checked against the plans.
    pub gates: Vec<Gate>,
    /// How bursts are judged.
    pub guard: Guard,
    /// What counts as no change.
    pub noise: Noise,
    /// Where the sides are saved.
    pub save: Pair<Option<PathBuf>>,
    /// What surrounds the blocks.
    pub setup: RunSetup,
}

/// Whether there is anything to tell the sides of a comparison apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sameness {
    /// The same URL and headers: whatever is found is the setup's own doing, or chance (an A/A).
    Same,
    Different,
}

impl Sameness {
    /// Whether the plans differ in their URLs or headers.
    pub(super) fn of(plans: &Pair<Plan>) -> Sameness {
        let Pair { before, after } = plans;
        if before.target == after.target && before.endpoints == after.endpoints {
            Sameness::Same
        } else {
            Sameness::Different
        }
    }
}

impl Ab {
    /// What one block sends. Both blocks of a pair have the same schedule, and every pair another one.
    pub(crate) fn block_plan(&self, turn: Turn) -> Plan {
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
    pub(crate) fn planned<'a>(&self, endpoint: &'a Endpoint) -> Planned<'a> {
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
    pub(crate) fn on_one_run(&self) -> Vec<Gate> {
        let gates = self.gates.iter();
        gates
            .filter(|gate| gate.condition.scope() == Scope::OneRun)
            .cloned()
            .collect()
    }

    /// How long all blocks take with what is sent before each, without the last answers of each.
    pub(crate) fn takes(&self) -> Duration {
        let each = self.block.saturating_add(self.plans.before.warmup);
        each.saturating_mul(2 * self.pairs as u32)
    }
}
