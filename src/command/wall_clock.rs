//! Is the wall clock synchronized, by which shards begin together? The kernel says so to `adjtimex`, which safe code
//! cannot call, so the programs that ask it are asked.

use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use crate::run::run_file::{WallClock, WallClockState};

/// A program that needs longer does not answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// What NTP says of the clock of this machine.
pub(super) fn wall_clock() -> WallClock {
    let (sender, receiver) = mpsc::channel();
    // The thread ends with the program that it asks, or with the process.
    let asked = std::thread::Builder::new()
        .name("wall-clock".into())
        .spawn(move || drop(sender.send(asked())));
    let answer = asked.ok().and_then(|_| receiver.recv_timeout(TIMEOUT).ok());
    answer.flatten().unwrap_or(WallClock {
        state: WallClockState::Unknown,
        source: None,
    })
}

/// The first program that knows.
fn asked() -> Option<WallClock> {
    let timedatectl = || {
        let shown = output(
            "timedatectl",
            &["show", "--property=NTPSynchronized", "--value"],
        )?;
        Some(WallClock {
            state: of_timedatectl(&shown)?,
            source: Some("timedatectl".to_owned()),
        })
    };
    let chronyc = || {
        let shown = output("chronyc", &["-n", "tracking"])?;
        Some(WallClock {
            state: of_chronyc(&shown)?,
            source: Some("chronyc".to_owned()),
        })
    };
    timedatectl().or_else(chronyc)
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    String::from_utf8(output.stdout)
        .ok()
        .filter(|_| output.status.success())
}

/// `yes` or `no`, from the kernel.
fn of_timedatectl(shown: &str) -> Option<WallClockState> {
    match shown.trim() {
        "yes" => Some(WallClockState::Synchronized),
        "no" => Some(WallClockState::Unsynchronized),
        _ => None,
    }
}

/// `Leap status     : Normal`, or `Not synchronised`.
fn of_chronyc(shown: &str) -> Option<WallClockState> {
    let mut lines = shown.lines().filter_map(|line| line.split_once(':'));
    let (_, leap) = lines.find(|(name, _)| name.trim() == "Leap status")?;
    Some(match leap.trim() {
        "Not synchronised" => WallClockState::Unsynchronized,
        _ => WallClockState::Synchronized,
    })
}

#[cfg(test)]
mod tests {
    use super::{WallClockState, of_chronyc, of_timedatectl};

    #[test]
    fn the_answers_of_the_programs_are_read() {
        assert_eq!(of_timedatectl("yes\n"), Some(WallClockState::Synchronized));
        assert_eq!(of_timedatectl("no\n"), Some(WallClockState::Unsynchronized));
        assert_eq!(of_timedatectl(""), None);
        let tracking = |leap: &str| format!("Stratum         : 3\nLeap status     : {leap}\n");
        let normal = of_chronyc(&tracking("Normal"));
        assert_eq!(normal, Some(WallClockState::Synchronized));
        let lost = of_chronyc(&tracking("Not synchronised"));
        assert_eq!(lost, Some(WallClockState::Unsynchronized));
        assert_eq!(of_chronyc("506 Cannot talk to daemon\n"), None);
    }
}
