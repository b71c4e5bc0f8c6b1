//! `--spell` and `--iid`: how slow spells are judged, the same for `measure`, `judge` and `compare`.

use std::time::Duration;

use anyhow::bail;
use clap::Args;

use super::settings_file::SettingsLayers;
use super::value::positive_duration;
use crate::run::plan::Guard;

/// Whether a verdict allows for slow spells.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Gates and verdict")]
pub struct GuardArgs {
    /// Allow for slow spells of up to this length; to pass, a run must last 60 times as long for P95, 300 times for P99
    /// [default: 100ms]
    #[arg(long, alias = "episode", value_name = "TIME", env = "A7PROBE_SPELL", value_parser = positive_duration(), conflicts_with = "iid")]
    pub spell: Option<Duration>,

    /// Treat requests as independent: do not allow for slow spells; the output says so
    #[arg(long)]
    pub iid: bool,
}

impl GuardArgs {
    pub(crate) fn typed(&self) -> Option<Guard> {
        let iid = self.iid.then_some(Guard::Iid);
        iid.or(self.spell.map(Guard::Episode))
    }

    /// A spell and independence exclude each other within a layer; the higher layer wins.
    ///
    /// # Errors
    /// A layer of the settings gives both, or a spell of 0.
    pub(super) fn guard(&self, layers: &SettingsLayers) -> anyhow::Result<Guard> {
        if let Some(typed) = self.typed() {
            return Ok(typed);
        }
        for (layer, settings) in [
            ("profile", &layers.profile),
            ("settings file", &layers.file),
        ] {
            match (settings.iid, settings.spell) {
                (Some(true), Some(_)) => {
                    bail!("the {layer} sets both spell and iid\nhint: keep one of them")
                }
                (_, Some(spell)) if spell.is_zero() => bail!(
                    "spell = 0 is not a valid length\nhint: iid = true treats requests as independent"
                ),
                (Some(true), None) => return Ok(Guard::Iid),
                (_, Some(spell)) => return Ok(Guard::Episode(spell)),
                (Some(false), None) => return Ok(Guard::default()),
                (None, None) => {}
            }
        }
        Ok(Guard::default())
    }
}
