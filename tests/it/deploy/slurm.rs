//! A real Slurm on this machine: the scripts of `deploy/slurm` queue an array job and its merge.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::harness::{PROGRAM, free_port, stderr, stdout, temp_dir};
use crate::needs::{LONG_TESTS, SLURM, need_right};
use crate::pipelines::root;
use crate::scripted::{OK, Server};

/// Eight processes start, wait for each other, and send for 10 s.
const PATIENCE: Duration = Duration::from_secs(180);

/// A controller and one node, which end with it.
struct Cluster {
    configuration: PathBuf,
    daemons: Vec<Child>,
}

impl Cluster {
    fn start(folder: &Path) -> Cluster {
        let configuration = folder.join("slurm.conf");
        let at = |name: &str| folder.join(name).display().to_string();
        for name in ["state", "spool"] {
            fs::create_dir(folder.join(name)).expect("a folder");
        }
        // More processors than there are, because all tasks of the array run at the same time.
        let text = format!(
            "ClusterName=test\n\
             SlurmctldHost=localhost\n\
             SlurmctldPort={}\n\
             SlurmdPort={}\n\
             AuthType=auth/none\n\
             CredType=cred/none\n\
             SlurmUser=root\n\
             StateSaveLocation={}\n\
             SlurmdSpoolDir={}\n\
             SlurmctldPidFile={}\n\
             SlurmdPidFile={}\n\
             ProctrackType=proctrack/linuxproc\n\
             TaskPlugin=task/none\n\
             JobAcctGatherType=jobacct_gather/none\n\
             MpiDefault=none\n\
             SelectType=select/cons_tres\n\
             SelectTypeParameters=CR_CPU\n\
             SlurmdParameters=config_overrides\n\
             NodeName=node NodeHostname=localhost NodeAddr=127.0.0.1 CPUs=32 State=UNKNOWN\n\
             PartitionName=all Nodes=node Default=YES MaxTime=INFINITE State=UP\n",
            free_port(),
            free_port(),
            at("state"),
            at("spool"),
            at("slurmctld.pid"),
            at("slurmd.pid"),
        );
        fs::write(&configuration, text).expect("written");
        let mut cluster = Cluster {
            configuration,
            daemons: Vec::new(),
        };
        for (program, node) in [("slurmctld", &[][..]), ("slurmd", &["-N", "node"])] {
            let log = fs::File::create(folder.join(program)).expect("a file");
            let daemon = Command::new(format!("/usr/sbin/{program}"))
                .args(["-D", "-f"])
                .arg(&cluster.configuration)
                .args(node)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(log)
                .spawn();
            cluster.daemons.push(daemon.expect("it starts"));
        }
        cluster.until("the node is idle", |cluster| {
            stdout(&cluster.ask("sinfo", &["--noheader", "--format=%T"])) == "idle\n"
        });
        cluster
    }

    fn ask(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env("SLURM_CONF", &self.configuration);
        command.output().expect("it starts")
    }

    #[track_caller]
    fn until(&self, what: &str, mut is_so: impl FnMut(&Cluster) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so(self) {
            assert!(Instant::now() < deadline, "not in time: {what}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The exit code of a job, once it has ended.
    fn exit_code(&self, job: &str) -> String {
        let mut code = None;
        self.until("the job ends", |cluster| {
            let shown = stdout(&cluster.ask("scontrol", &["show", "job", "--oneliner", job]));
            let of = |key: &str| {
                let mut words = shown.split_whitespace();
                words.find_map(|word| Some(word.strip_prefix(key)?.to_owned()))
            };
            let state = of("JobState=");
            code = of("ExitCode=");
            !matches!(
                state.as_deref(),
                None | Some("PENDING" | "RUNNING" | "COMPLETING")
            )
        });
        code.expect("a job has an exit code")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.ask("scancel", &["--user=root"]);
        for daemon in self.daemons.iter_mut().rev() {
            let terminated = Command::new("kill").arg(daemon.id().to_string()).status();
            if terminated.is_ok_and(|status| status.success()) {
                let _ = daemon.wait();
            }
        }
    }
}

/// The scripts, with fewer requests.
fn scripts(folder: &Path) -> PathBuf {
    let scripts = folder.join("slurm");
    fs::create_dir(&scripts).expect("a folder");
    for name in ["submit.sh", "shards.sbatch", "merge.sbatch"] {
        let text = fs::read_to_string(root().join("deploy/slurm").join(name)).expect("a script");
        let fewer = text.replace(
            "--rate 2000/s --duration 60s",
            "--rate 200/s --duration 10s",
        );
        assert_eq!(fewer != text, name == "shards.sbatch", "{name}");
        let path = scripts.join(name);
        // A copy has the rights of the original.
        fs::copy(root().join("deploy/slurm").join(name), &path).expect("copied");
        fs::write(path, fewer).expect("written");
    }
    scripts
}

/// The verdict in a log, which also has what was said on stderr.
#[track_caller]
fn said(log: &str) -> &str {
    let first = log
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    let mut verdicts = first.filter(|word| ["PASS", "FAIL", "INCONCLUSIVE"].contains(word));
    verdicts
        .next()
        .unwrap_or_else(|| panic!("no verdict: {log}"))
}

#[test]
fn an_array_job_of_slurm_is_one_run_and_a_task_that_is_cancelled_is_missed() {
    let name = "an_array_job_of_slurm_is_one_run_and_a_task_that_is_cancelled_is_missed";
    if need_right(&LONG_TESTS, name).is_none() || need_right(&SLURM, name).is_none() {
        return;
    }
    let folder = temp_dir();
    let cluster = Cluster::start(folder.path());
    let scripts = scripts(folder.path());
    std::os::unix::fs::symlink(PROGRAM, folder.path().join("a7probe")).expect("a link");
    let path = std::env::var("PATH").expect("a path");
    let path = format!("{}:{path}", folder.path().display());
    let server = Server::answering(OK);
    let url = format!("{}/search", server.url());
    let shared = folder.path().join("shared");
    let submit = || {
        let output = Command::new(scripts.join("submit.sh"))
            .arg(&url)
            .arg(&shared)
            .current_dir(folder.path())
            .env("SLURM_CONF", &cluster.configuration)
            .env("PATH", &path)
            .output()
            .expect("it starts");
        let told = stdout(&output);
        // `shards 1, merge 9: …`
        let number = |word: &str| {
            let after = told
                .split_once(word)
                .unwrap_or_else(|| panic!("{told}{}", stderr(&output)))
                .1;
            after.split([',', ':']).next().expect("a number").to_owned()
        };
        [number("shards "), number("merge ")]
    };
    let verdict = |merge: &str| {
        let exit = cluster.exit_code(merge);
        let log = fs::read_to_string(folder.path().join(format!("a7probe-merge-{merge}.log")));
        (exit, log.expect("a log"))
    };

    let [_, merge] = submit();
    let (exit, log) = verdict(&merge);
    let expected = match said(&log) {
        "PASS" => "0:0",
        "FAIL" => "1:0",
        _ => "3:0",
    };
    assert_eq!(exit, expected, "{log}");
    assert!(
        log.contains("2,000 requests") && log.contains("8 shards"),
        "{log}"
    );

    let [shards, merge] = submit();
    let begun = shared.join(&shards).join("start");
    cluster.until("the shards begin", |_| begun.exists());
    cluster.ask("scancel", &[&format!("{shards}_3")]);
    let (exit, log) = verdict(&merge);
    assert_eq!(exit, "3:0", "{log}");
    assert_eq!(said(&log), "INCONCLUSIVE", "{log}");
    assert!(log.contains("shard 3 of 8"), "{log}");
}
