//! From what was typed to what is meant: flags, then variables, profile, settings file, default.

mod ab;
mod diagnose;
mod gates;
mod measure;
mod unchecked_plan;

pub use ab::{Ab, Sameness, ab};
pub use diagnose::{Diagnose, diagnose};
pub use gates::{planned, planned_samples};
pub use measure::{Measure, demo_plan, measure};
