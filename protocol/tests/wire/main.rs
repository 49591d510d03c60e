//! The wire: golden bytes, properties of all bytes, refusals, and what `docs/PROTOCOL.md` says about them.

#![allow(clippy::unwrap_used, reason = "a test that lacks something it was given may stop there")]

mod document;
mod generators;
mod golden;
mod properties;
mod refusals;
mod samples;
