//! From samples to figures that can be believed.
//!
//! - What is recorded where an operation passes: [`batch`], by scenario and measure, into [`bins`].
//! - What a run leaves behind: [`slices`] of time.
//! - What is said about them: [`percentile`] with its interval, [`warm_up`], [`steadiness`].
//!
//! Absent on purpose: means of latencies in any report, and intervals that take samples for independent.

pub mod batch;
pub mod bins;
pub mod kinds;
pub mod percentile;
#[cfg(test)]
pub(crate) mod queue;
pub mod slices;
pub mod steadiness;
pub mod student;
pub mod warm_up;
