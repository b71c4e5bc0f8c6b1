//! From arguments to the plan that they mean: flags, then variables, profile, settings file, default.

mod ab;
pub(crate) mod baseline;
mod capacity;
mod counted_rows;
#[cfg(feature = "reference")]
mod demo;
mod diagnose;
mod draft;
mod gates;
mod measure;
mod merge;
mod resolved_measure;
mod segments;
mod sharding;
mod unchecked_plan;

pub(crate) use ab::{Ab, Sameness, ab, ab_draft};
pub(crate) use capacity::{Capacity, capacity, capacity_asked_of_saved};
#[cfg(feature = "reference")]
pub(crate) use demo::{DemoSearch, demo_capacity, demo_plan};
pub(crate) use diagnose::{Diagnose, diagnose};
pub(crate) use draft::Draft;
pub(crate) use gates::{planned, planned_samples};
pub(crate) use measure::{measure, measure_draft};
pub(crate) use merge::{MergeAudit, merge_audit};
pub(crate) use resolved_measure::{Measure, ResolvedBaseline};
