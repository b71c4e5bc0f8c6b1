//! TEMP: judge alone, until the command line is wired.

use clap::Parser;

#[derive(Parser)]
enum Cli {
    Judge(a7probe::cli::judge::JudgeArgs),
}

fn main() -> std::process::ExitCode {
    let Cli::Judge(args) = Cli::parse();
    let (mut stdout, mut stderr) = (std::io::stdout().lock(), std::io::stderr().lock());
    match a7probe::command::judge::run(&args, &mut stdout, &mut stderr) {
        Ok(exit) => exit.into(),
        Err(error) => {
            use std::io::Write as _;
            let _ = writeln!(stderr, "error: {error:#}");
            std::process::ExitCode::from(2)
        }
    }
}
