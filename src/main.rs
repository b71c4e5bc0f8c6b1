//! Parses, calls the library, turns the status into an exit code; nothing else.

use clap::Parser;

#[derive(Parser)]
enum Cli {
    Serve(a7probe::cli::serve::ServeArgs),
}

#[allow(clippy::print_stderr)]
fn main() -> std::process::ExitCode {
    let Cli::Serve(args) = Cli::parse();
    match a7probe::command::serve::run(&args, &mut std::io::stderr()) {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("error: {error:#}");
            std::process::ExitCode::from(2)
        }
    }
}
