//! From what was typed to what is meant: flags, then variables, profile, settings file, default.

mod ab;
#[cfg(feature = "reference")]
mod demo;
mod diagnose;
mod gates;
mod measure;
mod unchecked_plan;

pub(crate) use ab::{Ab, Sameness, ab};
#[cfg(feature = "reference")]
pub(crate) use demo::demo_plan;
pub(crate) use diagnose::{Diagnose, diagnose};
pub(crate) use gates::{planned, planned_samples};
pub(crate) use measure::{Measure, measure};
