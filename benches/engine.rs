//! The engine's benchmark of record: what a request costs, how late it is sent, what a run keeps in memory.
//!
//! ```text
//! cargo bench --bench engine -- closed ADDRESS CONCURRENCY SECONDS
//! cargo bench --bench engine -- open ADDRESS RATE SECONDS [ENDPOINTS]
//! cargo bench --bench engine -- exact RATE SECONDS     a server that answers after 5 ms and says so
//! cargo bench --bench engine -- stall SECONDS          the server of METHOD §6, first row
//! cargo bench --bench engine -- arrivals RATE SECONDS [COMMAND…]
//!     how far from the grid requests arrive, as the server sees it: ours, or those of a command with {} for the URL
//! ```
//! ADDRESS is host:port of a plain HTTP server. `benches/versus.sh` compares with wrk and oha.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

#[path = "../tests/it/scripted.rs"]
#[expect(dead_code, reason = "the tests use the rest of it")]
mod scripted;

use std::process::Stdio;
use std::str::FromStr;
use std::time::Duration;

use a7probe::probe::engine::{self, RunIds, RunSpec};
use a7probe::run::histogram::RankedValues;
use a7probe::run::plan::{
    Arrivals, ConnectionPolicy, Endpoint, HttpVersion, Keepalive, Model, Plan, RedirectPolicy,
    Scheme, Size, StatusSet, Target, Template, Tracing, Trust,
};
use a7probe::run::recording::Recording;
use a7probe::run::run_file::{EndpointRun, FinishedRun};
use a7probe::units::{Pretty, Rate};

use scripted::{Server, Stall};

fn main() -> anyhow::Result<()> {
    // Cargo adds `--bench` of its own.
    let args: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| arg != "--bench")
        .collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["closed", address, concurrency, seconds] => {
            let concurrency = number(concurrency)?;
            run(&plan(
                address,
                Model::Closed { concurrency },
                None,
                seconds,
                1,
            )?)
        }
        ["open", address, rate, seconds] => run(&open(address, rate, seconds, 1)?),
        ["open", address, rate, seconds, endpoints] => {
            run(&open(address, rate, seconds, number(endpoints)?)?)
        }
        ["exact", rate, seconds] => exact(rate, seconds),
        ["stall", seconds] => stall(seconds),
        ["arrivals", rate, seconds, ref command @ ..] => arrivals(rate, seconds, command),
        // `cargo test --benches` and a bare `cargo bench` are no measurement.
        _ => {
            println!("see the head of benches/engine.rs for what to give");
            Ok(())
        }
    }
}

fn number<T: FromStr>(text: &str) -> anyhow::Result<T> {
    text.parse()
        .map_err(|_| anyhow::anyhow!("'{text}' is no number"))
}

fn open(address: &str, rate: &str, seconds: &str, endpoints: usize) -> anyhow::Result<Plan> {
    let model = Model::Open {
        arrivals: Arrivals::Jitter,
    };
    plan(address, model, Some(number(rate)?), seconds, endpoints)
}

/// `GET /` to so many endpoints, which share the rate.
fn plan(
    address: &str,
    model: Model,
    rate: Option<f64>,
    seconds: &str,
    endpoints: usize,
) -> anyhow::Result<Plan> {
    let (host, port) = address
        .split_once(':')
        .ok_or_else(|| anyhow::anyhow!("'{address}' is no host:port"))?;
    let endpoint = |n| Endpoint {
        elsewhere: None,
        name: format!("endpoint{n}"),
        method: "GET".to_owned(),
        path: Template::literal("/"),
        headers: Vec::new(),
        body: None,
        expect: StatusSet::success(),
        expect_body: None,
        rate: rate.and_then(|all| Rate::per_second(all / endpoints as f64)),
        segment: None,
        targets: vec![Duration::from_millis(150)],
    };
    Ok(Plan {
        target: Target {
            scheme: Scheme::Http,
            host: host.to_owned(),
            port: number(port)?,
            prefix: String::new(),
        },
        endpoints: (0..endpoints).map(endpoint).collect(),
        model,
        size: Size::Duration(Duration::from_secs_f64(number(seconds)?)),
        warmup: Duration::from_secs(1),
        timeout: Duration::from_secs(30),
        seed: 1,
        connections: ConnectionPolicy {
            max_in_flight: 1000,
            keepalive: Keepalive::Reuse,
            trust: Trust::System,
            identity: None,
            version: HttpVersion::Http1,
            connect_to: Vec::new(),
            unix_socket: None,
            proxy: None,
            redirects: RedirectPolicy::Answer,
            tracing: Tracing::Off,
        },
        rows: None,
    })
}

fn measured(plan: &Plan) -> anyhow::Result<FinishedRun> {
    let (_stopper, stop) = engine::stop_switch();
    engine::run(&RunSpec::new(plan, RunIds::fresh(), &stop))
}

