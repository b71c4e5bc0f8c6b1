//! The flags about the load, and the model and size that follow from them.

use std::time::Duration;

use anyhow::bail;
use clap::Args;

use super::defaults::{DEFAULT_BUDGET, DEFAULT_DURATION};
use super::settings::Settings;
use super::settings_file::SettingsLayers;
use super::value::{arrivals, positive_duration};
use crate::judge::gate::Gate;
use crate::run::plan::{Arrivals, Design, Model, Size};
use crate::units::parse_duration;

/// How much is sent, and how it is spread over time.
#[derive(Args, Debug, Clone, Default)]
#[command(
    next_help_heading = "Load",
    mut_arg("budget", |arg| arg.conflicts_with_all(["duration", "requests"]))
)]
pub struct LoadArgs {
    /// Requests to each endpoint; judged once, at the end.
    #[arg(short = 'n', long, alias = "samples", env = "A7PROBE_REQUESTS", value_name = "N", value_parser = clap::value_parser!(u64).range(1..), conflicts_with = "duration")]
    pub requests: Option<u64>,

    /// Time to send, without warm-up; judged once, at the end.
    #[arg(short = 'z', long, env = "A7PROBE_DURATION", value_name = "TIME", value_parser = positive_duration())]
    pub duration: Option<Duration>,

    /// Instead of a fixed size.
    #[command(flatten)]
    pub budget: BudgetArgs,

    /// Requests in flight. Without a rate: the closed model, service time only. With a rate: the most in flight.
    #[arg(short = 'c', long, env = "A7PROBE_CONCURRENCY", value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_535))]
    pub concurrency: Option<u32>,

    /// Arrival pattern of the schedule [default: jitter].
    #[arg(long, env = "A7PROBE_ARRIVALS", value_name = "KIND", value_parser = arrivals())]
    pub arrivals: Option<Arrivals>,

    /// Time of requests before the run, recorded apart; 0s for none [default: 2s].
    #[arg(long, env = "A7PROBE_WARMUP", value_name = "TIME", value_parser = parse_duration)]
    pub warmup: Option<Duration>,
}

/// The longest time that is spent.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Load")]
pub struct BudgetArgs {
    /// Longest time of a run that stops when all gates are decided [default: 120s].
    #[arg(long, env = "A7PROBE_BUDGET", value_name = "TIME", value_parser = positive_duration())]
    pub budget: Option<Duration>,
}

/// The seed of the schedule and the timeout of its requests.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Load")]
pub struct TimingArgs {
    /// Seed of the schedule; printed and saved [default: random].
    #[arg(long, env = "A7PROBE_SEED", value_name = "N")]
    pub seed: Option<u64>,

    /// Request timeout, counted from the intended start [default: 10s].
    #[arg(short = 't', long, env = "A7PROBE_TIMEOUT", value_name = "TIME", value_parser = positive_duration())]
    pub timeout: Option<Duration>,
}

/// What a layer says of the model.
struct LayerModel {
    concurrency: Option<u32>,
    has_rate: bool,
}

impl From<&Settings> for LayerModel {
    fn from(settings: &Settings) -> LayerModel {
        let mut endpoints = settings.endpoints.values();
        LayerModel {
            concurrency: settings.concurrency,
            has_rate: settings.rate.is_some()
                || settings.rate_file.is_some()
                || endpoints.any(|e| e.rate.is_some()),
        }
    }
}

/// What a layer says of the size.
struct LayerSize {
    layer: &'static str,
    requests: Option<u64>,
    duration: Option<Duration>,
    budget: Option<Duration>,
}

impl LayerSize {
    fn of(layer: &'static str, settings: &Settings) -> LayerSize {
        LayerSize {
            layer,
            requests: settings.requests,
            duration: settings.duration,
            budget: settings.budget,
        }
    }

