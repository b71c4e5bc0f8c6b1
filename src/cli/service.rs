//! The flags about the service: its URL, its endpoints, and the rate of each.

mod endpoint_draft;
mod endpoint_name;
pub(super) mod endpoints;
mod headers;
mod template_mask;
pub(super) mod typed_rates;
mod typed_values;
mod url;
mod url_names;

use std::path::PathBuf;

use clap::Args;

pub(super) use headers::basic_authorization;
pub(super) use url::{is_this_machine, named_url, parse as parsed_proxy_url};

/// Where the service is, and what is sent to it.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Requests")]
pub struct ServiceArgs {
    /// URL to measure, NAME=URL to name it; http:// may be left out. A URL without a path means GET /health and POST
    /// /ingest, or the base URL of --get, --post and the endpoints of the settings.
    #[arg(
        env = "A7PROBE_URL",
        hide_env_values = true,
        value_name = "URL",
        help_heading = None
    )]
    pub url: Vec<String>,

    /// Name of a URL's endpoint in gates and tables [default: the last part of its path].
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,

    /// Measure GET PATH and call it NAME (repeatable; replaces the default endpoints).
    #[arg(long, value_name = "NAME=PATH")]
    pub get: Vec<String>,

    /// Measure POST PATH and call it NAME (repeatable; replaces the default endpoints).
    #[arg(long, value_name = "NAME=PATH")]
    pub post: Vec<String>,

    /// Body, with {{uuid}}, {{ n }}, {{now}}, {{row.COLUMN}} and {{env.NAME}} filled in; @FILE reads a file; NAME= picks the endpoint.
    #[arg(short = 'd', long = "body", value_name = "[NAME=]TEXT|@FILE")]
    pub body: Vec<String>,

    /// Content-Type of bodies [default: application/json].
    #[arg(short = 'T', long, value_name = "TYPE")]
    pub content_type: Option<String>,

    #[command(flatten)]
    pub headers: HeaderArgs,

    /// Statuses that count as ok: 202, 2xx, 200-204 or a list; NAME= picks the endpoint [default: 2xx].
    #[arg(long, value_name = "[NAME=]STATUSES")]
    pub expect: Vec<String>,

    /// Required content of an ok answer's body: a text, /a regular expression/ or json.status=ok; NAME= picks the
    /// endpoint.
    #[arg(long, value_name = "[NAME=]TEXT|/REGEX/|json.PATH=VALUE")]
    pub expect_body: Vec<String>,

    /// User and password for basic authentication; set the variable or the settings to keep them out of the process
    /// list.
    #[arg(
        short = 'a',
        long,
        env = "A7PROBE_AUTH",
        hide_env_values = true,
        value_name = "USER:PASS"
    )]
    pub auth: Option<String>,

    /// Cookies of every request: 'a=1; b=2' (repeatable).
    #[arg(
        short = 'b',
        long,
        env = "A7PROBE_COOKIE",
        hide_env_values = true,
        value_name = "NAME=VALUE"
    )]
    pub cookie: Vec<String>,

    /// Requests per second of each endpoint (never per worker), a ramp 50/s..500/s, or steps 50/s@30s,100/s@30s; NAME=
    /// picks the endpoint [default: 20/s].
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

/// Headers of requests to the service.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Requests")]
pub struct HeaderArgs {
    /// Header of every request (repeatable).
    #[arg(short = 'H', long, value_name = "NAME: VALUE")]
    pub header: Vec<String>,
}

/// One request to the URL itself, and a body that is too long for a command line.
#[derive(Args, Debug, Clone, Default)]
#[command(next_help_heading = "Requests")]
pub struct SingleRequestArgs {
    /// Method of a request to a URL [default: GET, or POST with a body].
    #[arg(short = 'X', long, short_alias = 'm', value_name = "METHOD")]
    pub method: Option<String>,

    /// Body from a file.
    #[arg(short = 'D', long, value_name = "FILE", conflicts_with = "body")]
    pub body_file: Option<PathBuf>,
}
