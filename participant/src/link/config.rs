//! What a participant says about itself and its links.

use std::time::Duration;

use holdfast_link::{Credentials, LinkSettings};
use holdfast_protocol::version::VERSION;
use holdfast_protocol::{Instance, LANES_MAX, SignOn};

use super::control::Patience;
use super::error::LinkError;

/// What the participant does on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Roles {
    /// It sends requests.
    Originator,
    /// It takes forwards and deliveries.
    Destination,
    /// Both, as an operator that is also a destination.
    Both,
}

impl Roles {
    /// Whether it sends requests.
    pub const fn originates(self) -> bool {
        matches!(self, Self::Originator | Self::Both)
    }

    /// Whether it takes forwards and deliveries.
    pub const fn receives(self) -> bool {
        matches!(self, Self::Destination | Self::Both)
    }
}

/// Everything about a link but the address. Times are local; sizes are bytes.
#[derive(Clone, Debug)]
pub struct LinkConfig {
    /// Who we are.
    pub credentials: Credentials,
    /// The DNS name in the switch's certificate.
    pub server_name: String,
    /// What we do.
    pub roles: Roles,
    /// Which of the participant's instances this is. Kept over restarts; a newer sign-on replaces the older.
    pub instance: Instance,
    /// The participant's instances share their deduplication store.
    pub shared_deduplication: bool,
    /// Payment lanes, 1 to 4.
    pub lanes: u8,
    /// How many forwards we take unanswered; at least 1.
    pub window: u32,
    /// Settings of QUIC.
    pub quic: LinkSettings,
    /// How long the connection and the answer to the sign-on may take.
    pub sign_on_timeout: Duration,
    /// How often the switch is asked whether it is there.
    pub echo_interval: Duration,
    /// How long it may leave that unanswered.
    pub echo_timeout: Duration,
    /// What may wait to be sent on one lane before [`crate::PushError::Full`].
    pub outgoing_bytes_max: usize,
    /// How many messages one [`crate::Link::take`] brings at most from each lane, but for those of the last read.
    pub messages_per_take: usize,
}

impl LinkConfig {
    /// The DNS name that the development certificates of `holdfast certs` give the switch.
    pub const SERVER_NAME: &str = "localhost";

    /// The defaults for credentials and roles.
    pub fn new(credentials: Credentials, roles: Roles) -> Self {
        Self {
            credentials,
            server_name: Self::SERVER_NAME.to_owned(),
            roles,
            instance: Instance(1),
            shared_deduplication: false,
            lanes: 1,
            window: 4_096,
            quic: LinkSettings::default(),
            sign_on_timeout: Duration::from_secs(5),
            echo_interval: Duration::from_secs(1),
            echo_timeout: Duration::from_secs(3),
            outgoing_bytes_max: 4 << 20,
            messages_per_take: 8_192,
        }
    }

    pub(crate) const fn patience(&self) -> Patience {
        Patience { sign_on: self.sign_on_timeout, echo_interval: self.echo_interval, echo: self.echo_timeout }
    }

    pub(crate) fn sign_on(&self) -> Result<SignOn, LinkError> {
        if self.lanes == 0 || self.lanes > LANES_MAX {
            return Err(LinkError::Configuration("a link has 1 to 4 lanes"));
        }
        if self.window == 0 {
            return Err(LinkError::Configuration("the window is at least 1"));
        }
        Ok(SignOn {
            version_min: VERSION,
            version_max: VERSION,
            instance: self.instance,
            originates: self.roles.originates(),
            receives: self.roles.receives(),
            shared_deduplication: self.shared_deduplication,
            lanes: self.lanes,
            window: self.window,
        })
    }
}
