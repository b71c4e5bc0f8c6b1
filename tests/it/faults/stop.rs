//! The server is told to stop while events come in.

use crate::harness::temp_dir;
use crate::load::{Load, assert_done_exactly_once, events_of_the_load};
use crate::serve_host::Process;

#[test]
fn sigterm_under_load_keeps_every_promise_until_the_last() {
    for notify in ["at-least-once", "at-most-once"] {
        let folder = temp_dir();
        let flags = ["--notify", notify, "--sim-latency", "5ms"];
        let hasty = [&flags[..], &["--drain-timeout", "0s"]].concat();
        let process = Process::start(folder.path(), &hasty);
        let load = Load::start(process.address);
        load.wait_for(300);
        process.terminate();
        let (status, said) = process.wait();
        assert!(status.success(), "{said}");
        let acknowledged = load.acknowledged_ids();

        let process = Process::start(folder.path(), &flags);
        let events = events_of_the_load(&mut process.client());
        assert_done_exactly_once(&acknowledged, &events);
    }
}
