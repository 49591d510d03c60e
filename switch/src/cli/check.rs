//! `holdfast check-config`: what the configuration says is right, and what the files are like to which it leads.
//!
//! Files that the switch could not start with are a failure. All else is a remark: what belongs to participants may come
//! later, and from somebody else.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use holdfast_link::{Authorities, Certificate, Credentials, Identity, TlsError};
use holdfast_protocol::version::SWITCH_URI_PREFIX;
use holdfast_protocol::{BusinessDate, UnixMillis};

use super::{Failure, show};
use crate::access;
use crate::admin::credentials;
use crate::certs;
use crate::config::Config;

/// Certificates that end sooner are remarked on.
const ENDS_SOON_DAYS: u64 = 30;
const DAY_MS: u64 = 86_400_000;

pub(super) fn check_config(config: &Config) -> Result<(), Failure> {
    let (participants, routes) = (config.participants.len(), config.routes.len());
    let file = config.file.display();
    let mut findings = Findings::new();
    let (participants, routes) =
        (counted(participants, "participant", "participants"), counted(routes, "route", "routes"));
    findings.lines.push(format!("{file}: right, {participants}, {routes}"));
    findings.certificates(config);
    for remark in findings.remarks {
        eprintln!("holdfast: remark: {remark}");
    }
    show::lines(findings.lines)?;
    let unusable = |error| {
        let next_step = certs::next_step(config).map_or_else(String::new, |step| format!("; {step}"));
        Failure::Failed(format!("the switch does not start with these certificates: {error}{next_step}"))
    };
    credentials(config).map(|_| ()).map_err(unusable)
}

fn counted(count: usize, one: &str, more: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { more })
}

struct Findings {
    now: UnixMillis,
    lines: Vec<String>,
    remarks: Vec<String>,
}

