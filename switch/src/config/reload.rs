//! What a changed file changes while the switch runs (SIGHUP), and what waits for a restart.
//!
//! Participants with their caps and limits, routes and the content of the certificates take effect at once. The rest
//! is built into queues, sockets and threads when the process starts.

use std::collections::HashMap;
use std::fmt;

use super::{Config, ConfigError};

/// One difference between the file as the switch runs it and as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What changed, as in `participant operator-1` or `journal`.
    pub what: String,
    /// Whether it takes effect only after a restart.
    pub needs_restart: bool,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if self.needs_restart { f.write_str(" (after a restart)") } else { Ok(()) }
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
        if self.routes != new.routes {
            changes.push(Change { what: "routes".to_owned(), needs_restart: false });
        }
        let tls_paths = (&self.tls.certificate, &self.tls.key, &self.tls.ca);
        if tls_paths != (&new.tls.certificate, &new.tls.key, &new.tls.ca) {
            changes.push(Change { what: "tls".to_owned(), needs_restart: false });
        }
        let fixed = [
            ("name", self.name != new.name),
            ("listen", self.listen != new.listen),
            ("admin", self.admin != new.admin),
            ("journal", self.journal != new.journal),
            ("requests and deliveries", self.settings != new.settings),
            ("sessions", self.sessions != new.sessions),
            ("transport", self.transport != new.transport),
        ];
        for (what, _) in fixed.into_iter().filter(|(_, differs)| *differs) {
            changes.push(Change { what: what.to_owned(), needs_restart: true });
        }
        let config =
            Self { participants: new.participants, routes: new.routes, tls: new.tls, ..self.clone() };
        Reload { config, changes }
    }

    fn participant_changes(&self, new: &Self) -> Vec<Change> {
        let before: HashMap<_, _> = self.participants.iter().map(|p| (p.number, p)).collect();
        let after: HashMap<_, _> = new.participants.iter().map(|p| (p.number, p)).collect();
        let mut changes = Vec::new();
        for p in &new.participants {
            let what = match before.get(&p.number) {
                None => format!("new participant {}", p.name),
                Some(old) if *old != p => format!("participant {}", p.name),
                Some(_) => continue,
            };
            changes.push(Change { what, needs_restart: false });
        }
        for p in self.participants.iter().filter(|p| !after.contains_key(&p.number)) {
            changes.push(Change { what: format!("removed participant {}", p.name), needs_restart: false });
        }
        changes
    }
}
