//! `-h`: one screen with examples on top; `--help` has every flag.

/// Of `a7probe -h`, and of `a7probe` alone.
const PROGRAM: &str = include_str!("short_help/program.txt");

/// Of each command that people use.
const COMMANDS: [(&str, &str); 13] = [
    ("measure", include_str!("short_help/measure.txt")),
    ("judge", include_str!("short_help/judge.txt")),
    ("compare", include_str!("short_help/compare.txt")),
    ("ab", include_str!("short_help/ab.txt")),
    ("capacity", include_str!("short_help/capacity.txt")),
    ("merge", include_str!("short_help/merge.txt")),
    ("diagnose", include_str!("short_help/diagnose.txt")),
    ("demo", include_str!("short_help/demo.txt")),
    ("serve", include_str!("short_help/serve.txt")),
    ("worker", include_str!("short_help/worker.txt")),
    ("provider", include_str!("short_help/provider.txt")),
    ("selftest", include_str!("short_help/selftest.txt")),
    ("init", include_str!("short_help/init.txt")),
];

/// The screen of a command; `None` where clap's own is short.
pub(super) fn command(name: &str) -> Option<&'static str> {
    let found = COMMANDS.iter().find(|(command, _)| *command == name);
    found.map(|(_, screen)| *screen)
}

/// The screen of the program; without the commands that are not built in.
pub(super) fn program() -> String {
    if cfg!(feature = "reference") {
        return PROGRAM.to_owned();
    }
    let of_reference = [
        "  a7probe demo",
        "Reference server",
        "  serve ",
        "  worker ",
        "  provider ",
    ];
    let lines = PROGRAM
        .lines()
        .filter(|line| !of_reference.iter().any(|start| line.starts_with(start)));
    lines.map(|line| format!("{line}\n")).collect()
}

/// The first example of a command's screen.
pub(super) fn first_example(name: &str) -> Option<&'static str> {
    examples(command(name)?).first().copied()
}

/// The form of a command, such as `a7probe judge [OPTIONS] FILE…`.
pub(super) fn usage(name: &str) -> Option<&'static str> {
    let mut lines = command(name)?.lines();
    lines.find_map(|line| line.strip_prefix("Usage: "))
}

/// The examples at the top of a screen, without their comments.
fn examples(screen: &str) -> Vec<&str> {
    let lines = screen.lines().filter_map(|line| line.strip_prefix("  "));
    let examples = lines.filter(|line| line.starts_with("a7probe "));
    let words = examples.map(|line| line.split("   ").next().unwrap_or(line));
    words.map(str::trim_end).collect()
}

#[cfg(test)]
mod tests;
