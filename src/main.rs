//! Parses, calls the library, turns the status into an exit code; nothing else.

fn main() {}
