//! Who a certificate names: the URI among its subject alternative names.

use holdfast_protocol::version::{IDENTITY_URI_PREFIX, SWITCH_URI_PREFIX};
use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};

/// Whom a certificate names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// `holdfast://participant/NAME`
    Participant(String),
    /// `holdfast://switch/NAME`
    Switch(String),
}

/// A certificate that names nobody, or several.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// It is no certificate.
    #[error("the certificate cannot be read")]
    Unreadable,
    /// Exactly one URI with our scheme was expected.
    #[error("the certificate has {0} holdfast:// URIs among its subject alternative names, expected one")]
    NotOne(usize),
    /// The name is empty, longer than 64 bytes, or has characters other than letters, digits, '.', '-' and '_'.
    #[error("the certificate's URI names neither holdfast://participant/NAME nor holdfast://switch/NAME")]
    Malformed,
}

impl Identity {
    /// Reads the identity of a certificate in DER form. It does not check the certificate; TLS has done that.
    ///
    /// # Errors
    /// Where the certificate does not name exactly one identity.
    pub fn from_der(der: &[u8]) -> Result<Self, IdentityError> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| IdentityError::Unreadable)?;
        let mut uris = Vec::new();
        for extension in certificate.extensions() {
            if let ParsedExtension::SubjectAlternativeName(names) = extension.parsed_extension() {
                uris.extend(names.general_names.iter().filter_map(|name| match name {
                    GeneralName::URI(uri) if uri.starts_with("holdfast://") => Some(*uri),
                    _ => None,
                }));
            }
        }
        match uris.as_slice() {
            [uri] => Self::from_uri(uri),
            others => Err(IdentityError::NotOne(others.len())),
        }
    }

    fn from_uri(uri: &str) -> Result<Self, IdentityError> {
        let valid = |name: &str| {
            (1..=64).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
        };
        if let Some(name) = uri.strip_prefix(IDENTITY_URI_PREFIX).filter(|name| valid(name)) {
            Ok(Self::Participant(name.to_owned()))
        } else if let Some(name) = uri.strip_prefix(SWITCH_URI_PREFIX).filter(|name| valid(name)) {
            Ok(Self::Switch(name.to_owned()))
        } else {
            Err(IdentityError::Malformed)
        }
    }
}
