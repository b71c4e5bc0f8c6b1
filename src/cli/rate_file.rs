//! `--rate-file`: the file whose instants are replayed, how fast, and in which form it is.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail};
use clap::Args;

use super::settings::Settings;
use super::settings_file::SettingsLayers;
use super::speed::parse_speed;
use crate::printable::Shown as _;
use crate::run::replay_file::{ReadReplayFile, ReplayFormat};

/// A replay instead of a rate.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Load")]
pub struct RateFileArgs {
    /// Send at the instants of a file instead of a rate: offsets, one a line, or an access log, whose GET and HEAD
    /// requests are sent where the URL has no path; - is stdin.
    #[arg(long, env = "A7PROBE_RATE_FILE", value_name = "FILE")]
    pub rate_file: Option<PathBuf>,

    /// Factor by which the replay is faster than the file [default: 1].
    #[arg(long, env = "A7PROBE_SPEED", value_name = "FACTOR", value_parser = parse_speed)]
    pub speed: Option<f64>,

    /// Form of the rate file: combined, ndjson, csv or offsets [default: by its name and first line].
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<ReplayFormat>,
}

/// A file to be replayed.
#[derive(Clone, Debug)]
pub(super) struct ReplayedFile {
    /// Name of the file, without its folder.
    pub(super) name: String,
    pub(super) read: ReadReplayFile,
    pub(super) speed: f64,
}

impl RateFileArgs {
    /// The file of the flags, else of the highest layer of the settings that has one and no rate above it.
    pub(super) fn path(&self, has_typed_load: bool, layers: &SettingsLayers) -> Option<PathBuf> {
        if self.rate_file.is_some() || has_typed_load {
            return self.rate_file.clone();
        }
        let says = |settings: &&Settings| {
            let mut endpoints = settings.endpoints.values();
            settings.rate_file.is_some()
                || settings.rate.is_some()
                || endpoints.any(|endpoint| endpoint.rate.is_some())
        };
        let layer = [&layers.profile, &layers.file].into_iter().find(says)?;
        let file = layer.rate_file.as_ref()?;
        Some(layers.folder.join(file))
    }

    /// Reads the file.
    ///
    /// # Errors
    /// It cannot be read or replayed, or flags about it stand without it.
    pub(super) fn read(
        &self,
        path: Option<PathBuf>,
        layers: &SettingsLayers,
    ) -> anyhow::Result<Option<ReplayedFile>> {
        let Some(path) = path else {
            let typed = [
                ("--speed", self.speed.is_some()),
                ("--format", self.format.is_some()),
            ];
            if let Some((flag, _)) = typed.into_iter().find(|(_, is_typed)| *is_typed) {
                bail!(
                    "{flag} needs a file to replay\nhint: name it with --rate-file, such as --rate-file access.log"
                );
            }
            return Ok(None);
        };
        let is_typed = self.rate_file.is_some();
        let bytes = bytes_of(&path, is_typed).map_err(|error| {
            anyhow!(
                "cannot read --rate-file {}: {error}\nhint: name a list of offsets or an access log",
                path.shown()
            )
        })?;
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let format = layers.first(self.format, |s| s.rate_format);
        let read = ReadReplayFile::read(&name, &bytes, format);
        let speed = layers.first(self.speed, |s| s.speed.as_ref().map(|speed| speed.0));
        Ok(Some(ReplayedFile {
            read: read.map_err(|error| anyhow!("--rate-file {}{error}", path.shown()))?,
            name,
            speed: speed.unwrap_or(1.0),
        }))
    }
}

/// The bytes of the file; those of stdin for a typed `-`.
fn bytes_of(path: &Path, is_typed: bool) -> io::Result<Vec<u8>> {
    if !(is_typed && path == Path::new("-")) {
        return std::fs::read(path);
    }
    let mut bytes = Vec::new();
    io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}
