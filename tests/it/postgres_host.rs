//! PostgreSQL for tests: a schema of the test's own in the machine's, or a whole server that may be restarted.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use a7probe::reference::store::{Store, StoreOptions};
use tempfile::TempDir;

use crate::certificate::Certificate;
use crate::harness::{self, eventually, free_port, temp_dir};
use crate::needs::{POSTGRES, POSTGRES_PROGRAMS, POSTGRES_URL, need};

/// Of the role `guest` in a server of the test's own.
const PASSWORD: &str = "s3cret";

/// A schema of the test's own, dropped with it.
pub(crate) struct Schema {
    name: String,
    pub(crate) url: String,
}

impl Schema {
    /// `None`, and noted as not run, when there is no PostgreSQL.
    pub(crate) fn create(test: &str) -> Option<Schema> {
        need(&POSTGRES, test)?;
        let name = format!("t_{}", uuid::Uuid::new_v4().simple());
        sql(&format!("CREATE SCHEMA {name}"));
        let url = format!("{POSTGRES_URL}?options=-csearch_path%3D{name}");
        Some(Schema { name, url })
    }

    /// With everything in it.
    pub(crate) fn drop_it(&self) {
        sql(&format!("DROP SCHEMA {} CASCADE", self.name));
    }

    pub(crate) fn make(&self) {
        sql(&format!("CREATE SCHEMA {}", self.name));
    }

    pub(crate) fn options(&self) -> StoreOptions {
        StoreOptions::at(self.url.as_str())
    }

    pub(crate) fn open(&self) -> Store {
        Store::open(&self.options()).expect("the store opens")
    }

    pub(crate) fn sql(&self, text: &str) {
        sql(&format!("SET search_path = {}; {text}", self.name));
    }

    /// The first column of every row.
    pub(crate) fn ask(&self, text: &str) -> Vec<String> {
        let text = format!("SET search_path = {}; {text}", self.name);
        on_a_thread(move || {
            with_session(POSTGRES_URL, async |client| {
                let messages = client.simple_query(&text).await.expect("the statements");
                let column = |message| match message {
                    tokio_postgres::SimpleQueryMessage::Row(row) => {
                        Some(row.get(0).unwrap_or_default().to_owned())
                    }
                    _ => None,
                };
                messages.into_iter().filter_map(column).collect()
            })
            .expect("PostgreSQL answers")
        })
    }

    /// A session elsewhere that has done this in a transaction which does not end.
    pub(crate) fn hold(&self, text: &str) -> Held {
        Held::begin(format!("SET search_path = {}; BEGIN; {text}", self.name))
    }
}

/// A transaction that is not committed, and rolled back when this is dropped.
pub(crate) struct Held {
    end: Option<std::sync::mpsc::Sender<()>>,
    session: Option<std::thread::JoinHandle<()>>,
}

impl Held {
    fn begin(text: String) -> Held {
        let (end, ended) = std::sync::mpsc::channel();
        let (begun, is_begun) = std::sync::mpsc::channel();
        let session = std::thread::spawn(move || {
            with_session(POSTGRES_URL, async |client| {
                client.batch_execute(&text).await.expect("the statements");
                begun.send(()).expect("somebody waits");
                let _: Result<(), _> = ended.recv();
                client.batch_execute("ROLLBACK").await.expect("it ends");
            })
            .expect("PostgreSQL answers");
        });
        is_begun.recv().expect("the transaction has begun");
        Held {
            end: Some(end),
            session: Some(session),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        drop(self.end.take());
        let _ = self.session.take().map(std::thread::JoinHandle::join);
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        self.drop_it();
    }
}

/// A database of the test's own, dropped with it.
pub(crate) struct Database {
    name: String,
    pub(crate) url: String,
}

impl Database {
    /// `None`, and noted as not run, when there is no PostgreSQL.
    pub(crate) fn create(test: &str) -> Option<Database> {
        need(&POSTGRES, test)?;
        let name = format!("a7probe_t_{}", uuid::Uuid::new_v4().simple());
        let server = POSTGRES_URL.rsplit_once('/').expect("a path").0;
        let url = format!("{server}/{name}");
        let database = Database { name, url };
        database.make();
        Some(database)
    }

    pub(crate) fn make(&self) {
        sql(&format!("CREATE DATABASE {}", self.name));
    }

    /// Ends every session in it.
    pub(crate) fn drop_it(&self) {
        sql(&format!(
            "DROP DATABASE IF EXISTS {} WITH (FORCE)",
            self.name
        ));
    }

    /// How many transactions have ended in it.
    pub(crate) fn transactions(&self) -> u64 {
        let text = format!(
            "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = '{}'",
            self.name
        );
        on_a_thread(move || {
            with_session(POSTGRES_URL, async |client| {
                let row = client.query_one(&text, &[]).await.expect("the statement");
                row.get::<_, i64>(0).unsigned_abs()
            })
            .expect("PostgreSQL answers")
        })
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.drop_it();
    }
}

/// Runs statements in the machine's PostgreSQL.
fn sql(text: &str) {
    run_sql(POSTGRES_URL, text).expect("the statements");
}

/// Runs statements on a connection and a thread of their own.
fn run_sql(url: &str, text: &str) -> Result<(), tokio_postgres::Error> {
    let (url, text) = (url.to_owned(), text.to_owned());
    on_a_thread(move || {
        with_session(&url, async |client| client.batch_execute(&text).await).flatten()
    })
}

/// Away from the runtime that the test may run on.
fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    std::thread::spawn(work).join().expect("no panic")
}

