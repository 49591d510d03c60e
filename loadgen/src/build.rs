//! Which build this is: what every report says about itself.

/// The version of the package.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit, as found when it was built; `unknown` outside a repository.
pub const COMMIT: &str = env!("LOADGEN_COMMIT");

/// Version and commit, as `--version` prints them.
pub const TEXT: &str = concat!(env!("CARGO_PKG_VERSION"), " (", env!("LOADGEN_COMMIT"), ")");

/// The compiler.
pub const RUSTC: &str = env!("LOADGEN_RUSTC");

/// The profile it was built with.
pub const PROFILE: &str = env!("LOADGEN_PROFILE");
