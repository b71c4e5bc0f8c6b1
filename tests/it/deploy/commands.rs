//! Every command line of a7probe in `deploy/` is one that the program accepts.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use super::files;
use crate::harness::{a7probe, code, run, stderr, stdout, temp_dir};
use crate::pipelines::{root, shell};

/// A command line, without the program's name.
#[derive(Debug)]
struct CommandLine {
    file: String,
    words: Vec<String>,
}

impl CommandLine {
    fn of(path: &Path, words: Vec<String>) -> CommandLine {
        let file = path.strip_prefix(root()).expect("in this project");
        CommandLine {
            file: file.display().to_string(),
            words,
        }
    }

    fn command(&self) -> &str {
        &self.words[0]
    }

    /// Its long flags, without values.
    fn flags(&self) -> impl Iterator<Item = &str> {
        let flags = self.words.iter().filter(|word| word.starts_with("--"));
        flags.map(|flag| flag.split('=').next().unwrap_or(flag))
    }
}

fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().into_iter().flatten();
    let text = |item: &Value| item.as_str().expect("a text").to_owned();
    items.map(text).collect()
}

/// Arguments of containers, which no shell splits.
fn of_containers(test: &str) -> Option<Vec<CommandLine>> {
    let mut found = Vec::new();
    for path in files(".yaml") {
        for document in shell::documents(&path, test)? {
            let containers = document["spec"]["template"]["spec"]["containers"].as_array();
            for container in containers.into_iter().flatten() {
                assert!(
                    container["image"]
                        .as_str()
                        .is_some_and(|image| image.contains("a7probe")),
                    "{path:?}"
                );
                found.push(CommandLine::of(&path, texts(&container["args"])));
            }
            for service in document["services"].as_object().into_iter().flatten() {
                let (image, health) = (&service.1["image"], &service.1["healthcheck"]["test"]);
                if image != "a7probe:local" {
                    continue;
                }
                found.push(CommandLine::of(&path, texts(&service.1["command"])));
                if let [start, program, health @ ..] = texts(health).as_slice() {
                    assert_eq!([start, program], ["CMD", "/a7probe"]);
                    found.push(CommandLine::of(&path, health.to_vec()));
                }
            }
        }
    }
    Some(found)
}

/// The lines of a shell script that start a7probe.
fn of_script(path: &Path, script: &str) -> Vec<CommandLine> {
    let joined = script.replace("\\\n", " ");
    let lines = joined
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'));
    let found = lines.filter_map(|line| {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let at = words
            .iter()
            .position(|word| word == "a7probe" || word.ends_with("/a7probe"))?;
        let command = words.get(at + 1)?;
        let is_command = command.chars().all(|c| c.is_ascii_lowercase());
        is_command.then(|| CommandLine::of(path, words[at + 1..].to_vec()))
    });
    found.collect()
}

fn of_scripts(test: &str) -> Option<Vec<CommandLine>> {
    let mut found = Vec::new();
    for path in files(".sh").into_iter().chain(files(".sbatch")) {
        let script = fs::read_to_string(&path).expect("it");
        found.extend(of_script(&path, &script));
    }
    for path in files(".yml") {
        let file = shell::read(&path, test)?;
        let steps = if file["jobs"].is_object() {
            shell::steps(&file)
        } else {
            Vec::new()
        };
        let runs = steps.iter().filter_map(|step| step["run"].as_str());
        let jobs = file.as_object().into_iter().flatten();
        let scripts = jobs.flat_map(|(_, job)| texts(&job["script"]));
        for script in runs.map(str::to_owned).chain(scripts) {
            found.extend(of_script(&path, &script));
        }
    }
    Some(found)
}

#[test]
fn every_flag_is_in_the_help_of_its_command() {
    const TEST: &str = "deploy::commands::flags";
    let (Some(containers), Some(scripts)) = (of_containers(TEST), of_scripts(TEST)) else {
        return;
    };
    let commands: BTreeSet<&str> = containers
        .iter()
        .chain(&scripts)
        .map(CommandLine::command)
        .collect();
    for expected in ["measure", "merge", "provider", "serve", "worker"] {
        assert!(commands.contains(expected), "{commands:?}");
    }
    assert!(scripts.len() >= 6, "{scripts:?}");
    let folder = temp_dir();
    for line in containers.iter().chain(&scripts) {
        let help = run(folder.path(), &[line.command(), "--help"]);
        assert_eq!(code(&help), 0, "{line:?}");
        let help = stdout(&help);
        for flag in line.flags() {
            let mut words = help.split(|c: char| c.is_whitespace() || c == ',');
            assert!(words.any(|word| word == flag), "{}: {flag}", line.file);
        }
    }
}

#[test]
fn every_measurement_in_a_container_is_a_plan() {
    const TEST: &str = "deploy::commands::plans";
    let Some(lines) = of_containers(TEST) else {
        return;
    };
    let folder = temp_dir();
    let mut plans = 0;
    for line in lines.iter().filter(|line| line.command() == "measure") {
        let mut arguments: Vec<&str> = line.words.iter().map(String::as_str).collect();
        arguments.push("--dry-run");
        let mut command = a7probe(folder.path(), &arguments);
        // As the engine of the cluster names a shard.
        command
            .env("TOKEN", "s3cret")
            .env("JOB_COMPLETION_INDEX", "0")
            .env("A7PROBE_SHARDS", "8");
        let output = command.output().expect("it starts");
        assert_eq!(code(&output), 0, "{line:?}: {}", stderr(&output));
        plans += 1;
    }
    assert_eq!(plans, 3);
}
