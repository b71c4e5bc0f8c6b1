//! Parses, calls the library, turns the status into an exit code; nothing else.

use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let mut stdout = std::io::stdout().lock();
    let mut stderr = std::io::stderr();
    a7probe::start(&arguments, &mut stdout, &mut stderr).into()
}
