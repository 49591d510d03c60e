//! Versions of the protocol.

/// The application protocol of the TLS handshake. Version 1 of everything in this crate.
pub const ALPN: &[u8] = b"holdfast/1";

/// The only version there is so far.
pub const VERSION: u16 = 1;

/// What stands before a participant's name in the URI of its certificate.
pub const IDENTITY_URI_PREFIX: &str = "holdfast://participant/";

/// What stands before the switch's name in the URI of its certificate.
pub const SWITCH_URI_PREFIX: &str = "holdfast://switch/";
