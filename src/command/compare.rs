//! placeholder for judging
