//! What `serve`, `worker` and `provider` share as processes that run until they are stopped; `worker` and `provider` give
//! the variables names of their own.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::work::secret;

/// Behind every other flag without a heading.
const LAST: usize = 998;

/// The address, the tokens, the ready file and the log of a process that serves HTTP.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Process")]
pub struct ListenArgs {
    /// Address to listen on; port 0 picks a free one.
    #[arg(
        long,
        env = "A7PROBE_SERVE_BIND",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8080"
    )]
    pub bind: SocketAddr,

    /// Require the bearer token in this environment variable, except on the health endpoints; repeatable, for several
    /// clients.
    #[arg(
        long,
        env = "A7PROBE_SERVE_TOKEN_ENV",
        value_name = "NAME",
        value_delimiter = ','
    )]
    pub token_env: Vec<String>,

    #[command(flatten)]
    pub hosting: HostingArgs,
}

impl ListenArgs {
    /// The tokens of which a client needs one. Reads the variables that `--token-env` names.
    ///
    /// # Errors
    /// If a variable has no value, or one that no header can carry.
    pub(crate) fn tokens(&self) -> anyhow::Result<Vec<String>> {
        let names = self.token_env.iter();
        names.map(|name| secret("--token-env", name)).collect()
    }
}

/// The ready file and the log.
#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Process")]
pub struct HostingArgs {
    /// File to write the address to when the server is ready, for scripts; removed at the end.
    #[arg(long, env = "A7PROBE_SERVE_READY_FILE", value_name = "FILE")]
    pub ready_file: Option<PathBuf>,

    /// Log level on stderr: error, warn, info (with the access log), debug, trace, or a filter such as
    /// a7probe::access=info.
    #[arg(
        long,
        env = "A7PROBE_SERVE_LOG",
        value_name = "FILTER",
        default_value = "warn",
        display_order = LAST
    )]
    pub log: String,
}
