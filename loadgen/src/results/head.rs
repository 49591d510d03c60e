//! What every answer that is made of several runs says of itself.

use serde::Serialize;

use super::summary::Build;
use crate::machine::Host;

/// What generator and switch on one machine can say: another machine gives no less.
pub const COLOCATED: &str = "co-located: lower bound";

/// See the module. It stands among the fields of the answer.
#[derive(Clone, Debug, Serialize)]
pub struct Head {
    /// Grows when a field changes its meaning.
    pub schema_version: u32,
    /// The seed that all runs follow from.
    pub seed: u64,
    /// "co-located: lower bound" where generator and switch share the machine.
    pub label: Option<&'static str>,
    /// Which build.
    pub build: Build,
    /// Which machine.
    pub host: Host,
}

impl Head {
    /// Of an answer that was found here and now.
    pub fn new(seed: u64, colocated: bool) -> Self {
        Self {
            schema_version: 1,
            seed,
            label: colocated.then_some(COLOCATED),
            build: Build::this(),
            host: Host::this(),
        }
    }

    /// The first line for people: which program, and the seed.
    pub fn program(&self) -> String {
        let Build { version, commit, profile, .. } = &self.build;
        format!("loadgen {version} ({commit}, {profile})   seed {}", self.seed)
    }

    /// The second: which machine.
    pub fn machine(&self) -> String {
        format!("{}, {} cores, Linux {}", self.host.cpu, self.host.cores, self.host.kernel)
    }
}
