//! Numbers in, numbers out: percentiles as ranks, exact verdicts on proportions, and before/after intervals.
//!
//! A gate "quantile q ≤ T" says the same as "the share of requests slower than T is at most θ0 = 1 − q".
//! So [`rank`] turns quantiles into ranks, [`binomial`] judges the share, and [`profile`] compares
//! one quantile of two samples. Nothing here knows what a request is.

pub mod beta;
pub mod binomial;
pub mod profile;
pub mod rank;

mod deviance;
mod search;
