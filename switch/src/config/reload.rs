//! What a changed file changes while the switch runs (SIGHUP), and what waits for a restart.
//!
//! Participants with their caps and limits, routes and the content of the certificates take effect at once. The rest
//! is built into queues, sockets and threads when the process starts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::keys::{self, Keys};
use super::{Config, ConfigError};

/// One difference between the file as the switch runs it and as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which key, as in `participants.operator-1.caps.EUR` or `journal.gather_us`.
    pub key: String,
    /// What it was; none where it was not there.
    pub before: Option<String>,
    /// What it is now; none where it is there no longer.
    pub after: Option<String>,
    /// Whether it takes effect only after a restart.
    pub needs_restart: bool,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |value: &Option<String>| value.clone().unwrap_or_else(|| absent(&self.key).to_owned());
        write!(f, "{}: {} -> {}", self.key, value(&self.before), value(&self.after))?;
        if self.needs_restart { f.write_str(" (after a restart)") } else { Ok(()) }
    }
}

/// What it means that a key is not there: a currency or a level without its key is not agreed, which is no freedom.
fn absent(key: &str) -> &'static str {
    let last = key.rsplit('.').next().unwrap_or(key);
    if last.starts_with("level_") || key.contains(".caps.") {
        "not agreed"
    } else if key.contains(".limits.") {
        "no limits"
    } else {
        "none"
    }
}

/// A file read again.
#[derive(Clone, Debug)]
pub struct Reload {
    /// What the switch is to run from now on: the new participants and routes, all else as it runs.
    pub config: Config,
    /// What differs. Certificates are read again in any case: their content may have changed under the same path.
    pub changes: Vec<Change>,
}

impl Config {
    /// Reads the file of this configuration again and finds what changed.
    ///
    /// # Errors
    ///
    /// As [`Config::load`]; then the switch keeps what it runs.
    pub fn reload(&self) -> Result<Reload, ConfigError> {
        Self::load(&self.file).map(|new| self.replaced_by(new))
    }

    /// What changes when the file now says `new`.
    pub fn replaced_by(&self, new: Self) -> Reload {
        let mut changes = self.participant_changes(&new);
        changes.extend(differences("", &keys::routes(self), &keys::routes(&new), false));
        changes.extend(differences("", &keys::tls(self), &keys::tls(&new), false));
        changes.extend(differences("", &keys::at_start(self), &keys::at_start(&new), true));
        let config =
            Self { participants: new.participants, routes: new.routes, tls: new.tls, ..self.clone() };
        Reload { config, changes }
    }

    fn participant_changes(&self, new: &Self) -> Vec<Change> {
        let by_number = |config: &Self| -> BTreeMap<_, _> {
            config.participants.iter().map(|p| (p.number, (p.name.clone(), keys::participant(p)))).collect()
        };
        let (before, after) = (by_number(self), by_number(new));
        let numbers: BTreeSet<_> = before.keys().chain(after.keys()).collect();
        let mut changes = Vec::new();
        for number in numbers {
            let (old, new) = (before.get(number), after.get(number));
            match (old, new) {
                (Some((name, old)), Some((_, new))) => {
                    changes.extend(differences(&format!("participants.{name}."), old, new, false));
                }
                // All of one is one change.
                (Some((name, _)), None) | (_, Some((name, _))) => changes.push(Change {
                    key: format!("participants.{name}"),
                    before: old.map(|(_, keys)| in_words(keys)),
                    after: new.map(|(_, keys)| in_words(keys)),
                    needs_restart: false,
                }),
                (None, None) => {}
            }
        }
        changes
    }
}

fn in_words(keys: &Keys) -> String {
    let words: Vec<_> = keys.iter().map(|(key, value)| format!("{key} {value}")).collect();
    words.join("; ")
}

fn differences(prefix: &str, before: &Keys, after: &Keys, needs_restart: bool) -> Vec<Change> {
    let all: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let change = |key: &String| Change {
        key: format!("{prefix}{key}"),
        before: before.get(key).cloned(),
        after: after.get(key).cloned(),
        needs_restart,
    };
    all.into_iter().map(change).filter(|change| change.before != change.after).collect()
}
