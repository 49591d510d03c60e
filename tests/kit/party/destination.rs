//! A destination: every decision follows from the id, so that a repeat gets the answer it got before, whatever was
//! killed in between.

use std::collections::HashMap;
use std::error::Error;
use std::io;

use holdfast_loadgen::history::record::{AnswerPlace, EventKind, Record, Role, payment_id_digest};
use holdfast_participant::{Link, Received, Roles};
use holdfast_protocol::{
    Acknowledge, Answer, Authorize, DeliveryNumber, Message, Outcome, ParticipantNumber, Reason, Refund,
    RequestId, UnixMillis,
};

use super::diary::{Applied, Diary};
use super::{LEAVE_WITHIN, Party, terminations};
use crate::requests::{approval, now, refund_approval};

/// One in so many is declined.
const DECLINED: u128 = 20;

pub(super) async fn run(party: &Party) -> Result<(), Box<dyn Error>> {
    let config = party.config(Roles::Destination)?;
    let mut terminate = terminations()?;
    let applied = Applied::read(party)?;
    let diary = Diary::begin(party, Role::Destination, now())?;
    let mut desk = Desk { applied, diary, link: 0, answers: HashMap::new() };
    let mut received = Vec::new();
    while let Some(mut link) = party.dial(&config, &mut terminate).await {
        desk.link += 1;
        desk.answers.clear();
        loop {
            let taken = tokio::select! {
                taken = link.take(&mut received) => taken,
                _ = terminate.recv() => {
                    desk.diary.close(link.switch_time())?;
                    link.sign_off(LEAVE_WITHIN).await;
                    return Ok(());
                }
            };
            desk.take(&mut link, &mut received)?;
            if taken.is_err() {
                break;
            }
        }
    }
    Ok(desk.diary.close(now())?)
}

struct Desk {
    applied: Applied,
    diary: Diary,
    link: u32,
    /// Answers on each lane of this link.
    answers: HashMap<u8, u64>,
}

impl Desk {
    /// Writes down everything, and only then answers.
    fn take(&mut self, link: &mut Link, received: &mut Vec<Received>) -> io::Result<()> {
        let time = link.switch_time();
        let mut replies = Vec::new();
        for Received { lane, message } in received.drain(..) {
            match message {
                Message::Authorize(forward) => replies.extend(self.forward(time, lane, &forward)),
                Message::Refund(forward) => replies.extend(self.refund(time, lane, &forward)),
                Message::Capture(m) => {
                    let record = |diary: &Diary, applied| {
                        let originator = m.originator.expect("the switch names it");
                        diary.record(EventKind::Delivered, time).capture(&m, originator, applied)
                    };
                    replies.extend(self.delivery(time, m.originator, m.original, m.delivery, false, record));
                }
                Message::Release(m) => {
                    let record = |diary: &Diary, applied| {
                        let originator = m.originator.expect("the switch names it");
                        diary.record(EventKind::Delivered, time).release(&m, originator, applied)
                    };
                    replies.extend(self.delivery(time, m.originator, m.original, m.delivery, false, record));
                }
                Message::Reverse(m) => {
                    let record = |diary: &Diary, applied| {
                        let originator = m.originator.expect("the switch names it");
                        diary.record(EventKind::Delivered, time).reverse(&m, originator, applied)
                    };
                    replies.extend(self.delivery(time, m.originator, m.original, m.delivery, true, record));
                }
                Message::Complete(m) => {
                    let record = self.diary.record(EventKind::Completed, time);
                    self.diary.add(record.ids(m.originator, m.original, m.original));
                }
                Message::DecidedThrough(m) => {
                    let place = AnswerPlace { link: self.link, lane, count: m.count };
                    let record = self.diary.record(EventKind::DecidedThrough, time);
                    self.diary.add(record.place(place));
                }
                other => panic!("the switch sends a destination no {other:?}"),
            }
        }
        self.diary.write()?;
        for reply in &replies {
            // What is not taken now is repeated by the switch.
            if link.push(reply).is_err() {
                break;
            }
        }
        if link.flush().is_err() {
            eprintln!("the link has ended; the next one brings repeats");
        }
        Ok(())
    }

    fn forward(&mut self, time: UnixMillis, lane: u8, forward: &Authorize) -> Option<Message> {
        let originator = forward.originator?;
        let key = (originator, forward.id);
        let new = self.applied.forwards.insert(key);
        let digest = payment_id_digest(&forward.payment_id);
        let record = self.diary.record(EventKind::Received, time);
        self.diary.add(record.authorize(forward, originator, new, digest));
        let answer = self.decided(key, new, approval(forward, None));
        let place = self.place(lane);
        let record = self.diary.record(EventKind::Answered, time).ids(originator, forward.id, forward.id);
        self.diary.add(record.answered(&answer, forward, place));
        Some(answer.into())
    }

    /// As a payment.
    fn refund(&mut self, time: UnixMillis, lane: u8, forward: &Refund) -> Option<Message> {
        let originator = forward.originator?;
        let key = (originator, forward.id);
        let new = self.applied.forwards.insert(key);
        let record = self.diary.record(EventKind::Received, time);
        self.diary.add(record.refund(forward, originator, new));
        let answer = self.decided(key, new, refund_approval(forward));
        let place = self.place(lane);
        let record = self.diary.record(EventKind::Answered, time).ids(originator, forward.id, forward.id);
        self.diary.add(record.refund_answered(&answer, forward, place));
        Some(answer.into())
    }

    fn decided(&self, key: (ParticipantNumber, RequestId), new: bool, approval: Answer) -> Answer {
        // A forward behind its own reversal must not be carried out any more.
        let declined = self.applied.reversed.contains(&key) && new
            || u128::from_be_bytes(key.1.to_bytes()).is_multiple_of(DECLINED);
        if !declined {
            return approval;
        }
        let amount = holdfast_protocol::Amount::ZERO;
        Answer { outcome: Outcome::Declined, reason: Reason::InsufficientFunds, amount, ..approval }
    }

    fn place(&mut self, lane: u8) -> AnswerPlace {
        let count = self.answers.entry(lane).or_default();
        *count += 1;
        AnswerPlace { link: self.link, lane, count: *count }
    }

    fn delivery(
        &mut self,
        time: UnixMillis,
        originator: Option<ParticipantNumber>,
        original: RequestId,
        delivery: Option<DeliveryNumber>,
        reverses: bool,
        record: impl FnOnce(&Diary, bool) -> Record,
    ) -> Option<Message> {
        let (originator, number) = (originator?, delivery?);
        let new = self.applied.deliveries.insert((originator, original, number.0));
        if reverses {
            self.applied.reversed.insert((originator, original));
        }
        let delivered = record(&self.diary, new);
        self.diary.add(delivered);
        let acknowledged =
            self.diary.record(EventKind::Acknowledged, time).ids(originator, original, original);
        self.diary.add(acknowledged.delivery(delivery));
        Some(Acknowledge { original, originator, delivery: number }.into())
    }
}
