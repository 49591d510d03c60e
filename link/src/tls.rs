//! Certificates and keys: TLS 1.3 with certificates on both sides.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use holdfast_protocol::UnixMillis;
use holdfast_protocol::version::ALPN;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::sign::CertifiedKey;
use rustls::{
    CertificateError, CipherSuite, DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme,
};

use crate::certificate::{Authorities, Certificate};
use crate::identity::Identity;
use crate::reset::ResetSecret;

/// Why certificates or keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read or holds no PEM.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// What a file holds is no certificate.
    #[error("{0}: a certificate in it cannot be read")]
    Unreadable(PathBuf),
    /// A key is another certificate's.
    #[error("{key}: does not go with {certificate}: {source}")]
    Pair {
        /// The file of the key.
        key: PathBuf,
        /// The file of the certificate.
        certificate: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// Nobody can be dialled by this.
    #[error("{0:?} is no host name or address")]
    Name(String),
    /// A file holds no certificate.
    #[error("{0}: no certificate in it")]
    Empty(PathBuf),
    /// The certificate does not go with the key, or the authority is unusable.
    #[error("certificate or key: {0}")]
    Rustls(#[from] rustls::Error),
    /// The authority's certificates cannot verify clients.
    #[error("certificate authority: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
    /// The crypto provider lacks what QUIC needs.
    #[error("no QUIC cipher suite: {0}")]
    Suite(#[from] quinn::crypto::rustls::NoInitialCipherSuite),
}

/// An authority, and a certificate with its key. Debug output shows none of the key.
#[derive(Debug)]
pub struct Credentials {
    roots: Arc<RootCertStore>,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    valid_until: ValidUntil,
}

/// When certificates end: of several in a file, the first that does; nothing where it cannot be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ValidUntil {
    /// The authority's.
    pub authority: Option<UnixMillis>,
    /// The owner's, with its chain.
    pub own: Option<UnixMillis>,
}

impl ValidUntil {
    fn read(authority: &Path, certificate: &Path) -> Self {
        let first = |file| {
            let found = Certificate::read(file).ok()?;
            found.into_iter().map(|certificate| certificate.valid_until).min()
        };
        Self { authority: first(authority), own: first(certificate) }
    }
}

impl Clone for Credentials {
    fn clone(&self) -> Self {
        Self {
            roots: Arc::clone(&self.roots),
            chain: self.chain.clone(),
            key: self.key.clone_key(),
            valid_until: self.valid_until,
        }
    }
}

pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrong = |source| TlsError::File { path: path.to_owned(), source };
    let certificates: Vec<_> =
        CertificateDer::pem_file_iter(path).map_err(wrong)?.collect::<Result<_, _>>().map_err(wrong)?;
    if certificates.is_empty() { Err(TlsError::Empty(path.to_owned())) } else { Ok(certificates) }
}

impl Credentials {
    /// Reads PEM files.
    ///
    /// # Errors
    /// Where a file cannot be read or holds something else, or the key does not go with the certificate; the error names
    /// it.
    pub fn load(authority: &Path, certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let authorities = Authorities::load(authority)?;
        let chain = certificates(certificate)?;
        let secret = PrivateKeyDer::from_pem_file(key)
            .map_err(|source| TlsError::File { path: key.to_owned(), source })?;
        CertifiedKey::from_der(chain.clone(), secret.clone_key(), &provider()).map_err(|source| {
            TlsError::Pair { key: key.to_owned(), certificate: certificate.to_owned(), source }
        })?;
        let valid_until = ValidUntil::read(authority, certificate);
        Ok(Self { roots: Arc::clone(authorities.roots()), chain, key: secret, valid_until })
    }

    /// What a switch's resets follow from: it is the same as long as the private key is.
    pub fn reset_secret(&self) -> ResetSecret {
        ResetSecret::from_private_key(self.key.secret_der())
    }

    /// How long they last.
    pub const fn valid_until(&self) -> ValidUntil {
        self.valid_until
    }

    /// `DIR/ca.pem`, `DIR/NAME.pem` and `DIR/NAME.key`, as `holdfast certs` writes them.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub fn from_directory(directory: &Path, name: &str) -> Result<Self, TlsError> {
        let file = |suffix: &str| directory.join(format!("{name}.{suffix}"));
        Self::load(&directory.join("ca.pem"), &file("pem"), &file("key"))
    }

    /// For the end that dials.
    ///
    /// # Errors
    /// Where the key does not go with the certificate.
    pub fn client(&self) -> Result<Arc<QuicClientConfig>, TlsError> {
        let mut config = rustls::ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(Arc::clone(&self.roots))
            .with_client_auth_cert(self.chain.clone(), self.key.clone_key())?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(Arc::new(QuicClientConfig::try_from(config)?))
    }

    /// For the end that is dialled: only certificates of the authority whose identity `admit` takes get through the
    /// handshake.
    ///
    /// # Errors
    /// Where the key does not go with the certificate.
    pub fn server(&self, admit: Admit) -> Result<Arc<QuicServerConfig>, TlsError> {
        let provider = provider();
        let chain =
            WebPkiClientVerifier::builder_with_provider(Arc::clone(&self.roots), Arc::clone(&provider))
                .build()?;
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_client_cert_verifier(Arc::new(ParticipantVerifier { chain, admit }))
            .with_single_cert(self.chain.clone(), self.key.clone_key())?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        // Early data could be replayed by whoever recorded it.
        config.max_early_data_size = 0;
        Ok(Arc::new(QuicServerConfig::try_from(config)?))
    }
}

/// Whether an identity may connect at all.
pub type Admit = Arc<dyn Fn(&Identity) -> bool + Send + Sync>;

/// AES-128-GCM first: the fastest on processors with AES instructions.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.sort_by_key(|suite| suite.suite() != CipherSuite::TLS13_AES_128_GCM_SHA256);
    Arc::new(provider)
}

/// The usual check of the chain, and then whether the certificate names somebody we know.
struct ParticipantVerifier {
    chain: Arc<dyn ClientCertVerifier>,
    admit: Admit,
}

impl std::fmt::Debug for ParticipantVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ParticipantVerifier")
    }
}

impl ClientCertVerifier for ParticipantVerifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.chain.verify_client_cert(end_entity, intermediates, now)?;
        match Identity::from_der(end_entity) {
            Ok(identity) if (self.admit)(&identity) => Ok(verified),
            _ => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
