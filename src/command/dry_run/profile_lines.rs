//! The rate profiles of a plan, drawn, and the file that is replayed.

use crate::cli::resolve::{Measure, planned_samples};
use crate::report::text::replay_notes;
use crate::report::{Style, profile_chart};
use crate::run::plan::Endpoint;
use crate::run::rate_profile::RateProfile;
use crate::units::{Pretty, grouped, plural};

/// Of every endpoint with a profile: `rate of health  3 segments, 2 min, 16 500 requests`, and the chart below it. Endpoints
/// of one profile share it.
pub(super) fn profile_lines(measure: &Measure, style: &Style) -> Vec<String> {
    let plan = &measure.plan;
    let mut lines = Vec::new();
    let mut drawn: Vec<&RateProfile> = Vec::new();
    let firsts = plan.endpoints.iter().filter(|e| e.is_first_segment());
    for endpoint in firsts {
        let Some(segment) = &endpoint.segment else {
            continue;
        };
        let profile = &segment.profile;
        if drawn.contains(&profile) {
            continue;
        }
        drawn.push(profile);
        let same = plan.endpoints.iter().filter(|other| {
            let own = other.segment.as_ref();
            other.is_first_segment() && own.is_some_and(|own| own.profile == *profile)
        });
        let names: Vec<&str> = same.map(Endpoint::base_name).collect();
        let own = plan.endpoints.iter();
        let own = own.filter(|other| other.base_name() == endpoint.base_name());
        let requests: u64 = own.filter_map(|other| planned_samples(plan, other)).sum();
        let (what, length) = match profile {
            RateProfile::Parts(parts) => {
                let count = parts.parts().len() as u64;
                (
                    format!("{count} {}", plural(count, "segment")),
                    parts.length(),
                )
            }
            RateProfile::Replay(replay) => {
                let record = &replay.record;
                (format!("replay of {}", record.file), record.length())
            }
        };
        lines.push(format!("rate of {}", names.join(", ")));
        lines.extend(profile_chart(profile, style));
        lines.push(format!(
            "  {what}, {}, {} {}{}",
            Pretty(length),
            grouped(requests),
            plural(requests, "request"),
            if names.len() > 1 { " each" } else { "" }
        ));
    }
    if let Some(source) = &measure.replay {
        lines.extend(
            replay_notes(source)
                .into_iter()
                .map(|note| format!("  {note}")),
        );
    }
    lines
}