impl Findings {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let now = UnixMillis::default().plus(u64::try_from(now).unwrap_or(u64::MAX));
        Self { now, lines: Vec::new(), remarks: Vec::new() }
    }

    fn remark(&mut self, file: &Path, problem: impl std::fmt::Display) {
        self.remarks.push(format!("{}: {problem}", file.display()));
    }

    /// An error that may name its file already.
    fn error(&mut self, file: &Path, error: &TlsError) {
        let text = error.to_string();
        if text.contains(&*file.to_string_lossy()) {
            self.remarks.push(text);
        } else {
            self.remark(file, text);
        }
    }

    fn certificates(&mut self, config: &Config) {
        let authorities = self.authorities(&config.tls.ca);
        self.switch(config, authorities.as_ref());
        for file in [&config.tls.ca, &config.tls.certificate, &config.tls.key] {
            if let Some(problem) = access::for_its_directory(file) {
                self.remark(file, problem);
            }
        }
        self.participants(config, authorities.as_ref());
    }

    fn authorities(&mut self, file: &Path) -> Option<Authorities> {
        let read = Certificate::read(file).and_then(|found| Ok((found, Authorities::load(file)?)));
        let (found, authorities) = match read {
            Ok(read) => read,
            Err(error) => {
                self.error(file, &error);
                return None;
            }
        };
        for certificate in &found {
            if !certificate.is_authority {
                self.remark(file, "expected authorities, but a certificate in it may not sign others");
            }
            self.dates(file, certificate);
        }
        let until = found.iter().map(|certificate| certificate.valid_until).min();
        let until = until.map_or_else(String::new, |until| BusinessDate::from_utc(until).to_string());
        let authorities_found = counted(found.len(), "authority", "authorities");
        self.lines.push(format!("{}: {authorities_found}, valid until {until}", file.display()));
        Some(authorities)
    }

    fn dates(&mut self, file: &Path, certificate: &Certificate) {
        let until = BusinessDate::from_utc(certificate.valid_until);
        let days = certificate.valid_until.since(self.now) / DAY_MS;
        if certificate.valid_until <= self.now {
            self.remark(file, format!("a certificate in it has expired: it was valid until {until}"));
        } else if certificate.valid_from > self.now {
            let from = BusinessDate::from_utc(certificate.valid_from);
            self.remark(file, format!("a certificate in it is not valid yet: it is from {from} on"));
        } else if days < ENDS_SOON_DAYS {
            self.remark(file, format!("a certificate in it expires in {days} days, on {until}"));
        }
    }

    fn switch(&mut self, config: &Config, authorities: Option<&Authorities>) {
        let tls = &config.tls;
        let file = &tls.certificate;
        let certificate = match Certificate::read(file) {
            Ok(chain) => chain.into_iter().next(),
            Err(error) => return self.error(file, &error),
        };
        let Some(certificate) = certificate else { return };
        match &certificate.identity {
            Ok(Identity::Switch(name)) if *name == config.name => {}
            Ok(Identity::Switch(name)) => {
                self.remark(file, format!("it names the switch {name}, the configuration {}", config.name));
            }
            Ok(Identity::Participant(name)) => {
                let problem = "participants will not take it for a switch";
                self.remark(file, format!("it names the participant {name}: {problem}"));
            }
            Err(error) => self.remark(file, error),
        }
        self.dates(file, &certificate);
        if certificate.names.is_empty() {
            self.remark(
                file,
                "it has no DNS name and no address by which participants could dial the switch",
            );
        }
        // One of its own names, so that authority and dates are checked where the configuration wants no name.
        let own = certificate.names.first().into_iter().filter(|_| tls.names.is_empty());
        for name in tls.names.iter().chain(own) {
            if let Some(Err(error)) = authorities.map(|authorities| authorities.verify_switch(file, name)) {
                self.remark(file, format!("dialled as {name} it would be refused: {error}"));
            }
        }
        let until = BusinessDate::from_utc(certificate.valid_until);
        let names = certificate.names.join(", ");
        let key = match credentials(config) {
            Ok(_) => format!("its key is {}", tls.key.display()),
            Err(error) => {
                self.error(&tls.key, &error);
                "without its key".to_owned()
            }
        };
        self.lines.push(format!(
            "{}: {SWITCH_URI_PREFIX}{}, dialled as {names}, valid until {until}, {key}",
            file.display(),
            config.name
        ));
    }

    /// In production no participant's files are here; after `holdfast certs` all are.
    fn participants(&mut self, config: &Config, authorities: Option<&Authorities>) {
        let directory = config.tls.certificate.parent().unwrap_or_else(|| Path::new(""));
        let mut first_end: Option<(UnixMillis, String)> = None;
        let mut here = BTreeSet::new();
        for file in certificate_files(directory) {
            let Some(Ok(Identity::Participant(name))) =
                Certificate::read(&file).ok().and_then(|chain| Some(chain.into_iter().next()?.identity))
            else {
                self.not_a_participants(config, &file);
                continue;
            };
            if !config.participants.iter().any(|p| p.name == name) {
                self.remark(&file, format!("it names the participant {name}, which is not configured"));
                continue;
            }
            here.insert(name.clone());
            if let Some(until) = self.participant(&file, &name, &config.tls.ca, authorities)
                && first_end.as_ref().is_none_or(|(first, _)| until < *first)
            {
                first_end = Some((until, name));
            }
        }
        let first = first_end.map_or_else(String::new, |(until, name)| {
            format!(", the first valid until {} ({name})", BusinessDate::from_utc(until))
        });
        let (count, all) = (here.len(), config.participants.len());
        let place = directory.display();
        self.lines.push(format!("{place}: certificates of {count} of {all} participants are here{first}"));
    }

    /// A file named after a participant must be that participant's.
    fn not_a_participants(&mut self, config: &Config, file: &Path) {
        let stem = file.file_stem().and_then(|stem| stem.to_str());
        if config.participants.iter().any(|p| Some(p.name.as_str()) == stem) {
            self.remark(file, "expected a certificate that names the participant of this name");
        }
    }

    /// When it ends.
    fn participant(
        &mut self,
        file: &Path,
        name: &str,
        ca: &Path,
        authorities: Option<&Authorities>,
    ) -> Option<UnixMillis> {
        if file.file_stem().and_then(|stem| stem.to_str()) != Some(name) {
            self.remark(file, format!("it names the participant {name}"));
        }
        if let Some(Err(error)) = authorities.map(|authorities| authorities.verify_participant(file)) {
            self.remark(file, format!("the switch would refuse it: {error}"));
        }
        let key = file.with_extension("key");
        if key.exists()
            && let Err(error) = Credentials::load(ca, file, &key).and_then(|credentials| credentials.client())
        {
            self.error(&key, &error);
        }
        let certificate = Certificate::read(file).ok()?.into_iter().next()?;
        self.dates(file, &certificate);
        Some(certificate.valid_until)
    }
}

/// The PEM files of a directory by name; none where it cannot be read, which is remarked on elsewhere.
fn certificate_files(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
    let mut files: Vec<_> = entries.map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "pem"));
    files.sort();
    files
}
