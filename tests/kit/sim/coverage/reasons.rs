//! Where each reason is tried.

use std::fmt;

use holdfast_protocol::Reason;

/// Where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// The fixed set of seeds must hear it.
    Simulator,
    /// A test of the codec, in this file.
    Codec(&'static str),
    /// A test over real links or of the sessions, in this file.
    EndToEnd(&'static str),
    /// Nothing gives it yet.
    Reserved,
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Simulator => f.write_str("simulator"),
            Self::Codec(file) | Self::EndToEnd(file) => f.write_str(file),
            Self::Reserved => f.write_str("reserved"),
        }
    }
}

const WIRE: Tried = Tried::Codec("protocol/tests/wire/refusals.rs");
const FRAMES: Tried = Tried::EndToEnd("tests/tests/hostile/frames.rs");
const IDENTITIES: Tried = Tried::EndToEnd("tests/tests/hostile/identities.rs");
const LOADS: Tried = Tried::EndToEnd("tests/tests/hostile/loads.rs");

/// Where a reason is tried.
pub fn tried(reason: Reason) -> Tried {
    match reason {
        Reason::Malformed
        | Reason::ExtensionUnknown
        | Reason::AmountZero
        | Reason::AmountTooLarge
        | Reason::CurrencyUnknown
        | Reason::MessageReserved
        | Reason::PaymentIdMalformed => WIRE,
        Reason::NotSignedOn => Tried::EndToEnd("participant/tests/typed.rs"),
        Reason::DuplicateInBatch => Tried::Reserved,
        Reason::VersionUnsupported
        | Reason::FrameMalformed
        | Reason::ProtocolViolation
        | Reason::SignOnTimedOut => FRAMES,
        Reason::IdentityUnknown => Tried::EndToEnd("switch/src/session/directory.rs"),
        Reason::RoleNotConfigured => IDENTITIES,
        Reason::Flooding | Reason::NotReading => LOADS,
        Reason::TooManyLinks => Tried::EndToEnd("tests/tests/hostile/dials.rs"),
        Reason::WindowTooSmall => Tried::EndToEnd("tests/tests/partitions/links.rs"),
        Reason::SwitchStopping => Tried::EndToEnd("tests/tests/operating/programs.rs"),
        Reason::Removed => Tried::EndToEnd("tests/tests/operating/reloads.rs"),
        _ => Tried::Simulator,
    }
}
