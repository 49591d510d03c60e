//! A development authority: certificates for the switch and every configured participant, in one step.
//!
//! Invariant: nothing that exists is overwritten unless told to, and no key is readable by others. The key of the
//! authority is never written: nobody can later sign one more participant with it.
//!
//! Absent on purpose: a real authority. In production an institution's own signs certificates with the same names.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use holdfast_protocol::version::{IDENTITY_URI_PREFIX, SWITCH_URI_PREFIX};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, date_time_ymd,
};

use crate::access;
use crate::config::Config;

const VALID_DAYS: u32 = 365;
const DAY: Duration = Duration::from_secs(86_400);

/// Why there are no certificates.
#[derive(Debug, thiserror::Error)]
pub enum CertsError {
    /// These stand already.
    #[error("{} already there; --force replaces all, and every certificate signed before then fails", listed(.0))]
    Exists(Vec<PathBuf>),
    /// A file could not be written.
    #[error("{}: {source}", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A name does not fit into a certificate, or there is no randomness.
    #[error("certificate: {0}")]
    Certificate(#[from] rcgen::Error),
}

/// What to do where files that the switch cannot start without are missing, or may not be read by this process; `None` where all are
/// there to be read.
pub fn next_step(config: &Config) -> Option<String> {
    let tls = &config.tls;
    let files = [&tls.ca, &tls.certificate, &tls.key];
    // One that this process may not even look for is no file that is missing.
    if let Some(denied) = files.iter().find_map(|file| access::unreadable(file)) {
        return Some(denied);
    }
    let missing: Vec<_> = files.into_iter().filter(|file| !file.exists()).cloned().collect();
    let directory = missing.first()?.parent().filter(|path| !path.as_os_str().is_empty());
    Some(format!(
        "not there: {}. `holdfast certs {} --config {}` makes a development authority and every certificate; with certificates of your \
         own, name them in [tls], and `holdfast check-config {}` looks at them",
        listed(&missing),
        directory.unwrap_or(Path::new(".")).display(),
        config.file.display(),
        config.file.display()
    ))
}

fn listed(files: &[PathBuf]) -> String {
    let names: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
    names.join(", ")
}

struct Writing {
    file: PathBuf,
    text: String,
    mode: u32,
}

/// Makes an authority and signs the switch and every participant: `ca.pem`, `switch.pem`, `switch.key`, `NAME.pem`,
/// `NAME.key`. Returns what it wrote.
///
/// # Errors
///
/// Where one of the files exists and `force` is not set, or where one cannot be written.
pub fn issue(directory: &Path, config: &Config, force: bool) -> Result<Vec<PathBuf>, CertsError> {
    let authority = authority()?;
    let mut files = vec![Writing { file: directory.join("ca.pem"), text: authority.pem(), mode: 0o644 }];
    let mut add = |name: &str, params: CertificateParams| -> Result<(), CertsError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = params.signed_by(&key, &authority)?.pem();
        let pem = directory.join(format!("{name}.pem"));
        files.push(Writing { file: pem, text: certificate, mode: 0o644 });
        let file = directory.join(format!("{name}.key"));
        files.push(Writing { file, text: key.serialize_pem(), mode: 0o600 });
        Ok(())
    };
    add("switch", switch(config)?)?;
    for participant in &config.participants {
        let uri = format!("{IDENTITY_URI_PREFIX}{}", participant.name);
        add(&participant.name, leaf(&uri, &participant.name, ExtendedKeyUsagePurpose::ClientAuth)?)?;
    }
    write(directory, files, force)
}

fn authority() -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = dated("Holdfast development authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?)
}

fn switch(config: &Config) -> Result<CertificateParams, rcgen::Error> {
    let uri = format!("{SWITCH_URI_PREFIX}{}", config.name);
    let mut params = leaf(&uri, &config.name, ExtendedKeyUsagePurpose::ServerAuth)?;
    let mut names = vec!["localhost".to_owned()];
    names.extend(config.tls.names.iter().filter(|name| *name != "localhost").cloned());
    for name in names {
        params.subject_alt_names.push(SanType::DnsName(name.try_into()?));
    }
    let mut addresses: Vec<IpAddr> = vec![[127, 0, 0, 1].into(), std::net::Ipv6Addr::LOCALHOST.into()];
    // Nobody dials "every address".
    addresses.extend(config.listen.iter().map(|listen| listen.ip()).filter(|ip| !ip.is_unspecified()));
    addresses.sort();
    addresses.dedup();
    params.subject_alt_names.extend(addresses.into_iter().map(SanType::IpAddress));
    Ok(params)
}

fn leaf(uri: &str, name: &str, usage: ExtendedKeyUsagePurpose) -> Result<CertificateParams, rcgen::Error> {
    let mut params = dated(name);
    params.subject_alt_names = vec![SanType::URI(uri.to_owned().try_into()?)];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn dated(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let epoch = date_time_ymd(1970, 1, 1);
    // A machine whose clock is a little behind must take them too.
    params.not_before = epoch + now.saturating_sub(DAY);
    params.not_after = epoch + now + DAY * VALID_DAYS;
    params
}

fn write(directory: &Path, files: Vec<Writing>, force: bool) -> Result<Vec<PathBuf>, CertsError> {
    let at = |file: &Path| {
        let file = file.to_owned();
        move |source| CertsError::File { file, source }
    };
    std::fs::create_dir_all(directory).map_err(at(directory))?;
    let exist: Vec<_> =
        files.iter().map(|w| w.file.clone()).filter(|file| file.symlink_metadata().is_ok()).collect();
    if !exist.is_empty() && !force {
        return Err(CertsError::Exists(exist));
    }
    // A new file each time: one that is only truncated would keep the permissions it had.
    for file in &exist {
        std::fs::remove_file(file).map_err(at(file))?;
    }
    for Writing { file, text, mode } in &files {
        let mut open =
            OpenOptions::new().write(true).create_new(true).mode(*mode).open(file).map_err(at(file))?;
        open.write_all(text.as_bytes()).and_then(|()| open.sync_all()).map_err(at(file))?;
    }
    Ok(files.into_iter().map(|w| w.file).collect())
}
