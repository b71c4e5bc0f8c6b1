//! The segments of rate profiles, and the endpoints that they add up to, for programs.

use serde::Serialize;

use crate::report::endpoint_report::EndpointReport;
use crate::run::recording::Counts;
use crate::run::replay::ReplayRecord;
use crate::run::run_file::{ProfileRecord, SegmentRecord};

/// The part of a rate profile that an endpoint is.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct JsonSegment {
    /// The endpoint that it is a part of.
    pub endpoint: String,
    /// Its number, from 1.
    pub number: usize,
    /// How many there are.
    pub of: usize,
    /// `step`, `ramp` or `replay`.
    pub kind: &'static str,
    /// From the start of the run to its beginning.
    pub start_s: f64,
    /// How long it lasts; of a replay, until its last request.
    pub length_s: f64,
    /// Requests per second at its beginning; absent of a replay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_per_s: Option<f64>,
    /// Requests per second at its end; absent of a replay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_per_s: Option<f64>,
    /// The replayed file; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// How many times as fast as in the file it is replayed; absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<f64>,
}

/// An endpoint that was measured in segments.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct JsonProfile {
    /// Its name.
    pub endpoint: String,
    /// Its segments, as they are called in `endpoints`.
    pub segments: Vec<String>,
    /// Planned requests: the sum of the counts.
    pub planned: u64,
    /// How the requests of all segments ended.
    pub counts: Counts,
}

impl From<&SegmentRecord> for JsonSegment {
    fn from(segment: &SegmentRecord) -> JsonSegment {
        let part = segment.part();
        let replay = match &segment.profile {
            ProfileRecord::Parts { .. } => None,
            ProfileRecord::Replay(replay) => Some(replay),
        };
        let length = part
            .map(|part| part.length)
            .or(replay.map(ReplayRecord::length));
        JsonSegment {
            endpoint: segment.endpoint.clone(),
            number: segment.number,
            of: segment.count(),
            kind: match part {
                Some(part) if part.is_ramp() => "ramp",
                Some(_) => "step",
                None => "replay",
            },
            start_s: segment.start().as_secs_f64(),
            length_s: length.unwrap_or_default().as_secs_f64(),
            from_per_s: part.map(|part| part.from_per_s),
            to_per_s: part.map(|part| part.to_per_s),
            file: replay.map(|replay| replay.file.clone()),
            speed: replay.map(|replay| replay.speed),
        }
    }
}

/// The endpoints with more than one segment, in their order.
pub(super) fn profiles(endpoints: &[EndpointReport]) -> Vec<JsonProfile> {
    let mut profiles: Vec<JsonProfile> = Vec::new();
    for endpoint in endpoints {
        let Some(segment) = endpoint.segment.as_ref().filter(|s| s.count() > 1) else {
            continue;
        };
        let counts = &endpoint.summary.counts;
        let known = profiles
            .iter_mut()
            .find(|profile| profile.endpoint == segment.endpoint);
        match known {
            Some(profile) if segment.number > profile.segments.len() => {
                profile.segments.push(endpoint.name.clone());
                profile.counts.merge(counts);
                profile.planned = profile.counts.total();
            }
            _ => profiles.push(JsonProfile {
                endpoint: segment.endpoint.clone(),
                segments: vec![endpoint.name.clone()],
                planned: counts.total(),
                counts: counts.clone(),
            }),
        }
    }
    profiles
}
