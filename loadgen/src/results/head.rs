//! What every answer that is made of several runs says of itself.

use serde::Serialize;

use super::summary::Build;
use crate::admin::{DEBUG, SwitchBuild};
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
        let debug = debug_builds(&self.build, self.switch_build.as_ref());
        let warning = debug.map_or_else(String::new, |words| format!("\nWARNING: {words}"));
        programs(&self.build, self.switch_build.as_ref(), self.seed) + &warning
    }

    /// The second: which machine.
    pub fn machine(&self) -> String {
        format!("{}, {} cores, Linux {}", self.host.cpu, self.host.cores, self.host.kernel)
    }
}

/// Which of both was compiled without optimizations, in words; `None` where neither was, as far as is known.
pub fn debug_builds(build: &Build, switch: Option<&SwitchBuild>) -> Option<String> {
    let sides =
        [("loadgen", build.profile == DEBUG), ("the switch", switch.is_some_and(SwitchBuild::is_debug))];
    let debug: Vec<&str> = sides.iter().filter(|(_, is_debug)| *is_debug).map(|(side, _)| *side).collect();
    let which = match debug.as_slice() {
        [] => return None,
        [one] => format!("{one} is a debug build"),
        _ => "loadgen and the switch are debug builds".to_owned(),
    };
    Some(format!("{which}: many times as slow as a release build, whose figures these are not"))
}

/// Which programs, and the seed that their load follows from.
pub fn programs(build: &Build, switch: Option<&SwitchBuild>, seed: u64) -> String {
    let Build { version, commit, profile, .. } = build;
    let switch = switch.map_or_else(String::new, |build| format!("   {}", build.text()));
    format!("loadgen {version} ({commit}, {profile})   seed {seed}{switch}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debug_build_of_either_side_is_named() {
        let words = |own, switch: Option<&str>| {
            let build = Build { profile: own, ..Build::this() };
            let of_switch = |profile: &str| SwitchBuild {
                version: "0.1.0".to_owned(),
                commit: "c".to_owned(),
                profile: Some(profile.to_owned()),
            };
            debug_builds(&build, switch.map(of_switch).as_ref())
        };
        assert_eq!(words("release", Some("release")), None);
        assert_eq!(words("release", None), None);
        assert!(words("debug", Some("release")).unwrap().starts_with("loadgen is a debug build"));
        assert!(words("release", Some("debug")).unwrap().starts_with("the switch is a debug build"));
        assert!(
            words("debug", Some("debug")).unwrap().starts_with("loadgen and the switch are debug builds")
        );
    }
}
