//! A plan and its gates, before they are held against each other.

use anyhow::bail;

use crate::cli::defaults::{DEFAULT_TARGET, DEFAULT_TIMEOUT, DEFAULT_WARMUP};
use crate::cli::measure::MeasureArgs;
use crate::cli::resolve::gates;
use crate::cli::service::endpoints::Service;
use crate::cli::settings_file::SettingsLayers;
use crate::cli::variables::LookUp;
use crate::judge::gate::Gate;
use crate::run::plan::{ConnectionPolicy, Design, Keepalive, Plan};

/// Plan and gates that have not been held against each other.
pub(super) struct UncheckedPlan {
    pub(super) plan: Plan,
    pub(super) gates: Vec<Gate>,
    pub(super) design: Design,
}

impl UncheckedPlan {
    /// What the flags and the settings mean.
    ///
    /// # Errors
    /// A value cannot be read, or flags of one group contradict each other.
    pub(super) fn resolve(
        args: &MeasureArgs,
        layers: &SettingsLayers,
        look_up: LookUp<'_>,
    ) -> anyhow::Result<UncheckedPlan> {
        let model = args.load.model(!args.service.rate.is_empty(), layers);
        let service = Service::resolve(&args.service, &args.single, model, layers, look_up)?;
        let target = layers.first(args.target, |s| s.target);
        let target = target.unwrap_or(DEFAULT_TARGET);
        if target.is_zero() {
            bail!(
                "a target of 0 is met by no answer\nhint: give the latency that is still good, such as target = \"150ms\""
            );
        }
        let gates = gates::of_one_run(args, layers, target)?;
        let (size, design) = args.load.size(layers, model, &gates)?;
        let warmup = layers.first(args.load.warmup, |s| s.warmup);
        let timeout = layers.first(args.timing.timeout, |s| s.timeout);
        let seed = layers.first(args.timing.seed, |s| s.seed);
        let plan = Plan {
            target: service.target,
            endpoints: service.endpoints,
            model,
            size,
            warmup: warmup.unwrap_or(DEFAULT_WARMUP),
            timeout: timeout.unwrap_or(DEFAULT_TIMEOUT),
            seed: seed.unwrap_or_else(|| rand::random::<u64>() >> 11),
            connections: connections(args, layers)?,
        };
        Ok(UncheckedPlan {
            plan,
            gates,
            design,
        })
    }
}

fn connections(args: &MeasureArgs, layers: &SettingsLayers) -> anyhow::Result<ConnectionPolicy> {
    let mut policy = args.connection.policy(layers)?;
    if let Some(cap) = args.load.concurrency {
        policy.max_in_flight = cap as usize;
    }
    if args.disable_keepalive {
        policy.keepalive = Keepalive::PerRequest;
    }
    Ok(policy)
}
