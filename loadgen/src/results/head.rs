//! What every answer that is made of several runs says of itself.

use serde::Serialize;

use super::summary::Build;
use crate::admin::SwitchBuild;
use crate::machine::Host;
use crate::trials::Spoiled;

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
    /// Which build of loadgen.
    pub build: Build,
    /// Which build of the switch was measured; absent where that is not known, or nothing was measured here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub switch_build: Option<SwitchBuild>,
    /// Which machine.
    pub host: Host,
    /// Why it ended before its time; what was found until then is no judgement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broken_off: Option<String>,
}

impl Head {
    /// Of an answer that was found here and now.
    pub fn new(seed: u64, colocated: bool) -> Self {
        Self {
            schema_version: 1,
            seed,
            label: colocated.then_some(COLOCATED),
            build: Build::this(),
            switch_build: None,
            host: Host::this(),
            broken_off: None,
        }
    }

    /// The same, of an answer about this switch.
    pub fn of_switch(self, build: Option<SwitchBuild>) -> Self {
        Self { switch_build: build, ..self }
    }

    /// The same, of what ended before its time.
    pub fn until(self, spoiled: Option<&Spoiled>) -> Self {
        Self { broken_off: spoiled.map(|spoiled| spoiled.why.clone()), ..self }
    }

    /// The first line for people: which programs, and the seed.
    pub fn program(&self) -> String {
        programs(&self.build, self.switch_build.as_ref(), self.seed)
    }

    /// The second: which machine.
    pub fn machine(&self) -> String {
        format!("{}, {} cores, Linux {}", self.host.cpu, self.host.cores, self.host.kernel)
    }
}

/// Which programs, and the seed that their load follows from.
pub fn programs(build: &Build, switch: Option<&SwitchBuild>, seed: u64) -> String {
    let Build { version, commit, profile, .. } = build;
    let switch = switch.map_or_else(String::new, |build| format!("   {}", build.text()));
    format!("loadgen {version} ({commit}, {profile})   seed {seed}{switch}")
}
