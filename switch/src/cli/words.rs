//! The words of the JSON lines for the values of our enums.

use holdfast_core::registry::{Debtor, ParticipantStatus};
use holdfast_protocol::{Channel, DecidedBy, Kind};

pub(super) const fn debtor_name(debtor: Debtor) -> &'static str {
    match debtor {
        Debtor::Originator => "originator",
        Debtor::Destination => "destination",
        Debtor::Outside => "outside",
    }
}

pub(super) const fn status_name(status: ParticipantStatus) -> &'static str {
    match status {
        ParticipantStatus::Active => "active",
        ParticipantStatus::Draining => "draining",
        ParticipantStatus::Suspended => "suspended",
    }
}

pub(super) const fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Pay => "pay",
        Kind::Reserve => "reserve",
        Kind::Verify => "verify",
    }
}

pub(super) const fn channel_name(channel: Channel) -> &'static str {
    match channel {
        Channel::Unspecified => "unspecified",
        Channel::Sms => "sms",
        Channel::Ussd => "ussd",
        Channel::PacketData => "packet_data",
        Channel::Web => "web",
        Channel::Office => "office",
        Channel::Automatic => "automatic",
    }
}

pub(super) const fn decider_name(by: DecidedBy) -> &'static str {
    match by {
        DecidedBy::Destination => "destination",
        DecidedBy::Switch => "switch",
        DecidedBy::StandIn => "stand_in",
    }
}
