//! Why a link ends.

use std::io;
use std::net::SocketAddr;

use holdfast_link::{IdentityError, TlsError};
use holdfast_protocol::{DecodeError, MessageType, Reason};
use quinn::{ConnectionError, TransportErrorCode};

/// Why a link could not be made, or ended. Whatever was on its way then is unknown, not "no".
#[derive(Clone, Debug, thiserror::Error)]
pub enum LinkError {
    /// Certificate, key or authority cannot be used.
    #[error("{0}")]
    Credentials(std::sync::Arc<TlsError>),
    /// The local socket cannot be made.
    #[error("local socket: {0}")]
    Socket(std::sync::Arc<io::Error>),
    /// The configuration of the link contradicts itself.
    #[error("link configuration: {0}")]
    Configuration(&'static str),
    /// The dial did not begin.
    #[error("cannot dial {address}: {source}")]
    Dial {
        /// Whom.
        address: SocketAddr,
        /// Why not.
        source: quinn::ConnectError,
    },
    /// Whoever answered is no switch.
    #[error("the peer's certificate names no switch: {0}")]
    NotASwitch(String),
    /// Nobody answered the dial in time.
    #[error(
        "nobody answers at {address} within {within_ms} ms: is the address right, and does the switch run?"
    )]
    NoAnswer {
        /// Who was dialled.
        address: SocketAddr,
        /// How long it was waited.
        within_ms: u64,
    },
    /// The switch did not answer the sign-on in time.
    #[error("the switch did not answer the sign-on within {0} ms")]
    SignOnTimedOut(u64),
    /// The switch said why the link ends.
    #[error("the switch ended the link: {0}")]
    Ended(Reason),
    /// The switch answered with a version of the protocol that was not offered.
    #[error("the switch speaks version {0}, which was not offered")]
    Version(u16),
    /// The switch sent what cannot be read. The link is closed.
    #[error("the switch sent nonsense on {on}: {source}")]
    Nonsense {
        /// Which stream.
        on: Stream,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// The switch sent a message where the protocol does not allow it. The link is closed.
    #[error("the switch sent {message:?} on {on}, where the protocol does not allow it")]
    Violation {
        /// Which stream.
        on: Stream,
        /// What.
        message: MessageType,
    },
    /// The switch contradicts itself or the participant's own record. The link is closed.
    #[error("the switch contradicts itself: {0}")]
    Contradiction(#[from] crate::destination::Contradiction),
    /// An echo was not answered: the switch is gone or stuck.
    #[error("the switch left an echo unanswered for {0} ms")]
    EchoUnanswered(u64),
    /// A stream ended although the link stands. The link is closed.
    #[error("the switch closed {0}")]
    StreamClosed(Stream),
    /// The connection was lost.
    #[error("connection lost: {}", lost(.0))]
    Lost(ConnectionError),
    /// This side closed the link.
    #[error("closed by this side")]
    Closed,
}

/// One of the streams of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// The first one.
    Control,
    /// A payment lane, counted from zero.
    Lane(u8),
}

impl std::fmt::Display for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Control => f.write_str("the control stream"),
            Self::Lane(lane) => write!(f, "lane {lane}"),
        }
    }
}

impl LinkError {
    /// What to tell the switch when the link is closed because of this.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Nonsense { .. } => Reason::FrameMalformed,
            Self::Violation { .. } | Self::Contradiction(_) | Self::StreamClosed(_) => {
                Reason::ProtocolViolation
            }
            Self::EchoUnanswered(_) => Reason::EchoUnanswered,
            Self::NoAnswer { .. } | Self::SignOnTimedOut(_) => Reason::SignOnTimedOut,
            Self::Version(_) => Reason::VersionUnsupported,
            Self::NotASwitch(_) => Reason::IdentityUnknown,
            Self::Credentials(_)
            | Self::Socket(_)
            | Self::Configuration(_)
            | Self::Dial { .. }
            | Self::Ended(_)
            | Self::Lost(_)
            | Self::Closed => Reason::SignedOff,
        }
    }

    /// Whether dialling again cannot help before somebody changes the configuration.
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Credentials(_) | Self::Configuration(_) | Self::Version(_) => true,
            Self::Ended(reason) => matches!(
                reason,
                Reason::VersionUnsupported
                    | Reason::IdentityUnknown
                    | Reason::RoleNotConfigured
                    | Reason::Replaced
                    | Reason::Removed
            ),
            Self::Socket(_)
            | Self::Dial { .. }
            | Self::NotASwitch(_)
            | Self::NoAnswer { .. }
            | Self::SignOnTimedOut(_)
            | Self::Nonsense { .. }
            | Self::Violation { .. }
            | Self::Contradiction(_)
            | Self::EchoUnanswered(_)
            | Self::StreamClosed(_)
            | Self::Lost(_)
            | Self::Closed => false,
        }
    }
}

