//! What `serve`, `worker` and `provider` share as processes that run until they are stopped; `worker` and `provider` give
//! the variables names of their own.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

/// Behind every other flag without a heading.
const LAST: usize = 998;

/// The address, the ready file and the log of a process that serves HTTP.
#[derive(Args, Debug, Clone)]
pub struct ListenArgs {
    /// Address to listen on; port 0 picks a free one.
    #[arg(
        long,
        env = "A7PROBE_SERVE_BIND",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8080"
    )]
    pub bind: SocketAddr,

    #[command(flatten)]
    pub hosting: HostingArgs,
}

/// The ready file and the log.
#[derive(Args, Debug, Clone)]
pub struct HostingArgs {
    /// File to write the address to once it is served, for scripts; removed at the end.
    #[arg(long, env = "A7PROBE_SERVE_READY_FILE", value_name = "FILE")]
    pub ready_file: Option<PathBuf>,

    /// What to log on stderr: error, warn, info (with the access log), debug, trace, or a filter such as a7probe::access=info.
    #[arg(
        long,
        env = "A7PROBE_SERVE_LOG",
        value_name = "FILTER",
        default_value = "warn",
        display_order = LAST
    )]
    pub log: String,
}
