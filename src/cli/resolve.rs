//! From what was typed to what is meant: flags, then variables, profile, settings file, default.

mod ab;
mod diagnose;
mod gates;
mod measure;
mod unchecked_plan;

pub(crate) use ab::{Ab, Sameness, ab};
pub(crate) use diagnose::{Diagnose, diagnose};
pub(crate) use gates::{planned, planned_samples};
pub(crate) use measure::{Measure, demo_plan, measure};
