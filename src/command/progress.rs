//! Progress on stderr: a panel, lines for a log or JSON objects, on a thread of its own.

mod drawn_panel;
mod seconds;
mod watched_run;

use std::io::Write;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::signals::LiveDisplays;
use crate::cli::progress::{Console, ProgressMode, TerminalSize};
use crate::printable::{Printable, Sequences};
use crate::report::{
    OfferedLoad, PanelView, PlannedEnd, ProgressSnapshot, ProgressStage, SendingProgress, Style,
};
use drawn_panel::DrawnPanel;

pub(super) use watched_run::{Gates, ProgressScope, WatchedRun};

/// Interval between drawings of a panel; the other forms check for a signal as often.
const PERIOD: Duration = Duration::from_millis(250);

/// Lines of a terminal whose size is unknown.
const USUAL_SIZE: TerminalSize = TerminalSize {
    columns: 80,
    rows: 24,
};

/// Shows progress on a thread of its own until it is finished.
#[derive(Debug)]
pub(super) struct Progress {
    done: Sender<()>,
    thread: Option<JoinHandle<()>>,
}

/// What progress is shown of.
enum Watched {
    Run(Box<WatchedRun>),
    /// Something that has a duration and no figures.
    Wait(fn(Duration) -> ProgressStage, Instant),
}

impl Progress {
    /// Shows a run.
    pub(super) fn of_run(console: Console, displays: &LiveDisplays, run: WatchedRun) -> Progress {
        Progress::start(console, displays, Watched::Run(Box::new(run)))
    }

    /// Shows that this machine's overhead is being measured.
    pub(super) fn of_calibration(console: Console, displays: &LiveDisplays) -> Progress {
        let stage = ProgressStage::Calibration;
        Progress::start(console, displays, Watched::Wait(stage, Instant::now()))
    }

    /// Shows that the run has ended and the audit waits for accepted events.
    pub(super) fn of_audit(console: Console, displays: &LiveDisplays) -> Progress {
        let stage = ProgressStage::Audit;
        Progress::start(console, displays, Watched::Wait(stage, Instant::now()))
    }

    fn start(console: Console, displays: &LiveDisplays, watched: Watched) -> Progress {
        let (done, finished) = channel();
        let displays = displays.clone();
        let thread = (console.mode != ProgressMode::Silent).then(|| {
            // A wait has no answers to count: there the listener says that it stops.
            let tells_stops = matches!(watched, Watched::Run(_));
            if tells_stops {
                displays.begin();
            }
            std::thread::spawn(move || {
                let mut display = Display::new(console, watched);
                while let Err(RecvTimeoutError::Timeout) = finished.recv_timeout(PERIOD) {
                    display.tick();
                }
                display.end();
                if tells_stops {
                    displays.end();
                }
            })
        });
        Progress { done, thread }
    }

    /// Removes the panel; what follows on stderr starts on a clean line.
    pub(super) fn finish(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let _ = self.done.send(());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}

/// One form of progress.
struct Display {
    watched: Watched,
    mode: ProgressMode,
    style: Style,
    panel: DrawnPanel,
    drawings: usize,
    /// When the next lines are due, in time of the stage that they are about.
    next: Duration,
    was_running: bool,
    told_stop: bool,
}

impl Display {
    fn new(console: Console, watched: Watched) -> Display {
        Display {
            watched,
            mode: console.mode,
            style: console.style,
            panel: DrawnPanel::default(),
            drawings: 0,
            next: interval(console.mode),
            was_running: false,
            told_stop: false,
        }
    }

    fn tick(&mut self) {
        let snapshot = self.watched.snapshot();
        match self.mode {
            ProgressMode::Panel => self.draw(&snapshot),
            ProgressMode::Plain | ProgressMode::Json => self.print(&snapshot),
            ProgressMode::Silent => {}
        }
    }

    fn draw(&mut self, snapshot: &ProgressSnapshot) {
        let size = TerminalSize::of_stderr().unwrap_or(USUAL_SIZE);
        let lines = snapshot.panel(&PanelView {
            style: Style {
                width: Some(size.columns),
                ..self.style
            },
            rows: size.rows,
            drawing: self.drawings,
        });
        self.drawings += 1;
        write(
            &mut std::io::stderr(),
            &self.panel.redraw(&lines, size.columns.into()),
        );
    }

    /// Prints what is due: at its time, and at once when a signal has ended the run.
    fn print(&mut self, snapshot: &ProgressSnapshot) {
        let is_stopping = snapshot.stage == ProgressStage::Stopping;
        let clock = match snapshot.stage {
            ProgressStage::Calibration(elapsed)
            | ProgressStage::Audit(elapsed)
            | ProgressStage::WarmUp { elapsed, .. } => elapsed,
            _ if !self.was_running => {
                self.was_running = true;
                self.next = interval(self.mode);
                snapshot.elapsed
            }
            _ => snapshot.elapsed,
        };
        let is_due = if is_stopping {
            !self.told_stop
        } else {
            clock >= self.next
        };
        if !is_due {
            return;
        }
        self.told_stop |= is_stopping;
        while self.next <= clock {
            self.next += interval(self.mode);
        }
        let lines = match self.mode {
            ProgressMode::Json => vec![snapshot.json()],
            _ => snapshot.plain(),
        };
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        write(
            &mut Printable::new(std::io::stderr(), Sequences::None),
            &text,
        );
    }

    fn end(&mut self) {
        let size = TerminalSize::of_stderr().unwrap_or(USUAL_SIZE);
        write(
            &mut std::io::stderr(),
            &self.panel.clear(size.columns.into()),
        );
        if self.watched.is_interrupted() && !self.told_stop && self.mode != ProgressMode::Panel {
            let snapshot = self.watched.snapshot();
            self.print(&snapshot);
        }
    }
}

impl Watched {
    fn snapshot(&mut self) -> ProgressSnapshot {
        match self {
            Watched::Run(run) => run.snapshot(),
            Watched::Wait(stage, since) => ProgressSnapshot {
                label: String::new(),
                stage: stage(since.elapsed()),
                elapsed: since.elapsed(),
                end: PlannedEnd::Requests(0),
                to_go: None,
                endpoints: Vec::new(),
                sending: SendingProgress {
                    sent_per_s: None,
                    offered: OfferedLoad::AtATime(0),
                    in_flight: 0,
                    send_lag_p99: None,
                },
            },
        }
    }

    fn is_interrupted(&self) -> bool {
        match self {
            Watched::Run(run) => run.is_interrupted(),
            Watched::Wait(..) => false,
        }
    }
}

fn interval(mode: ProgressMode) -> Duration {
    match mode {
        ProgressMode::Json => Duration::from_secs(1),
        _ => Duration::from_secs(10),
    }
}

/// A measurement continues if its progress cannot be written.
fn write(out: &mut dyn Write, text: &str) {
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
