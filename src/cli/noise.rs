//! `--noise`: the smallest change that counts, the same for `compare` and `ab`.

use clap::Args;

use crate::judge::comparison::Noise;

/// The smallest change that counts.
#[derive(Clone, Debug, Args)]
pub struct NoiseArgs {
    /// A change counts only if it exceeds both this share and this duration
    #[arg(
        long,
        value_name = "SHARE,DURATION",
        env = "A7PROBE_NOISE",
        default_value = "5%,1ms"
    )]
    pub noise: Noise,
}
