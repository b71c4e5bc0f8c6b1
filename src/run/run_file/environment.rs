//! The machine and the version that measured: without them two runs cannot be distinguished.

use std::fs;

use serde::{Deserialize, Serialize};

use super::difference::FactDifference;

/// Where a run was made. Host and user names are not in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Environment {
    /// Version of a7probe.
    pub a7probe: String,
    /// Processor, as the system names it.
    pub cpu: String,
    /// Processors that the process may use; limits of its control group count.
    pub cores: usize,
    /// Operating system, its release and architecture.
    pub os: String,
    /// What the kernel reads the time from, such as `tsc`.
    pub clock_source: String,
}

/// What stands where the system does not say.
const UNKNOWN: &str = "unknown";

impl Environment {
    /// This process, on this machine.
    pub fn here() -> Environment {
        Environment {
            a7probe: env!("CARGO_PKG_VERSION").to_owned(),
            cpu: cpu_model(&read("/proc/cpuinfo")),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            os: os_name(
                &read("/etc/os-release"),
                read("/proc/sys/kernel/osrelease").trim(),
            ),
            clock_source: known(
                read("/sys/devices/system/clocksource/clocksource0/current_clocksource").trim(),
            ),
        }
    }
}

impl Environment {
    /// The facts in which a later environment differs from this one.
    pub fn differences(&self, after: &Environment) -> Vec<FactDifference> {
        let cores = |environment: &Environment| environment.cores.to_string();
        let parts = [
            ("processor", self.cpu.clone(), after.cpu.clone()),
            ("cores", cores(self), cores(after)),
            ("system", self.os.clone(), after.os.clone()),
            (
                "clock source",
                self.clock_source.clone(),
                after.clock_source.clone(),
            ),
            ("a7probe", self.a7probe.clone(), after.a7probe.clone()),
        ];
        parts
            .into_iter()
            .filter(|(_, before, after)| before != after)
            .map(|(fact, before, after)| FactDifference {
                fact: fact.to_owned(),
                before,
                after,
            })
            .collect()
    }
}

/// Empty where there is no such file: only Linux has them.
fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn known(text: &str) -> String {
    if text.is_empty() {
        UNKNOWN.to_owned()
    } else {
        text.to_owned()
    }
}

/// Intel and AMD write `model name`, several ARM kernels `Model` or `Hardware`, others nothing.
fn cpu_model(cpuinfo: &str) -> String {
    let named = |wanted: &str| {
        cpuinfo
            .lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.trim() == wanted)
            .map(|(_, value)| value.trim())
    };
    let model = ["model name", "Model", "Hardware"]
        .into_iter()
        .find_map(named);
    known(model.unwrap_or_default())
}

fn os_name(os_release: &str, kernel: &str) -> String {
    let pretty = os_release
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))
        .map(|name| name.trim_matches('"'));
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    match (kernel, pretty) {
        ("", _) => format!("{os} {arch}"),
        (kernel, None) => format!("{os} {kernel} {arch}"),
        (kernel, Some(pretty)) => format!("{os} {kernel} {arch} ({pretty})"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Environment, cpu_model, os_name};

    #[test]
    fn the_processor_is_read_from_every_spelling_and_missing_is_said() {
        assert_eq!(
            cpu_model("processor\t: 0\nmodel name\t: AMD EPYC 7B13\nmodel name\t: x\n"),
            "AMD EPYC 7B13"
        );
        assert_eq!(
            cpu_model("processor\t: 0\nModel\t\t: Raspberry Pi 4\n"),
            "Raspberry Pi 4"
        );
        assert_eq!(cpu_model(""), "unknown");
    }

    #[test]
    fn the_system_is_named_as_far_as_it_says() {
        let release = "NAME=\"Debian\"\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n";
        let arch = std::env::consts::ARCH;
        let os = std::env::consts::OS;
        assert_eq!(
            os_name(release, "6.1.0"),
            format!("{os} 6.1.0 {arch} (Debian GNU/Linux 12)")
        );
        assert_eq!(os_name("", ""), format!("{os} {arch}"));
    }

    #[test]
    fn this_machine_has_at_least_one_core_and_this_version() {
        let here = Environment::here();
        assert!(here.cores >= 1);
        assert_eq!(here.a7probe, env!("CARGO_PKG_VERSION"));
    }
}
