//! The scripts of the written pipelines, run against a service: from the installation to the reports.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::shell::{self, Runner};
use super::{GITHUB, GITLAB, init};
use crate::harness::{PROGRAM, code, stderr, stdout, temp_dir};
use crate::scripted::{OK, Server};

/// The scripts that install and measure: of the workflow, and of the job.
fn scripts(test: &str) -> Option<[[String; 2]; 2]> {
    let folder = temp_dir();
    init(folder.path(), &["github"]);
    init(folder.path(), &["gitlab"]);
    let workflow = shell::read(&folder.path().join(GITHUB[0]), test)?;
    let github = ["Install a7probe", "Measure"].map(|name| shell::script(&workflow, name));
    let job = shell::read(&folder.path().join(GITLAB), test)?;
    let part = |index: usize| {
        let text = job["a7probe"]["script"][index].as_str();
        text.expect("a part of the script").to_owned()
    };
    Some([github, [part(1), part(2)]])
}

/// Answers the first requests and refuses the others.
fn failing_after_preflight() -> Server {
    const FAILED: &str = "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n";
    let answered = AtomicUsize::new(0);
    Server::tcp(move |conversation| {
        while conversation.request().is_some() {
            let is_first = answered.fetch_add(1, Ordering::SeqCst) < 5;
            if !conversation.send(if is_first { OK } else { FAILED }) {
                return;
            }
        }
    })
}

#[test]
fn a_pipeline_measures_a_service_and_leaves_its_reports() {
    let Some(scripts) = scripts("pipelines::measured::pipeline") else {
        return;
    };
    let healthy = Server::answering(OK);
    for ([install, measure], metrics) in scripts.iter().zip([false, true]) {
        let failing = failing_after_preflight();
        let cases = [
            (&healthy, "p50 <= 10s\n", 0),
            (&failing, "p50 <= 10s\nerror_rate <= 5%\n", 1),
        ];
        for (server, gates, expected) in cases {
            let runner = Runner::new();
            std::os::unix::fs::symlink(PROGRAM, runner.path("bin/a7probe")).expect("a link");
            let project = runner.path("home");
            let variables = [
                ("SERVICE_URL", format!("{}/health", server.url())),
                ("GATES", gates.to_owned()),
                ("PROBE_ARCHIVE", String::new()),
                ("PROBE_REPOSITORY", String::new()),
                (
                    "CI_PROJECT_DIR",
                    project.to_str().expect("a path").to_owned(),
                ),
            ];
            let variables = variables.iter().map(|(n, v)| (*n, v.as_str()));
            let variables: Vec<(&str, &str)> = variables.collect();
            let installed = runner.run(install, &variables);
            assert_eq!(code(&installed), 0, "{}", stderr(&installed));
            assert!(
                stdout(&installed).starts_with("a7probe "),
                "{}",
                stdout(&installed)
            );
            let quick = measure.replace(" --wait-ready", " -n 100 -q 50 --iid --wait-ready");
            let output = runner.run(&quick, &variables);
            assert_eq!(code(&output), expected, "{}", stderr(&output));
            let read = |name: &str| {
                let path = runner.path("work/latency").join(name);
                fs::read_to_string(path).unwrap_or_else(|e| panic!("{name}: {e}"))
            };
            assert!(read("junit.xml").contains("p50 &lt;= 10s"));
            assert!(read("report.html").starts_with("<!DOCTYPE html>"));
            read("run.json");
            if metrics {
                assert!(read("metrics.txt").ends_with("# EOF\n"));
            } else {
                assert!(read("comment/comment.md").starts_with("<!-- a7probe -->\n"));
            }
        }
    }
}

#[test]
fn a_release_is_checked_and_a_pipeline_that_names_no_source_says_so() {
    let Some(scripts) = scripts("pipelines::measured::install") else {
        return;
    };
    for [install, _] in scripts {
        let runner = Runner::new();
        let (archive, sum) = shell::release(&runner);
        shell::curl_of(&runner, &archive);
        let project = runner.path("home");
        let install = |address: &str, sum: &str, repository: &str, commit: &str| {
            runner.run(
                &install,
                &[
                    ("PROBE_ARCHIVE", address),
                    ("PROBE_SHA256", sum),
                    ("PROBE_REPOSITORY", repository),
                    ("PROBE_COMMIT", commit),
                    ("CI_PROJECT_DIR", project.to_str().expect("a path")),
                ],
            )
        };
        let nothing = install("", "", "", "");
        assert_eq!(code(&nothing), 2, "{}", stdout(&nothing));
        assert!(
            stderr(&nothing).contains("set PROBE_ARCHIVE"),
            "{}",
            stderr(&nothing)
        );
        let address = "https://git.example/a7probe.tar.gz";
        let no_sum = install(address, "", "", "");
        assert_eq!(code(&no_sum), 2);
        assert!(
            stderr(&no_sum).contains("PROBE_SHA256 must be"),
            "{}",
            stderr(&no_sum)
        );
        let good = install(address, &sum, "", "");
        assert_eq!(code(&good), 0, "{}", stderr(&good));
        let other = install(address, &"0".repeat(64), "", "");
        assert_eq!(code(&other), 1, "{}", stdout(&other));
        let branch = install("", "", "https://git.example/a7probe", "main");
        assert_eq!(code(&branch), 2);
        assert!(
            stderr(&branch).contains("full commit"),
            "{}",
            stderr(&branch)
        );
        // Built from a source that the stand-in for cargo has.
        fs::remove_file(project.join(".a7probe/bin/a7probe")).expect("installed");
        runner.program(
            "cargo",
            "while [ $# -gt 1 ]; do if [ \"$1\" = --root ]; then root=$2; fi; shift; done\n\
             printf '#!/bin/sh\\necho built\\n' > \"$root/bin/a7probe\"\nchmod +x \"$root/bin/a7probe\"\n",
        );
        let built = install("", "", "https://git.example/a7probe", &"a".repeat(40));
        assert_eq!(code(&built), 0, "{}", stderr(&built));
        assert_eq!(stdout(&built), "built\n");
    }
}
