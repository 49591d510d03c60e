//! How a destination answers, and what it says that it should not.

use holdfast_protocol::{
    Amount, ApprovalCode, Authorize, DeliveryNumber, Kind, Message, Outcome, Reason, TransactionKey, lane_of,
};

use super::{Destination, Due, Reply, acknowledge, answer};
use crate::sim::faults::Fault;
use crate::sim::network::{LANES, WireId};
use crate::sim::scene::Scene;

const DECLINES: [Reason; 11] = [
    Reason::DoNotHonour,
    Reason::InsufficientFunds,
    Reason::InstrumentUnknown,
    Reason::InstrumentExpired,
    Reason::InstrumentNotPermitted,
    Reason::InstrumentAmountLimit,
    Reason::InstrumentFrequencyLimit,
    Reason::InvalidTransaction,
    Reason::PayeeRefused,
    Reason::ClientNotAuthenticated,
    Reason::SuspectedFraud,
];

fn amount(minor: u64) -> Amount {
    Amount::from_minor(minor).expect("at most twelve digits")
}

impl Destination {
    fn approve(&mut self, amount: Amount) -> Reply {
        let code = format!("{:06}", self.random.below(1_000_000));
        let code: [u8; 6] = code.as_bytes().try_into().expect("six digits");
        let approval_code = ApprovalCode::new(code).expect("digits");
        let extended = self.random.percent(10);
        Reply { outcome: Outcome::Approved, reason: Reason::None, amount, approval_code, extended }
    }

    fn decline(&mut self, reason: Reason) -> Reply {
        let (outcome, extended) = (Outcome::Declined, self.random.percent(10));
        Reply { outcome, reason, amount: Amount::ZERO, approval_code: ApprovalCode::NONE, extended }
    }

    pub(super) fn refuse(&self) -> Reply {
        let (outcome, reason) = (Outcome::Refused, Reason::IdTooOld);
        let (amount, approval_code) = (Amount::ZERO, ApprovalCode::NONE);
        Reply { outcome, reason, amount, approval_code, extended: false }
    }

    /// Decides about a forward that it does not know, and when to say so.
    pub(super) fn decide(
        &mut self,
        m: &Authorize,
        key: TransactionKey,
        instance: usize,
        scene: &mut Scene<'_>,
    ) {
        let asked = m.amount;
        let rates = &scene.plan.rates;
        let (silence, mischief) = (rates.silence, rates.mischief);
        let mut wait = self.random.below(250);
        let roll = self.random.below(100);
        let reply = if roll < 14 {
            let reason = *self.random.pick(&DECLINES).expect("there are reasons");
            self.decline(reason)
        } else if m.partial_allowed && roll < 40 {
            self.approve(amount(asked.minor() / 2 + 1))
        } else {
            self.approve(asked)
        };
        self.store(instance).entry(key).or_default().reply = Some(reply);
        if scene.calm {
            return self.later(scene.now.plus(wait), instance, Due::Answer(key, reply));
        }
        if self.random.percent(silence) {
            return;
        }
        if self.random.percent(4) {
            scene.fault(Fault::AnsweredLate);
            wait = u64::from(m.budget_ms) + self.random.below(3_000);
        }
        let reply = if self.random.percent(mischief) { self.wrong(m, reply, scene) } else { reply };
        self.store(instance).entry(key).or_default().reply = Some(reply);
        self.later(scene.now.plus(wait), instance, Due::Answer(key, reply));
        if self.random.percent(mischief) {
            let again = if self.random.percent(50) {
                scene.fault(Fault::AnsweredTwice);
                reply
            } else {
                scene.fault(Fault::Contradicted);
                self.contradiction(m, reply)
            };
            let longest = match self.random.below(10) {
                0..5 => 50,
                5..8 => 4_000,
                _ => 40_000,
            };
            let at = scene.now.plus(wait + self.random.below(longest));
            self.later(at, instance, Due::Answer(key, again));
        }
    }

    /// An answer that the rules do not allow, or that leaves everything in doubt.
    fn wrong(&mut self, m: &Authorize, reply: Reply, scene: &mut Scene<'_>) -> Reply {
        scene.fault(Fault::Contradicted);
        match self.random.below(4) {
            0 => self.approve(amount(m.amount.minor() + 100)),
            1 if m.amount.minor() > 1 => self.approve(amount(m.amount.minor() - 1)),
            2 => self.decline(Reason::DestinationFailed),
            3 => self.refuse(),
            _ => reply,
        }
    }

    fn contradiction(&mut self, m: &Authorize, reply: Reply) -> Reply {
        match (reply.outcome, self.random.below(3)) {
            (Outcome::Approved, 0) => self.decline(Reason::DestinationFailed),
            (Outcome::Approved, _) => self.decline(Reason::DoNotHonour),
            (_, 0) => self.refuse(),
            (_, _) => self.approve(m.amount),
        }
    }

