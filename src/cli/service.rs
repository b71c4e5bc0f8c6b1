//! The flags about the service: its URL, its endpoints, and the rate of each.

mod endpoint_draft;
pub(super) mod endpoints;
mod headers;
mod typed_values;
mod url;

use std::path::PathBuf;

use clap::Args;

pub(super) use url::named_url;

/// Where the service is, and what is sent to it.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Endpoints")]
pub struct ServiceArgs {
    /// URL to measure, NAME=URL to name it; http:// may be left out. Without a path: GET /health and POST /ingest. With
    /// --get, --post or endpoints of the settings: their base URL.
    #[arg(
        env = "A7PROBE_URL",
        hide_env_values = true,
        value_name = "URL",
        help_heading = None
    )]
    pub url: Option<String>,

    /// Measure GET PATH and call it NAME (repeatable; replaces the default endpoints).
    #[arg(long, value_name = "NAME=PATH")]
    pub get: Vec<String>,

    /// Measure POST PATH and call it NAME (repeatable; replaces the default endpoints).
    #[arg(long, value_name = "NAME=PATH")]
    pub post: Vec<String>,

    /// Body, may hold {{uuid}}, {{ n }} and {{now}}; @FILE reads a file; NAME= picks the endpoint.
    #[arg(short = 'd', long = "body", value_name = "[NAME=]TEXT|@FILE")]
    pub body: Vec<String>,

    /// Content-Type of bodies [default: application/json].
    #[arg(short = 'T', long, value_name = "TYPE")]
    pub content_type: Option<String>,

    /// Header of every request (repeatable).
    #[arg(short = 'H', long, value_name = "NAME: VALUE")]
    pub header: Vec<String>,

    /// Statuses that count as ok: 202, 2xx, 200-204 or a list; NAME= picks the endpoint [default: 2xx].
    #[arg(long, value_name = "[NAME=]STATUSES")]
    pub expect: Vec<String>,

    /// Requests per second of each endpoint (never per worker); NAME= picks the endpoint [default: 20/s].
    #[arg(
        short = 'q',
        long,
        env = "A7PROBE_RATE",
        value_delimiter = ',',
        value_name = "[NAME=]RATE",
        help_heading = "Load"
    )]
    pub rate: Vec<String>,
}

/// One request to the URL itself, and a body that is too long for a command line.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Endpoints")]
pub struct SingleRequestArgs {
    /// Method of the one request to the URL itself.
    #[arg(short, long, value_name = "METHOD")]
    pub method: Option<String>,

    /// Body from a file.
    #[arg(short = 'D', long, value_name = "FILE", conflicts_with = "body")]
    pub body_file: Option<PathBuf>,
}
