//! What became of the lines of a replayed file, in sentences.

use crate::report::figures::thousands;
use crate::run::replay::{ReplaySource, ReplayedRequests};
use crate::units::plural;

/// How many requests are sent and from where their paths come; then the requests that are skipped, and changes of the times.
pub(crate) fn notes(source: &ReplaySource) -> Vec<String> {
    let ReplaySource { file, format, .. } = source;
    let mut notes = vec![format!(
        "replay of {file} ({format}): {} {} sent, {} in the file; {}",
        thousands(source.sent),
        plural(source.sent, "request"),
        thousands(source.timed),
        origin(&source.requests)
    )];
    notes.extend(skipped(source));
    if source.out_of_order > 0 {
        notes.push(format!(
            "{file}: {} {} behind a later one; the requests are sent in the order of time",
            thousands(source.out_of_order),
            plural(source.out_of_order, "line")
        ));
    }
    if source.is_spread {
        notes.push(format!(
            "{file} has whole seconds only: the requests of each second are spread evenly over it"
        ));
    }
    notes
}

fn origin(requests: &ReplayedRequests) -> String {
    match requests {
        ReplayedRequests::OfFile { paths, .. } => {
            format!(
                "methods and {} {} of the file",
                thousands(*paths),
                plural(*paths, "path")
            )
        }
        ReplayedRequests::OfPlan {
            file_has_some: true,
        } => "only the times of the file: the endpoints were named".to_owned(),
        ReplayedRequests::OfPlan {
            file_has_some: false,
        } => "only times: the file has no methods and paths".to_owned(),
    }
}

/// `access.log: not sent: 1,200 POST, 4 DELETE (a log has no bodies; …), 3 unusable requests`.
fn skipped(source: &ReplaySource) -> Option<String> {
    let mut parts = Vec::new();
    if let ReplayedRequests::OfFile {
        skipped, unusable, ..
    } = &source.requests
    {
        let methods: Vec<String> = skipped
            .iter()
            .map(|own| format!("{} {}", thousands(own.requests), own.method))
            .collect();
        if !methods.is_empty() {
            parts.push(format!(
                "{} (a log has no bodies; to send one: -X POST -d BODY URL/PATH)",
                methods.join(", ")
            ));
        }
        if *unusable > 0 {
            parts.push(format!(
                "{} {} that cannot be repeated",
                thousands(*unusable),
                plural(*unusable, "request")
            ));
        }
    }
    if source.unreadable > 0 {
        let cut = if source.is_cut {
            ", the last of them cut off"
        } else {
            ""
        };
        parts.push(format!(
            "{} {} without a readable time{cut}",
            thousands(source.unreadable),
            plural(source.unreadable, "line")
        ));
    }
    (!parts.is_empty()).then(|| format!("{}: not sent: {}", source.file, parts.join("; ")))
}
