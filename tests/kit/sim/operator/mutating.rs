//! Another content under an id that is known: it must be refused, naming the field.

use holdfast_protocol::{
    Authorize, Capture, Channel, Extensions, InstrumentReference, Kind, Message, Reason, Refund, Release,
    RequestId, lane_of,
};

use super::Operator;
use super::making::amount;
use crate::sim::faults::Fault;
use crate::sim::network::{LANES, WireId};
use crate::sim::plan::{euro, pound};
use crate::sim::scene::Scene;

impl Operator {
    /// Sends another content under the id of a request that was answered, and remembers in which field.
    pub(super) fn mutate(&mut self, id: RequestId, wire: WireId, scene: &mut Scene<'_>) {
        let request = self.requests.get_mut(&id).expect("it was made");
        let roll = self.random.below(12);
        let other = self.random.below(100_000);
        let mut message = request.message.clone();
        let reason = match &mut message {
            Message::Authorize(m) => mutate_authorize(m, roll, other),
            Message::Capture(m) => mutate_capture(m, roll),
            Message::Release(m) => {
                m.expires = m.expires.minus(1);
                Reason::IdReusedOtherTimes
            }
            Message::Reverse(m) if roll.is_multiple_of(2) => {
                m.reason ^= 1;
                Reason::IdReusedOtherOptions
            }
            Message::Reverse(m) => {
                m.payment_id = format!("other-{other}@acq11").parse().expect("allowed text");
                Reason::IdReusedOtherPaymentId
            }
            Message::Refund(m) => mutate_refund(m, roll),
            other => panic!("an operator does not ask {other:?}"),
        };
        let (message, reason) = match (roll, &message) {
            // The same id for another kind of message.
            (11, Message::Authorize(m)) => {
                let release = Release {
                    id,
                    original: RequestId::new(m.expires, 1),
                    originator: None,
                    expires: m.expires,
                    delivery: None,
                    expired: false,
                    repeat: false,
                    attempt: 1,
                    extensions: Extensions::NONE,
                };
                (Message::Release(release), Reason::IdReusedOtherMessage)
            }
            _ => (message, reason),
        };
        request.mutated.insert(reason);
        scene.fault(Fault::OtherContent);
        scene.trace.note(scene.now, || format!("{} asks {id} with other content: {reason}", self.number));
        let lane = usize::from(lane_of(id, LANES));
        scene.net.send(wire, 1 + lane, &[message], scene.now);
    }
}

fn mutate_authorize(m: &mut Authorize, roll: u64, other: u64) -> Reason {
    match roll {
        0 => {
            m.currency = if m.currency == euro() { pound() } else { euro() };
            Reason::IdReusedOtherCurrency
        }
        1 => {
            m.payment_id = format!("other-{other}@acq11").parse().expect("allowed text");
            Reason::IdReusedOtherPaymentId
        }
        2 => {
            m.instrument =
                InstrumentReference::new(format!("another-{other}").as_bytes()).expect("allowed bytes");
            Reason::IdReusedOtherInstrument
        }
        3 if m.kind != Kind::Pay => {
            m.kind = if m.kind == Kind::Reserve { Kind::Verify } else { Kind::Reserve };
            Reason::IdReusedOtherKind
        }
        4 => {
            m.channel = Channel::Web;
            Reason::IdReusedOtherSecurity
        }
        5 => {
            m.expires = m.expires.minus(1);
            Reason::IdReusedOtherTimes
        }
        6 => {
            m.partial_allowed = !m.partial_allowed;
            Reason::IdReusedOtherOptions
        }
        7 => {
            m.extensions = Extensions::from_wire(&[3, 0, 0, 0]).expect("a known form");
            Reason::IdReusedOtherExtensions
        }
        _ => {
            m.amount = amount(m.amount.minor() + 1);
            Reason::IdReusedOtherAmount
        }
    }
}

fn mutate_refund(m: &mut Refund, roll: u64) -> Reason {
    match roll {
        0..3 => {
            m.original = RequestId::new(m.expires, 2);
            Reason::IdReusedOtherOriginal
        }
        3..6 => {
            m.expires = m.expires.minus(1);
            Reason::IdReusedOtherTimes
        }
        _ => {
            m.amount = amount(m.amount.minor() + 1);
            Reason::IdReusedOtherAmount
        }
    }
}

fn mutate_capture(m: &mut Capture, roll: u64) -> Reason {
    match roll {
        0..3 => {
            m.original = RequestId::new(m.expires, 2);
            Reason::IdReusedOtherOriginal
        }
        3..6 => {
            m.last = !m.last;
            Reason::IdReusedOtherOptions
        }
        _ => {
            m.amount = amount(m.amount.minor() + 1);
            Reason::IdReusedOtherAmount
        }
    }
}
