//! What certificate files say about themselves, and whether an authority stands behind them: for those who look after
//! them, before a handshake fails.

use std::path::Path;
use std::sync::Arc;

use holdfast_protocol::UnixMillis;
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::WebPkiClientVerifier;
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};

use crate::identity::{Identity, IdentityError};
use crate::tls::{TlsError, certificates, provider};

/// One certificate of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Whom it names; an authority's names nobody.
    pub identity: Result<Identity, IdentityError>,
    /// Whether it may sign others.
    pub is_authority: bool,
    /// The DNS names and IP addresses by which its owner may be dialled.
    pub names: Vec<String>,
    /// From then on.
    pub valid_from: UnixMillis,
    /// Until then.
    pub valid_until: UnixMillis,
}

impl Certificate {
    /// The certificates of a PEM file in its order: in a chain, the owner's first.
    ///
    /// # Errors
    /// Where the file cannot be read, or holds something else.
    pub fn read(file: &Path) -> Result<Vec<Self>, TlsError> {
        let unreadable = |_| TlsError::Unreadable(file.to_owned());
        certificates(file)?.iter().map(|der| Self::from_der(der).map_err(unreadable)).collect()
    }

    fn from_der(der: &[u8]) -> Result<Self, IdentityError> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| IdentityError::Unreadable)?;
        let seconds =
            |at: i64| UnixMillis::default().plus(u64::try_from(at).unwrap_or(0).saturating_mul(1_000));
        let validity = certificate.validity();
        Ok(Self {
            identity: Identity::from_der(der),
            is_authority: certificate.is_ca(),
            names: names(&certificate),
            valid_from: seconds(validity.not_before.timestamp()),
            valid_until: seconds(validity.not_after.timestamp()),
        })
    }
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let mut names = Vec::new();
    for extension in certificate.extensions() {
        if let ParsedExtension::SubjectAlternativeName(alternatives) = extension.parsed_extension() {
            names.extend(alternatives.general_names.iter().filter_map(|name| match name {
                GeneralName::DNSName(name) => Some((*name).to_owned()),
                GeneralName::IPAddress(bytes) => address(bytes),
                _ => None,
            }));
        }
    }
    names
}

fn address(bytes: &[u8]) -> Option<String> {
    let v4 = <[u8; 4]>::try_from(bytes).map(std::net::IpAddr::from);
    let v6 = || <[u8; 16]>::try_from(bytes).map(std::net::IpAddr::from);
    v4.or_else(|_| v6()).ok().map(|address| address.to_string())
}

/// The authorities of a file.
#[derive(Clone, Debug)]
pub struct Authorities(Arc<RootCertStore>);

impl Authorities {
    /// Reads a PEM file.
    ///
    /// # Errors
    /// Where it cannot be read, or holds what is no authority's certificate.
    pub fn load(file: &Path) -> Result<Self, TlsError> {
        let mut roots = RootCertStore::empty();
        for root in certificates(file)? {
            roots.add(root)?;
        }
        Ok(Self(Arc::new(roots)))
    }

    pub(crate) const fn roots(&self) -> &Arc<RootCertStore> {
        &self.0
    }

    /// Whether a switch would take the certificate chain of a file from a participant now, as far as its authority and
    /// its dates go.
    ///
    /// # Errors
    /// Why it would not.
    pub fn verify_participant(&self, file: &Path) -> Result<(), TlsError> {
        let (leaf, intermediates) = chain(file)?;
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&self.0), provider()).build()?;
        verifier.verify_client_cert(&leaf, &intermediates, UnixTime::now())?;
        Ok(())
    }

    /// Whether a participant that dials `name` would take the certificate chain of a file from a switch now.
    ///
    /// # Errors
    /// Why it would not.
    pub fn verify_switch(&self, file: &Path, name: &str) -> Result<(), TlsError> {
        let (leaf, intermediates) = chain(file)?;
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::clone(&self.0), provider()).build()?;
        let name = ServerName::try_from(name.to_owned()).map_err(|_| TlsError::Name(name.to_owned()))?;
        verifier.verify_server_cert(&leaf, &intermediates, &name, &[], UnixTime::now())?;
        Ok(())
    }
}

fn chain(file: &Path) -> Result<(CertificateDer<'static>, Vec<CertificateDer<'static>>), TlsError> {
    let mut chain = certificates(file)?;
    let leaf = chain.remove(0);
    Ok((leaf, chain))
}