    /// Speaks about what it was not asked, over its own links: an answer for another's transaction.
    pub(super) fn intrude(&mut self, scene: &mut Scene<'_>) {
        if scene.calm || !self.random.percent(scene.plan.rates.mischief) || !self.random.percent(20) {
            return;
        }
        let ready = self.dialler.ready(scene.net);
        if self.random.percent(20) {
            return self.ask(&ready, scene);
        }
        if self.random.percent(30) {
            return self.answer_elsewhere(&ready, scene);
        }
        let key = self.random.pick(scene.gossip).copied();
        let (Some(key), Some((_, wire))) = (key, self.random.pick(&ready).copied()) else { return };
        if self.entries.contains_key(&key) {
            return;
        }
        scene.fault(Fault::Intruded);
        let lane = usize::from(lane_of(key.id, LANES));
        let message: Message = match self.random.below(4) {
            0 => acknowledge(key, DeliveryNumber(1)),
            1 => {
                let reply = self.decline(Reason::SuspectedFraud);
                answer(key, reply)
            }
            _ => {
                let reply = self.approve(amount(7));
                answer(key, reply)
            }
        };
        if matches!(message, Message::Answer(_)) {
            // It counts among the answers of the lane like any other.
            self.entries.entry(key).or_default().lied = true;
            let said = self.said.entry(wire).or_insert_with(|| vec![Vec::new(); usize::from(LANES)]);
            said[lane].push((key, usize::MAX));
        }
        scene.net.send(wire, 1 + lane, &[message], scene.now);
    }

    /// Another of its processes answers a forward that it never got, without a store to know it from.
    fn answer_elsewhere(&mut self, ready: &[(usize, WireId)], scene: &mut Scene<'_>) {
        let waits = |(_, (instance, due)): (&_, &(usize, Due))| match due {
            Due::Answer(key, _) => Some((*key, *instance)),
            Due::Acknowledge(..) | Due::Inquire(_) => None,
        };
        let Some((key, instance)) = self.due.iter().find_map(waits).filter(|_| !self.party.shared) else {
            return;
        };
        let Some((_, wire)) = ready.iter().find(|(other, _)| *other != instance).copied() else { return };
        scene.fault(Fault::Intruded);
        let reply = self.approve(amount(7));
        let lane = usize::from(lane_of(key.id, LANES));
        let said = self.said.entry(wire).or_insert_with(|| vec![Vec::new(); usize::from(LANES)]);
        said[lane].push((key, usize::MAX));
        scene.net.send(wire, 1 + lane, &[answer(key, reply)], scene.now);
    }

    /// Asks for a payment, which only operators may.
    fn ask(&mut self, ready: &[(usize, WireId)], scene: &mut Scene<'_>) {
        let asked = self.entries.values().rev().find_map(|entry| entry.forward.clone());
        let (Some(m), Some((_, wire))) = (asked, self.random.pick(ready).copied()) else { return };
        let m = Authorize { originator: None, settlement_date: None, ..m };
        let lane = usize::from(lane_of(m.id, LANES));
        scene.net.send(wire, 1 + lane, &[m.into()], scene.now);
    }

    /// Acknowledges what it should not: the one behind this, one that was left out, or over another instance.
    pub(super) fn acknowledge_wrongly(
        &mut self,
        key: TransactionKey,
        number: DeliveryNumber,
        instance: usize,
        scene: &mut Scene<'_>,
    ) {
        // What was left out because a reversal made it needless.
        let entry = &self.entries[&key];
        let skipped = number.0 > 1 && !entry.deliveries.contains_key(&DeliveryNumber(number.0 - 1));
        let likely = if skipped { 60 } else { scene.plan.rates.mischief };
        if scene.calm || !self.random.percent(likely) {
            return;
        }
        scene.fault(Fault::Intruded);
        let other = if self.party.shared || self.party.instances < 2 { instance } else { 1 - instance };
        // What follows leaves only after this was acknowledged, so it cannot be on its way.
        let behind = entry.deliveries.get(&number).is_some_and(|got| !got.acknowledged);
        let choice = if skipped { 1 + self.random.below(2) } else { self.random.below(4) };
        let (over, number) = match choice {
            0 if behind => (instance, DeliveryNumber(number.0 + 1)),
            1 if number.0 > 1 => (instance, DeliveryNumber(number.0 - 1)),
            2 if number.0 > 1 => (other, DeliveryNumber(number.0 - 1)),
            _ if other != instance => {
                let ahead = self.random.below(2) as u16;
                (other, DeliveryNumber(number.0 + ahead))
            }
            _ => return,
        };
        let own = self.dialler.ready(scene.net).into_iter().find(|(ready, _)| *ready == over);
        if let Some((_, wire)) = own {
            let lane = usize::from(lane_of(key.id, LANES));
            scene.net.send(wire, 1 + lane, &[acknowledge(key, number)], scene.now);
        }
    }

    /// Where little may be on its way at once, a delivery that waits is acknowledged before it came.
    pub(super) fn acknowledge_unsent(&mut self, m: &Authorize, key: TransactionKey, scene: &mut Scene<'_>) {
        let narrow = scene.plan.core.delivery_window < 10 && m.kind == Kind::Reserve;
        if scene.calm || !narrow || !self.random.percent(10) {
            return;
        }
        self.entries.entry(key).or_default().lied = true;
        for pause in [300, 900, 1_800] {
            self.later(scene.now.plus(pause), 0, Due::Acknowledge(key, DeliveryNumber(1)));
        }
    }
}
