//! A reference server as a child process, stopped whatever happens.

use std::fs::File;
use std::net::SocketAddr;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// How long a server may take to print its address.
const PATIENCE: Duration = Duration::from_secs(20);

/// Runs until it is dropped.
pub(super) struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts `a7probe serve` with these arguments on a free port, its files in this folder.
    pub(super) fn start(folder: &Path, name: &str, arguments: &[String]) -> anyhow::Result<Server> {
        let (ready, log) = (
            folder.join(format!("{name}.ready")),
            folder.join(format!("{name}.log")),
        );
        let program = std::env::current_exe().context("cannot find this program's own file")?;
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
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            // Ctrl-C is for us; we stop the server when we have stopped measuring it.
            .process_group(0)
            .spawn()
            .context("cannot start the reference server")?;
        let mut server = Server {
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
            if ended.is_some() || began.elapsed() > PATIENCE {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                bail!("the reference server did not start: {}", said.trim());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its store is a temporary file, so there is nothing to drain for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
