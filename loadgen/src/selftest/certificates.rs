//! Certificates for one selftest: an authority that is forgotten with the run, and one certificate for each name.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};

use crate::run::RunError;

/// Writes `ca.pem`, and `NAME.pem` and `NAME.key` for the switch and each participant.
///
/// # Errors
/// Where the directory cannot be written.
pub(super) fn write(directory: &Path, participants: &[String]) -> Result<(), RunError> {
    let failed = |error: rcgen::Error| RunError::Io {
        what: "certificates of the selftest".to_owned(),
        source: std::io::Error::other(error),
    };
    let mut params = CertificateParams::new(Vec::new()).map_err(failed)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer =
        CertifiedIssuer::self_signed(params, KeyPair::generate().map_err(failed)?).map_err(failed)?;
    let save = |file: String, text: String| {
        let path = directory.join(file);
        std::fs::write(&path, text).map_err(RunError::io(path.display().to_string()))
    };
    save("ca.pem".to_owned(), issuer.pem())?;
    let switch = ("switch".to_owned(), "holdfast://switch/switch".to_owned());
    let named = participants.iter().map(|name| (name.clone(), format!("holdfast://participant/{name}")));
    for (name, uri) in std::iter::once(switch).chain(named) {
        let key = KeyPair::generate().map_err(failed)?;
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).map_err(failed)?;
        params.subject_alt_names.push(SanType::URI(uri.as_str().try_into().map_err(failed)?));
        let certificate = params.signed_by(&key, &issuer).map_err(failed)?;
        save(format!("{name}.pem"), certificate.pem())?;
        save(format!("{name}.key"), key.serialize_pem())?;
    }
    Ok(())
}
