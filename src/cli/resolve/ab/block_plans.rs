//! The two plans of a comparison, and the blocks in which they are sent.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;

use crate::cli::resolve::counted_rows;
use crate::cli::resolve::gates::planned_samples;
use crate::cli::run_setup::RunSetup;
use crate::judge::comparison::{Noise, Pair, SideName, Turn, order_of};
use crate::judge::gate::{Gate, Planned, Scope};
use crate::run::plan::{Design, Endpoint, Guard, Plan, RowUse, Size};
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
    /// The same URL, headers and version of HTTP: any difference comes from the setup, or is chance (an A/A).
    Same,
    Different,
}

impl Sameness {
    /// Whether the plans differ in their URLs, headers or versions of HTTP.
    pub(crate) fn of(plans: &Pair<Plan>) -> Sameness {
        let Pair { before, after } = plans;
        let (own, other) = (&before.connections, &after.connections);
        let same_requests = before.target == after.target && before.endpoints == after.endpoints;
        if same_requests && own.version == other.version {
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
            shape: endpoint.shape(),
            guard: self.guard,
            design: Design::Fixed,
            // Blocks are added until the number is reached.
            size: Size::Requests(samples.unwrap_or_default()),
        }
    }

    /// Puts the rows of what is sent before each block behind those of all blocks.
    ///
    /// # Errors
    /// Every row is for one request.
    pub(super) fn count_rows(&mut self) -> anyhow::Result<()> {
        if self
            .plans
            .before
            .rows
            .as_ref()
            .is_some_and(|rows| rows.usage == RowUse::Once)
        {
            bail!(
                "--data-once is not for ab: both sides send the same rows, and before every block some again\nhint: leave it out, or measure each side with a7probe measure"
            );
        }
        // As the blocks count: from the end of one, the next begins.
        let blocks = order_of(self.pairs).filter(|turn| turn.side == SideName::After);
        let planned = blocks
            .map(|turn| {
                let block = self.block_plan(turn);
                counted_rows::most(&block, |endpoint| planned_samples(&block, endpoint))
            })
            .sum();
        let preflight = self.setup.preflight;
        counted_rows::count(&mut self.plans.before, planned, preflight)?;
        counted_rows::count(&mut self.plans.after, planned, preflight)
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