/// Whether a handshake failed over a certificate: QUIC carries the TLS alert in the low byte of its crypto errors (RFC
/// 9001, section 4.8; RFC 8446, section 6.2).
fn about_certificates(code: TransportErrorCode) -> bool {
    const BAD_CERTIFICATE: u64 = 42;
    const CERTIFICATE_UNKNOWN: u64 = 46;
    const UNKNOWN_CA: u64 = 48;
    const ACCESS_DENIED: u64 = 49;
    const DECRYPT_ERROR: u64 = 51;
    const CERTIFICATE_REQUIRED: u64 = 116;
    let code = u64::from(code);
    code & !0xff == 0x100
        && matches!(
            code & 0xff,
            BAD_CERTIFICATE
                ..=CERTIFICATE_UNKNOWN | UNKNOWN_CA | ACCESS_DENIED | DECRYPT_ERROR | CERTIFICATE_REQUIRED
        )
}

/// QUIC's words, after what they mean for somebody who set up certificates.
fn lost(error: &ConnectionError) -> String {
    match error {
        ConnectionError::TransportError(ours) if about_certificates(ours.code) => format!(
            "the switch's certificate is not accepted here: the authority given (ca.pem) must have signed it, and it \
             must name the server name dialled ({error})"
        ),
        ConnectionError::ConnectionClosed(theirs) if about_certificates(theirs.error_code) => format!(
            "the switch does not accept this participant's certificate: the switch's authority must have signed it, \
             and its URI must name a participant that the switch has configured ({error})"
        ),
        ConnectionError::VersionMismatch
        | ConnectionError::TransportError(_)
        | ConnectionError::ConnectionClosed(_)
        | ConnectionError::ApplicationClosed(_)
        | ConnectionError::Reset
        | ConnectionError::TimedOut
        | ConnectionError::LocallyClosed
        | ConnectionError::CidsExhausted => error.to_string(),
    }
}

impl From<ConnectionError> for LinkError {
    /// A switch that closes a connection gives the number of its reason as the code.
    fn from(error: ConnectionError) -> Self {
        match &error {
            ConnectionError::ApplicationClosed(close) => u16::try_from(close.error_code.into_inner())
                .ok()
                .and_then(Reason::from_number)
                .filter(|reason| *reason != Reason::None)
                .map_or(Self::Lost(error), Self::Ended),
            ConnectionError::LocallyClosed => Self::Closed,
            ConnectionError::VersionMismatch
            | ConnectionError::TransportError(_)
            | ConnectionError::ConnectionClosed(_)
            | ConnectionError::Reset
            | ConnectionError::TimedOut
            | ConnectionError::CidsExhausted => Self::Lost(error),
        }
    }
}

impl From<TlsError> for LinkError {
    fn from(error: TlsError) -> Self {
        Self::Credentials(std::sync::Arc::new(error))
    }
}

impl From<io::Error> for LinkError {
    fn from(error: io::Error) -> Self {
        Self::Socket(std::sync::Arc::new(error))
    }
}

impl From<IdentityError> for LinkError {
    fn from(error: IdentityError) -> Self {
        Self::NotASwitch(error.to_string())
    }
}

/// Why a message was not taken for sending. Nothing of it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The lane's outgoing buffer is full: flush, and push again.
    #[error("lane {0} has as much waiting to be sent as its buffer takes")]
    Full(u8),
    /// A participant does not send this message on a lane.
    #[error("a participant does not send {0:?} on a lane")]
    NotForALane(MessageType),
}
