//! `--noise`: the smallest change that counts, the same for `compare` and `ab`.

use clap::Args;

use crate::judge::comparison::Noise;

/// The smallest change that counts.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Gates and verdict")]
pub struct NoiseArgs {
    /// Smallest change that counts: above both this share and this duration
    #[arg(
        long,
        value_name = "SHARE,DURATION",
        env = "A7PROBE_NOISE",
        default_value = "5%,1ms"
    )]
    pub noise: Noise,
}
