//! Which build this is.

/// Of the release.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit it was built from, or `unknown`.
pub const COMMIT: &str = env!("HOLDFAST_COMMIT");

/// How it was compiled: `release`, and its like, or `debug`, which is many times as slow.
pub const PROFILE: &str = env!("HOLDFAST_PROFILE");

/// Version and commit, as `--version` prints them.
pub const TEXT: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("HOLDFAST_COMMIT"), ")");
