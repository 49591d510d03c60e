//! What both ends of a Holdfast link share: TLS identities, QUIC settings, UDP sockets.
//!
//! Invariant: both ends authenticate with certificates of the same authority over TLS 1.3; there is no setting that
//! turns this off (SW-2).
//!
//! Absent on purpose: messages. What travels on the lanes is the business of sessions and of the participant library.

pub mod certificate;
pub mod endpoint;
pub mod gather;
pub mod identity;
pub mod reset;
pub mod settings;
pub mod tls;

pub use certificate::{Authorities, Certificate};
pub use endpoint::{Endpoint, bind_client, bind_restarting_server, bind_server, take_address};
pub use gather::gather;
pub use identity::{Identity, IdentityError};
pub use reset::ResetSecret;
pub use settings::LinkSettings;
pub use tls::{Credentials, TlsError, ValidUntil};
