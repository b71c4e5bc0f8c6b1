//! The arguments of `provider`: the simulator's flags of `serve` without `sim-`.

use clap::{Arg, Args};

use super::hosting::ListenArgs;
use super::work::SimulatorArgs;

/// Simulate the mail provider SendGrid in its own process, with a journal that counts duplicates
#[derive(Args, Debug, Clone)]
#[command(mut_args = of_provider, after_help = "Paths: POST /v3/mail/send · GET /journal (NDJSON, one event per line), /journal/duplicates, /journal/counts
       GET, POST (?for=10s) and DELETE /outage · GET /health

Examples:
  a7probe provider                                    the default latency: P50 163.2 ms, P95 320.5 ms
  a7probe provider --latency 20ms --error 5%          20 ms, and one call in twenty fails
  a7probe provider --outage 10s..20s --rate-limit 50  429 beyond 50 calls a second, 503 for ten seconds
  a7probe serve --provider http://127.0.0.1:8090      a server that uses it")]
pub struct ProviderArgs {
    #[command(flatten)]
    pub listen: ListenArgs,

    #[command(flatten)]
    pub simulator: SimulatorArgs,
}

/// `--sim-latency` of `serve` is `--latency` here, and `A7PROBE_SERVE_SIM_LATENCY` is `A7PROBE_PROVIDER_LATENCY`.
fn of_provider(arg: Arg) -> Arg {
    let Some(long) = arg.get_long() else {
        return arg;
    };
    let name = long.strip_prefix("sim-").unwrap_or(long).to_owned();
    let variable = format!("A7PROBE_PROVIDER_{}", name.to_uppercase().replace('-', "_"));
    let arg = match &*name {
        "bind" => arg.default_value("127.0.0.1:8090"),
        "log" => arg.help(
            "Log level on stderr: error, warn, info (each call), debug, trace, or a filter such as a7probe::provider=info",
        ),
        _ => arg,
    };
    arg.long(name).env(variable)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::{CommandFactory, Parser};

    use super::ProviderArgs;
    use crate::reference::provider::LatencyModel;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        provider: ProviderArgs,
    }

    #[test]
    fn the_simulators_flags_have_no_prefix_here() {
        let line = "provider --latency 20ms --draws stratified:600 --error 5% --rate-limit 10 --outage 1s..2s --seed 7";
        let cli = Cli::try_parse_from(line.split(' ')).expect("valid flags");
        let options = cli.provider.simulator.options();
        assert_eq!(
            options.latency,
            LatencyModel::Constant(Duration::from_millis(20))
        );
        assert_eq!(
            (options.error_share, options.rate_limit, options.seed),
            (0.05, Some(10), 7)
        );
        assert!(options.outage.is_some());
        assert!(Cli::try_parse_from(["provider", "--sim-latency", "20ms"]).is_err());
    }

    #[test]
    fn every_variable_is_the_providers_own() {
        for arg in Cli::command().get_arguments() {
            let Some(variable) = arg.get_env() else {
                continue;
            };
            let long = arg.get_long().expect("a long name").to_uppercase();
            let expected = format!("A7PROBE_PROVIDER_{}", long.replace('-', "_"));
            assert_eq!(variable.to_str(), Some(expected.as_str()));
        }
    }
}