fn run(plan: &Plan) -> anyhow::Result<()> {
    let measured = measured(plan)?;
    let planned = |e: &EndpointRun| e.recording.planned() + e.warmup.total();
    let requests: u64 = measured.endpoints.iter().map(planned).sum();
    let cpu = measured.instrument.cpu;
    println!("threads             {}", measured.instrument.threads);
    println!("requests            {requests} (warm-up included)");
    println!(
        "cpu per request     {:.2} µs",
        cpu.as_secs_f64() * 1e6 / requests as f64
    );
    println!("peak resident       {:.1} MiB", peak_kib() as f64 / 1024.0);
    for (endpoint, measured) in plan.endpoints.iter().zip(&measured.endpoints) {
        println!("{}", endpoint.name);
        describe(&measured.recording);
    }
    Ok(())
}

fn describe(recording: &Recording) {
    println!(
        "  ended ok          {} of {}",
        recording.counts.ok,
        recording.planned()
    );
    if let Some(rate) = recording.achieved_per_s() {
        println!("  sent per second   {rate:.0}");
    }
    let levels = recording.latency.ranked_values();
    percentiles("latency", |rank| levels.at_rank(rank), levels.count());
    let lag = recording.send_lag.ranked_values();
    percentiles("send lag", |rank| lag.at_rank(rank), lag.count());
}

fn percentiles(name: &str, at_rank: impl Fn(u64) -> Option<u64>, n: u64) {
    let at = |per_mille: u64| {
        let value_ns = at_rank((n * per_mille).div_ceil(1000));
        value_ns.map_or("-".to_owned(), |ns| {
            Pretty(Duration::from_nanos(ns)).to_string()
        })
    };
    let [p50, p95, p99, p999, max] = [500, 950, 990, 999, 1000].map(at);
    println!("  {name:17} P50 {p50}, P95 {p95}, P99 {p99}, P99.9 {p999}, max {max}");
}

/// How much is a known delay over-stated? The server stamps how long it really held each request.
fn exact(rate: &str, seconds: &str) -> anyhow::Result<()> {
    let server = Server::exactly(Duration::from_millis(5));
    let plan = open(&format!("127.0.0.1:{}", server.port()), rate, seconds, 1)?;
    let recording = &measured(&plan)?.endpoints[0].recording;
    describe(recording);
    let held = recording.server_timing["held"].ranked_values();
    percentiles("held by server", |rank| held.at_rank(rank), held.count());
    Ok(())
}

/// METHOD §6, first row: rate 100/s, a stall of 0.3 s every 1.5 s, 1 ms otherwise.
fn stall(seconds: &str) -> anyhow::Result<()> {
    let [period, held, base] = [1500, 300, 1].map(Duration::from_millis);
    let server = Stall::new(period, held, base).server();
    let address = format!("127.0.0.1:{}", server.port());
    let open = measured(&open(&address, "100", seconds, 1)?)?;
    println!("open model, 100/s");
    describe(&open.endpoints[0].recording);
    let late = open.endpoints[0].recording.exceedances[0].bits.count_ones();
    println!("  above 150 ms      {late}");
    println!("closed model, one connection");
    let closed = plan(&address, Model::Closed { concurrency: 1 }, None, seconds, 1)?;
    describe(&measured(&closed)?.endpoints[0].recording);
    Ok(())
}

/// Lateness of every arrival against the tightest grid of this rate: delays that are always there do not show.
fn arrivals(rate: &str, seconds: &str, command: &[&str]) -> anyhow::Result<()> {
    let server = Server::answering(scripted::OK);
    let address = format!("127.0.0.1:{}", server.port());
    match command {
        [] => {
            let mut grid = open(&address, rate, seconds, 1)?;
            grid.model = Model::Open {
                arrivals: Arrivals::Grid,
            };
            grid.warmup = Duration::ZERO;
            measured(&grid)?;
        }
        [program, args @ ..] => {
            let url = format!("http://{address}/");
            let args = args.iter().map(|arg| arg.replace("{}", &url));
            let status = std::process::Command::new(program)
                .args(args)
                .stdout(Stdio::null())
                .status()?;
            anyhow::ensure!(status.success(), "{program} failed");
        }
    }
    let received = server.received();
    let Some(first) = received.first() else {
        anyhow::bail!("nothing arrived");
    };
    let step = 1.0 / number::<f64>(rate)?;
    // Seconds after the start that this arrival's place on the grid would put the first one at.
    let offsets: Vec<f64> = (0u32..)
        .zip(&received)
        .map(|(i, r)| (r.at - first.at).as_secs_f64() - f64::from(i) * step)
        .collect();
    let earliest = offsets.iter().copied().fold(f64::INFINITY, f64::min);
    let late = offsets
        .iter()
        .map(|offset| ((offset - earliest) * 1e9) as u64);
    let late = RankedValues::from_values(late.collect());
    println!("arrived {}", late.count());
    percentiles("late by", |rank| late.at_rank(rank), late.count());
    Ok(())
}

/// Most memory this process had, in KiB; 0 where it is not known.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok())
        .unwrap_or(0)
}