fn with_session<T>(
    url: &str,
    work: impl AsyncFnOnce(&tokio_postgres::Client) -> T,
) -> Result<T, tokio_postgres::Error> {
    // The connection is driven beside whatever the work waits for.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(async {
        let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
        tokio::spawn(connection);
        Ok(work(&client).await)
    })
}

/// A PostgreSQL server of the test's own, on a port that stays the same when it is started again.
pub(crate) struct Cluster {
    pub(crate) url: String,
    pub(crate) port: u16,
    programs: PathBuf,
    folder: TempDir,
    child: Option<Child>,
}

/// How a server is stopped.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stop {
    /// Sessions are ended and a checkpoint is made.
    Fast,
    /// Nothing is written any more; the next start recovers from the log.
    Immediate,
    /// SIGKILL to the postmaster.
    Kill,
}

impl Cluster {
    /// `None`, and noted as not run, when PostgreSQL's programs are not there.
    pub(crate) fn start(test: &str) -> Option<Cluster> {
        let programs = need(&POSTGRES_PROGRAMS, test)?;
        let (folder, port) = (temp_dir(), free_port());
        let mut cluster = Cluster {
            url: format!("postgres://a7probe@127.0.0.1:{port}/postgres"),
            port,
            programs,
            folder,
            child: None,
        };
        give_to_postgres(cluster.folder.path());
        let made = (cluster.program("initdb"))
            .args(["--username=a7probe", "--auth=trust", "--encoding=UTF8"])
            .args(["--locale=C", "--no-sync", "-D"])
            .arg(cluster.folder.path().join("data"))
            .output()
            .expect("initdb starts");
        assert!(made.status.success(), "{made:?}");
        cluster.run();
        Some(cluster)
    }

    /// Starts it, or starts it again on what it kept.
    pub(crate) fn run(&mut self) {
        let folder = self.folder.path().to_str().expect("UTF-8");
        let mut command = self.program("postgres");
        command
            .args(["-D", &format!("{folder}/data"), "-h", "127.0.0.1"])
            .args(["-p", &self.port.to_string(), "-k", folder])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let child = &mut self.child;
        eventually("PostgreSQL answers", || {
            // While the last one's processes are there the next one refuses to start.
            let ended = child
                .as_mut()
                .is_none_or(|child| child.try_wait().expect("a status").is_some());
            if ended {
                *child = Some(command.spawn().expect("PostgreSQL starts"));
            }
            run_sql(&self.url, "").is_ok()
        });
    }

    /// Runs one statement.
    pub(crate) fn sql(&self, text: &str) {
        run_sql(&self.url, text).expect("the statement");
    }

    /// Encrypts from now on whoever wants it, and lets the role `guest` in no other way.
    pub(crate) fn encrypt(&self, certificate: &Certificate) {
        let data = self.folder.path().join("data");
        for (file, name) in [
            (certificate.chain(), "server.crt"),
            (certificate.key(), "server.key"),
        ] {
            let own = data.join(name);
            std::fs::copy(file, &own).expect("a file");
            // It refuses a key that others may read.
            let own_only = std::fs::Permissions::from_mode(0o600);
            std::fs::set_permissions(&own, own_only).expect("its owner may");
            give_to_postgres(&own);
        }
        let rules = data.join("pg_hba.conf");
        let guest = "hostssl all guest all scram-sha-256\nhost all guest all reject\n";
        let others = std::fs::read_to_string(&rules).expect("initdb wrote it");
        std::fs::write(&rules, format!("{guest}{others}")).expect("it may be written");
        self.sql(&format!(
            "CREATE ROLE guest SUPERUSER LOGIN PASSWORD '{PASSWORD}'"
        ));
        self.sql("ALTER SYSTEM SET ssl = on");
        self.sql("SELECT pg_reload_conf()");
        eventually("it lets nobody in unencrypted", || {
            run_sql(&self.guest("127.0.0.1", ""), "").is_err()
        });
    }

    /// The URL of one who has a password, by this name of the server's host.
    pub(crate) fn guest(&self, host: &str, parameters: &str) -> String {
        let port = self.port;
        // PostgreSQL listens on one address, whatever the name.
        format!("postgres://guest:{PASSWORD}@{host}:{port}/postgres?hostaddr=127.0.0.1{parameters}")
    }

    /// Stops it and waits for its end.
    pub(crate) fn stop(&mut self, how: Stop) {
        let signal = match how {
            Stop::Fast => "INT",
            Stop::Immediate => "QUIT",
            Stop::Kill => "KILL",
        };
        let mut child = self.child.take().expect("it runs");
        harness::signal(child.id(), signal);
        child.wait().expect("it ends");
    }

    /// One of its programs, as the user that it may run as.
    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir(self.folder.path());
        if let Some((user, group)) = postgres_user() {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.child.is_some() {
            self.stop(Stop::Immediate);
        }
    }
}

/// PostgreSQL refuses to run as root; then it is run as the user that its package made.
fn postgres_user() -> Option<(u32, u32)> {
    (id(&["-u"]) == 0).then(|| (id(&["-u", "postgres"]), id(&["-g", "postgres"])))
}

fn give_to_postgres(folder: &Path) {
    if let Some((user, group)) = postgres_user() {
        std::os::unix::fs::chown(folder, Some(user), Some(group)).expect("root may");
    }
}

fn id(arguments: &[&str]) -> u32 {
    let output = Command::new("id").args(arguments).output();
    let text = String::from_utf8(output.expect("id runs").stdout).expect("UTF-8");
    text.trim().parse().expect("a number")
}
