//! A reference server as a child process, stopped when it is dropped.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// How long a server may take to print its address.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// Runs until it is dropped.
pub(super) struct ServerProcess {
    child: Child,
    address: SocketAddr,
}

impl ServerProcess {
    /// Starts `a7probe serve` with these arguments on a free port, its files in this folder.
    pub(super) fn start(
        folder: &Path,
        name: &str,
        arguments: &[String],
    ) -> anyhow::Result<ServerProcess> {
        let (ready, log) = (
            folder.join(format!("{name}.ready")),
            folder.join(format!("{name}.log")),
        );
        let program = std::env::current_exe().context("cannot find the file of this program")?;
        let child = Command::new(program)
            .args([
                "serve",
                "--bind",
                "127.0.0.1:0",
                "--log",
                "error",
                "--ready-file",
            ])
            .arg(&ready)
            .arg("--store")
            .arg(folder.join(format!("{name}.db")))
            .args(arguments)
            // It ends when this pipe does, so it cannot outlive us, however we end.
            .arg("--until-stdin-ends")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            // Ctrl-C is for us; we stop the server when we have stopped measuring it.
            .process_group(0)
            .spawn()
            .context("cannot start the reference server")?;
        let mut server = ServerProcess {
            child,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
        };
        server.address = server.wait_for_address(&ready, &log)?;
        Ok(server)
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn wait_for_address(&mut self, ready: &Path, log: &PathBuf) -> anyhow::Result<SocketAddr> {
        let began = Instant::now();
        loop {
            if let Ok(text) = std::fs::read_to_string(ready) {
                return text
                    .trim()
                    .parse()
                    .context("the reference server wrote no address");
            }
            let ended = self.child.try_wait()?;
            if ended.is_some() || began.elapsed() > START_TIMEOUT {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                bail!("the reference server did not start: {}", said.trim());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // Its store is a temporary file, so there is nothing to drain for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
