//! Linters and schemas find nothing in the files of `deploy/` and in the container file, and find a mistake.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::files;
use crate::harness::{stderr, stdout, temp_dir};
use crate::needs::{
    CHECK_JSONSCHEMA, DOCKER_COMPOSE, HADOLINT, KEDA_SCHEMA, KUBERNETES_VALIDATE, SHELLCHECK,
    ZIZMOR, need, need_right,
};
use crate::pipelines::linted::{actionlint, finds_nothing, output};
use crate::pipelines::{root, shell};

/// Its objects are of a kind that Kubernetes itself does not have.
const KEDA: &str = "worker-scale.yaml";

#[test]
fn kubernetes_accepts_the_manifests_and_no_unknown_field() {
    const TEST: &str = "deploy::checked::kubernetes";
    let manifests = files(".yaml").into_iter();
    let manifests = manifests.filter(|path| path.to_string_lossy().contains("/kubernetes/"));
    let own = manifests.filter(|path| !path.ends_with(KEDA));
    // One call for all: each one reads the schemas, which takes seconds.
    let Some(checked) = output(&KUBERNETES_VALIDATE, TEST, |command| {
        command.arg("--strict").args(own.clone());
    }) else {
        return;
    };
    finds_nothing(&checked);
    let shards = own.into_iter().find(|path| path.ends_with("shards.yaml"));
    let text = fs::read_to_string(shards.expect("the shards")).expect("it");
    let wrong = text.replace("maxFailedIndexes", "maxFailedIndices");
    let folder = temp_dir();
    let path = folder.path().join("wrong.yaml");
    fs::write(&path, wrong).expect("written");
    let checked = output(&KUBERNETES_VALIDATE, TEST, |command| {
        command.arg("--strict").arg(&path);
    });
    assert!(!checked.expect("it was there").status.success());
}

#[test]
fn keda_accepts_the_scaling_and_it_names_the_workers() {
    const TEST: &str = "deploy::checked::keda";
    let path = root().join("deploy/kubernetes/service").join(KEDA);
    let Some(objects) = shell::documents(&path, TEST) else {
        return;
    };
    let worker = root().join("deploy/kubernetes/service/worker.yaml");
    let worker = shell::documents(&worker, TEST).expect("it was there");
    assert_eq!(
        objects[1]["spec"]["scaleTargetRef"]["name"],
        worker[0]["metadata"]["name"]
    );
    assert_eq!(
        objects[1]["spec"]["triggers"][0]["authenticationRef"]["name"],
        objects[0]["metadata"]["name"]
    );
    let Some(package) = need(&KEDA_SCHEMA, TEST) else {
        return;
    };
    let script = format!(
        "const kinds = require('{}/keda.sh/v1alpha1'); const text = require('fs').readFileSync(0, 'utf8'); for (const object of JSON.parse(text)) new kinds[object.kind](object).validate()",
        package.display()
    );
    let is_valid = |objects: &serde_json::Value| {
        let mut node = Command::new("node")
            .args(["-e", &script])
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("node starts");
        let mut stdin = node.stdin.take().expect("piped");
        stdin
            .write_all(objects.to_string().as_bytes())
            .expect("written");
        drop(stdin);
        node.wait_with_output().expect("it ends")
    };
    finds_nothing(&is_valid(&objects.clone().into()));
    let mut wrong = objects;
    wrong[1]["spec"]["pollingInterval"] = "soon".into();
    let refused = is_valid(&wrong.into());
    assert!(
        stderr(&refused).contains("pollingInterval must be integer"),
        "{}",
        stderr(&refused)
    );
}

#[test]
fn compose_and_the_ci_services_accept_their_files() {
    for (schema, path) in [
        ("vendor.compose-spec", "deploy/compose/compose.yaml"),
        (
            "vendor.github-workflows",
            "deploy/github/latency-shards.yml",
        ),
        ("vendor.gitlab-ci", "deploy/gitlab/latency-shards.yml"),
    ] {
        let checked = output(&CHECK_JSONSCHEMA, "deploy::checked::schemas", |command| {
            command
                .args(["--builtin-schema", schema])
                .arg(root().join(path));
        });
        if let Some(output) = checked {
            finds_nothing(&output);
        }
    }
}

#[test]
fn docker_reads_the_compose_file() {
    let Some(docker) = need_right(&DOCKER_COMPOSE, "deploy::checked::docker_compose") else {
        return;
    };
    let output = Command::new(docker)
        .args(["compose", "--file"])
        .arg(root().join("deploy/compose/compose.yaml"))
        .args(["config", "--quiet"])
        .envs(["POSTGRES_PASSWORD", "RABBITMQ_PASSWORD", "TOKEN"].map(|name| (name, "s3cret")))
        .output();
    finds_nothing(&output.expect("docker starts"));
}

#[test]
fn the_workflow_has_no_mistake_and_no_way_in() {
    let folder = temp_dir();
    let workflow = root().join("deploy/github/latency-shards.yml");
    let copy = folder.path().join(".github/workflows");
    fs::create_dir_all(&copy).expect("a folder");
    fs::copy(&workflow, copy.join("latency-shards.yml")).expect("copied");
    if let Some(output) = actionlint(folder.path()) {
        finds_nothing(&output);
        assert!(stdout(&output).contains("Checking"), "{}", stdout(&output));
    }
    let checked = output(&ZIZMOR, "deploy::checked::zizmor", |command| {
        let github = folder.path().join(".github");
        command
            .args(["--offline", "--persona=pedantic"])
            .arg(github);
    });
    if let Some(output) = checked {
        finds_nothing(&output);
    }
}

#[test]
fn hadolint_finds_nothing_in_the_container_file_and_a_mistake() {
    const TEST: &str = "deploy::checked::hadolint";
    let container = root().join("Containerfile");
    let check = |path: &std::path::Path| {
        output(&HADOLINT, TEST, |command| {
            command.arg(path);
        })
    };
    let Some(checked) = check(&container) else {
        return;
    };
    finds_nothing(&checked);
    let folder = temp_dir();
    let wrong = folder.path().join("Containerfile");
    fs::write(&wrong, "FROM alpine:latest\nRUN cd /tmp\n").expect("written");
    assert!(!check(&wrong).expect("it was there").status.success());
}

#[test]
fn shellcheck_finds_nothing_in_the_scripts() {
    let own = ["package", "homebrew"].map(|name| root().join(".ci").join(name));
    let scripts = files(".sh").into_iter().chain(files(".sbatch"));
    for path in scripts.chain(own) {
        let checked = output(&SHELLCHECK, "deploy::checked::shellcheck", |command| {
            command.arg("--shell=bash").arg(&path);
        });
        if let Some(output) = checked {
            finds_nothing(&output);
        }
    }
}
