//! `--episode` and `--iid`: how bursts are judged, the same for `measure`, `judge` and `compare`.

use std::time::Duration;

use anyhow::bail;
use clap::Args;

use super::settings_file::SettingsLayers;
use super::value::positive_duration;
use crate::run::plan::Guard;

/// Whether a verdict allows for slow requests that come in bursts.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Verdict")]
pub struct GuardArgs {
    /// Slow episodes of this length must be excluded before a gate passes: at least 60 times as long for P95, 300
    /// times for P99 [default: 100ms]
    #[arg(long, value_name = "TIME", env = "A7PROBE_EPISODE", value_parser = positive_duration(), conflicts_with = "iid")]
    pub episode: Option<Duration>,

    /// Take requests as independent: no guard against bursts, and the output says so
    #[arg(long)]
    pub iid: bool,
}

impl GuardArgs {
    pub(crate) fn typed(&self) -> Option<Guard> {
        let iid = self.iid.then_some(Guard::Iid);
        iid.or(self.episode.map(Guard::Episode))
    }

    /// An episode and independence exclude each other within a layer; the higher layer wins.
    ///
    /// # Errors
    /// A layer of the settings gives both, or an episode of 0.
    pub(super) fn guard(&self, layers: &SettingsLayers) -> anyhow::Result<Guard> {
        if let Some(typed) = self.typed() {
            return Ok(typed);
        }
        for (layer, settings) in [
            ("profile", &layers.profile),
            ("settings file", &layers.file),
        ] {
            match (settings.iid, settings.episode) {
                (Some(true), Some(_)) => bail!(
                    "the {layer} gives an episode and takes requests as independent\nhint: keep one of them"
                ),
                (_, Some(episode)) if episode.is_zero() => bail!(
                    "an episode of 0 excludes nothing\nhint: iid = true takes requests as independent"
                ),
                (Some(true), None) => return Ok(Guard::Iid),
                (_, Some(episode)) => return Ok(Guard::Episode(episode)),
                (Some(false), None) => return Ok(Guard::default()),
                (None, None) => {}
            }
        }
        Ok(Guard::default())
    }
}
