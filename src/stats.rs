//! Numbers in, numbers out: percentiles as ranks, verdicts on proportions, and before/after intervals.
//!
//! A gate "quantile q ≤ T" says the same as "the share of requests slower than T is at most θ0 = 1 − q".
//! So [`rank`] turns quantiles into ranks and [`binomial`] judges the share in a sample of fixed size.
//! [`cluster`] takes the bursts into account, [`sequential`] judges while the samples come in, [`interim_looks`] says when, and
//! [`stationarity`], [`trend`] and [`level_shift`] ask whether there is one share to judge at all, [`two_groups`] and
//! [`modes`] what a series looks like, [`rank_sum`] whether two large groups differ. [`profile`] and [`paired`] compare one
//! quantile of two samples, [`dependence`] says what each is worth there. Nothing here knows what a request is.

pub mod beta;
pub mod binomial;
pub mod cluster;
pub mod dependence;
pub mod interim_looks;
pub mod level_shift;
pub mod modes;
pub mod paired;
pub mod profile;
pub mod rank;
pub mod rank_sum;
pub mod sequential;
pub mod stationarity;
pub mod trend;
pub mod two_groups;

mod autocorrelation;
mod deviance;
mod search;