    /// Requests, duration and budget exclude each other; `None` where the layer gives none of them.
    fn resolved(&self, model: Model) -> anyhow::Result<Option<(Size, Design)>> {
        let layer = self.layer;
        let fixed = |size| Ok(Some((size, Design::Fixed)));
        match (self.requests, self.duration, self.budget) {
            (None, None, None) => Ok(None),
            (Some(0), None, None) => {
                bail!("requests = 0 measures nothing\nhint: a P99 needs 299 requests to pass")
            }
            (Some(requests), None, None) => fixed(Size::Requests(requests)),
            (None, Some(time), None) | (None, None, Some(time)) if time.is_zero() => {
                bail!("duration = 0 measures nothing\nhint: write for example duration = \"30s\"")
            }
            (None, Some(duration), None) => fixed(Size::Duration(duration)),
            (None, None, Some(budget)) => adaptive(budget, model).map(Some),
            (Some(_), Some(_), _) => bail!(
                "{layer} sets both requests and duration\nhint: remove one of them; a7probe computes it from the rate"
            ),
            _ => bail!(
                "{layer} sets both a budget and a fixed size\nhint: remove budget, or requests and duration; a run with a budget stops when every gate is decided"
            ),
        }
    }
}

impl LoadArgs {
    /// Closed where a layer above every rate gives the concurrency: `-c 8` means eight at a time even if the file has a
    /// rate for other runs. With a rate in the same layer, concurrency caps the requests in flight.
    pub(super) fn model(&self, has_rate: bool, layers: &SettingsLayers) -> Model {
        let typed = LayerModel {
            concurrency: self.concurrency,
            has_rate,
        };
        let highest = [
            typed,
            LayerModel::from(&layers.profile),
            LayerModel::from(&layers.file),
        ]
        .into_iter()
        .find(|layer| layer.concurrency.is_some() || layer.has_rate);
        match highest {
            Some(LayerModel {
                concurrency: Some(concurrency),
                has_rate: false,
            }) => Model::Closed {
                concurrency: concurrency as usize,
            },
            _ => Model::Open {
                arrivals: layers
                    .first(self.arrivals, |s| s.arrivals)
                    .unwrap_or_default(),
            },
        }
    }

    /// Whether a layer gives a number of requests or a duration.
    pub(super) fn gives_fixed_size(&self, layers: &SettingsLayers) -> bool {
        let of = |settings: &Settings| settings.requests.is_some() || settings.duration.is_some();
        let typed = self.requests.is_some() || self.duration.is_some();
        typed || of(&layers.profile) || of(&layers.file)
    }

    /// The number of requests or the duration of the highest layer that gives one.
    pub(super) fn fixed_size(&self, layers: &SettingsLayers) -> Option<Size> {
        let of = |requests: Option<u64>, duration: Option<Duration>| {
            let requests = requests.filter(|&n| n > 0).map(Size::Requests);
            requests.or(duration.filter(|d| !d.is_zero()).map(Size::Duration))
        };
        let below = |settings: &Settings| of(settings.requests, settings.duration);
        of(self.requests, self.duration)
            .or_else(|| below(&layers.profile))
            .or_else(|| below(&layers.file))
    }

    /// The highest layer that gives a size decides. Without one, an open-model run is adaptive where a gate can end it.
    pub(super) fn size(
        &self,
        layers: &SettingsLayers,
        model: Model,
        gates: &[Gate],
    ) -> anyhow::Result<(Size, Design)> {
        let typed = LayerSize {
            layer: "the command line",
            requests: self.requests,
            duration: self.duration,
            budget: self.budget.budget,
        };
        for layer in [
            typed,
            LayerSize::of("the profile", &layers.profile),
            LayerSize::of("the settings file", &layers.file),
        ] {
            if let Some(size) = layer.resolved(model)? {
                return Ok(size);
            }
        }
        Ok(match model {
            Model::Open { .. } if can_end_a_run(gates) => {
                (Size::Duration(DEFAULT_BUDGET), Design::Adaptive)
            }
            _ => (Size::Duration(DEFAULT_DURATION), Design::Fixed),
        })
    }
}

/// The audit's counts are known only after the run, so they never end one. A gate on the time to completion needs its
/// whole sample, even where the other gates are decided.
fn can_end_a_run(gates: &[Gate]) -> bool {
    let watched =
        |gate: &Gate| gate.condition.allowed_share().is_some() && !gate.condition.needs_audit();
    let needs_sample = |gate: &Gate| gate.condition.done_quantile().is_some();
    gates.iter().any(watched) && !gates.iter().any(needs_sample)
}

fn adaptive(budget: Duration, model: Model) -> anyhow::Result<(Size, Design)> {
    match model {
        Model::Open { .. } => Ok((Size::Duration(budget), Design::Adaptive)),
        Model::Closed { .. } => bail!(
            "a closed-model run (-c without a rate) cannot have a budget\nhint: give a rate with -q, or -z or -n instead of the budget"
        ),
    }
}
