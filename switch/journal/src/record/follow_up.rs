//! Captures, releases and reversals as bytes: who asked, the request as received, and what came of it.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use bytes::BytesMut;
use holdfast_core::fact::{Fact, FollowUp};
use holdfast_protocol::{Message, ParticipantNumber};

use super::fields::{Reader, Writer};
use super::{RecordError, kind};

pub(super) fn write(w: &mut Writer<'_>, fact: &Fact) {
    match fact {
        Fact::Captured { originator, request, settlement_date } => {
            w.request(*originator, |out| request.encode(out));
            w.date(*settlement_date);
        }
        Fact::Released { originator, request, settlement_date } => {
            w.request(*originator, |out| request.encode(out));
            w.date(*settlement_date);
        }
        Fact::Reversed { originator, request, settlement_date, superseded_from } => {
            w.request(*originator, |out| request.encode(out));
            w.date(*settlement_date);
            w.u16(superseded_from.map_or(0, |delivery| delivery.0));
        }
        Fact::Tombstoned { originator, request, destination, settlement_date } => {
            w.request(*originator, |out| request.encode(out));
            w.u16(destination.map_or(0, ParticipantNumber::get));
            w.date(*settlement_date);
        }
        Fact::FollowUpDeclined { originator, request, reason, settlement_date } => {
            w.request(*originator, |out| encode(request, out));
            w.reason(*reason);
            w.date(*settlement_date);
        }
        _ => unreachable!("it is of no capture, release or reversal"),
    }
}

fn encode(request: &FollowUp, out: &mut BytesMut) {
    match request {
        FollowUp::Capture(m) => m.encode(out),
        FollowUp::Release(m) => m.encode(out),
        FollowUp::Reverse(m) => m.encode(out),
    }
}

pub(super) fn read(kind: u8, r: &mut Reader<'_>) -> Result<Fact, RecordError> {
    let originator = r.participant()?;
    let message = r.message()?;
    Ok(match (kind, message) {
        (kind::CAPTURED, Message::Capture(request)) => {
            Fact::Captured { originator, request, settlement_date: r.date()? }
        }
        (kind::RELEASED, Message::Release(request)) => {
            Fact::Released { originator, request, settlement_date: r.date()? }
        }
        (kind::REVERSED, Message::Reverse(request)) => Fact::Reversed {
            originator,
            request,
            settlement_date: r.date()?,
            superseded_from: r.optional_delivery()?,
        },
        (kind::TOMBSTONED, Message::Reverse(request)) => Fact::Tombstoned {
            originator,
            request,
            destination: ParticipantNumber::new(r.u16()?),
            settlement_date: r.date()?,
        },
        (kind::FOLLOW_UP_DECLINED, message) => {
            let request = match message {
                Message::Capture(m) => FollowUp::Capture(m),
                Message::Release(m) => FollowUp::Release(m),
                Message::Reverse(m) => FollowUp::Reverse(m),
                _ => return Err(RecordError::Field("request")),
            };
            Fact::FollowUpDeclined { originator, request, reason: r.reason()?, settlement_date: r.date()? }
        }
        _ => return Err(RecordError::Field("request")),
    })
}
