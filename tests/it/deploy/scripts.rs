//! The scripts that start a sharded run, with programs that stand for those of the cluster.

use std::fs;

use crate::harness::{code, stderr, stdout};
use crate::pipelines::root;
use crate::pipelines::shell::Runner;

/// Notes its arguments, keeps every manifest from stdin, and answers as a cluster whose shards end in the given state
/// after one look.
fn kubectl(runner: &Runner, shards: &str, exit: &str) {
    let notes = runner.path("notes");
    let looks = runner.path("looks");
    let script = format!(
        r#"echo "$*" >> '{notes}'
case "$*" in
    *'get job a7probe-shards'*status*)
        [ -f '{looks}' ] && echo 'SuccessCriteriaMet {shards}' || touch '{looks}' ;;
    *'get job a7probe-merge'*status*) echo Complete ;;
    *'get job a7probe-shards'*uid*) echo 0c5ac3d2-run ;;
    *'apply --filename -') cat > '{merge}' ;;
    *logs*) echo 'the verdict' ;;
    *'get pods'*) echo '{exit}' ;;
esac
"#,
        notes = notes.display(),
        looks = looks.display(),
        merge = runner.path("merge.yaml").display(),
    );
    runner.program("kubectl", &script);
}

fn run_in_kubernetes(runner: &Runner) -> std::process::Output {
    let script = root().join("deploy/kubernetes/measure/run.sh");
    let script = format!("'{}'", script.display());
    let variables = [("KUBECTL", "kubectl --namespace load"), ("PAUSE", "0.01")];
    runner.run(&script, &variables)
}

#[test]
fn the_merge_follows_the_shards_even_if_they_failed_and_its_code_is_the_verdict() {
    for (shards, exit, expected) in [("Complete", "1", 1), ("Failed", "3", 3), ("Failed", "", 2)] {
        let runner = Runner::new();
        kubectl(&runner, shards, exit);
        let output = run_in_kubernetes(&runner);
        assert_eq!(code(&output), expected, "{}", stderr(&output));
        assert_eq!(stdout(&output), "the verdict\n");
        let seen = format!("shards: {}\n", shards.to_lowercase());
        assert_eq!(stderr(&output), seen);
        let notes = fs::read_to_string(runner.path("notes")).expect("notes");
        assert!(
            notes
                .lines()
                .all(|line| line.starts_with("--namespace load ")),
            "{notes}"
        );
        let position = |what: &str| {
            notes
                .find(what)
                .unwrap_or_else(|| panic!("{what}: {notes}"))
        };
        assert!(position("apply --filename shards.yaml") < position("apply --filename -"));
        assert_eq!(
            notes
                .matches("get job a7probe-shards --output jsonpath={.status")
                .count(),
            2
        );
        let merge = fs::read_to_string(runner.path("merge.yaml")).expect("a manifest");
        assert!(merge.contains("value: 0c5ac3d2-run\n"), "{merge}");
        assert!(!merge.contains("value: RUN-OF-THE-SHARDS"), "{merge}");
    }
}

#[test]
fn a_cluster_that_cannot_be_reached_ends_the_script() {
    let runner = Runner::new();
    runner.program("kubectl", "echo 'no route' >&2\nexit 1\n");
    let output = run_in_kubernetes(&runner);
    assert_ne!(code(&output), 0);
    assert_eq!(stdout(&output), "");
}

#[test]
fn slurm_gets_the_shards_and_a_merge_that_waits_for_them_however_they_end() {
    let runner = Runner::new();
    let notes = runner.path("notes");
    runner.program(
        "sbatch",
        &format!(
            "echo \"$SERVICE_URL $RENDEZVOUS ${{SHARDS-none}} $*\" >> '{}'\necho '77;cluster'\n",
            notes.display()
        ),
    );
    let folder = root().join("deploy/slurm");
    let shared = runner.path("shared");
    let script = format!(
        "'{}/submit.sh' http://service.example/search '{}'",
        folder.display(),
        shared.display()
    );
    let output = runner.run(&script, &[]);
    assert_eq!(code(&output), 0, "{}", stderr(&output));
    assert!(stdout(&output).starts_with("shards 77, merge 77: "));
    assert!(shared.is_dir());
    let (folder, shared) = (folder.display(), shared.display());
    let common = format!("http://service.example/search {shared}");
    assert_eq!(
        fs::read_to_string(notes).expect("notes"),
        format!(
            "{common} none --parsable --export=ALL {folder}/shards.sbatch\n{common} 77 --parsable --export=ALL --dependency=afterany:77 {folder}/merge.sbatch\n"
        )
    );
    assert_eq!(code(&runner.run(&format!("'{folder}/submit.sh'"), &[])), 2);
}

#[test]
fn a_task_of_slurm_sends_its_part_under_the_name_of_the_array() {
    let runner = Runner::new();
    let program = runner.path("bin/a7probe");
    runner.recorder(&program, 3);
    let script = format!("bash '{}/deploy/slurm/shards.sbatch'", root().display());
    let variables = [
        ("SERVICE_URL", "http://service.example/search"),
        ("RENDEZVOUS", "/shared"),
        ("SLURM_ARRAY_JOB_ID", "77"),
    ];
    // exec: its exit code is that of the task.
    assert_eq!(code(&runner.run(&script, &variables)), 3);
    let arguments = runner.recorded().expect("it was started").join(" ");
    assert!(
        arguments.starts_with(
            "measure http://service.example/search --shard auto --rendezvous /shared/77 "
        ),
        "{arguments}"
    );
    assert_ne!(code(&runner.run(&script, &variables[..1])), 0);
}
