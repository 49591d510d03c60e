//! What follows from a fact once it is applied: whom to tell, what to send, which deadline to set.
//!
//! The answer to a repeat and the answer to the first copy come from the same function of the ledger (I2, I6).

use holdfast_protocol::{Complete, Instance, ParticipantNumber, TransactionKey, UnixMillis};

use super::deliver;
use crate::counters::Counters;
use crate::effect::Effect;
use crate::fact::Fact;
use crate::ledger::apply::Touched;
use crate::ledger::state::Ledger;
use crate::report;
use crate::schedule::{Flight, Schedule};
use crate::settings::Settings;
use crate::step::Output;
use crate::transaction::money::Money;
use crate::view::{SessionId, View};

/// Where consequences are written.
pub(crate) struct Follower<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) schedule: &'a mut Schedule,
    pub(crate) settings: &'a Settings,
    pub(crate) counters: &'a mut Counters,
    pub(crate) view: &'a View,
    pub(crate) now: UnixMillis,
    /// Whose input led to the fact; nobody for the passing of time.
    pub(crate) from: Option<SessionId>,
}

impl Follower<'_> {
    pub(crate) fn follow(&mut self, fact: &Fact, touched: Option<Touched>, out: &mut Output) {
        match fact {
            Fact::ParticipantConfigured(_)
            | Fact::ParticipantRemoved(_)
            | Fact::ParticipantStatusSet(..)
            | Fact::RoutesConfigured(_)
            | Fact::CutOver(_)
            | Fact::DayClosed(_)
            | Fact::Founded { .. }
            | Fact::LeaseGiven { .. }
            | Fact::LeaseTaken { .. } => {}
            Fact::Forgotten(through) => self.schedule.recalls.forgotten(*through),
            Fact::Recalled { until, .. } => self.schedule.recalls.brought_back(*until),
            Fact::Reserved(reserved) => self.reserved(reserved.instance, touched, out),
            Fact::RefundReserved(reserved) => self.reserved(reserved.instance, touched, out),
            Fact::RefundDeclined(declined) => {
                self.counters.decided(declined.originator, declined.reason);
                let key = TransactionKey { originator: declined.originator, id: declined.request.id };
                self.answer(key, self.from, out);
            }
            Fact::DeclinedAtOnce(declined) => {
                self.counters.decided(declined.originator, declined.reason);
                let key = TransactionKey { originator: declined.originator, id: declined.request.id };
                self.answer(key, self.from, out);
            }
            Fact::Approved { key, .. } | Fact::Declined { key, .. } => {
                let touched = touched.expect("an answer decides an open transaction");
                self.decided(*key, touched, out);
            }
            Fact::LateAnswer { .. } => {
                if let Some(touched) = touched {
                    self.opened(touched);
                    self.continue_with(touched, out);
                }
            }
            Fact::Captured { originator, request, .. } => {
                self.follow_up(*originator, request.id, request.original, touched, out);
            }
            Fact::Released { originator, request, .. } => {
                self.follow_up(*originator, request.id, request.original, touched, out);
            }
            Fact::Reversed { originator, request, .. } | Fact::Tombstoned { originator, request, .. } => {
                self.follow_up(*originator, request.id, request.original, touched, out);
            }
            Fact::FollowUpDeclined { originator, request, .. } => {
                self.follow_up(*originator, request.id(), request.original(), None, out);
            }
            Fact::Expired(_) => {
                let touched = touched.expect("a hold that ends is open");
                self.continue_with(touched, out);
            }
            Fact::Acknowledged { key, .. } => self.acknowledged(*key, touched, out),
        }
    }

    #[inline]
    fn reserved(&mut self, instance: Instance, touched: Option<Touched>, out: &mut Output) {
        let touched = touched.expect("a reservation opens a transaction");
        let transaction = self.ledger.transactions.get(touched.index);
        self.schedule.begin(touched.index, transaction, self.from);
        let mut links = self.view.receivers(touched.destination);
        if let Some(link) = links.find(|link| link.instance == instance) {
            deliver::push_forward(self.ledger, self.schedule, touched.index, link.session, out);
            self.counters.forwards += 1;
        }
    }

    /// Tells the outcome of an authorize or refund.
    fn answer(&mut self, key: TransactionKey, to: Option<SessionId>, out: &mut Output) {
        if let Some(to) = to {
            let answer = report::answer(self.ledger, key).expect("it was decided just now");
            out.effects.push(Effect::Answer { to, original: key.id, answer });
        }
    }

    fn decided(&mut self, key: TransactionKey, touched: Touched, out: &mut Output) {
        let waiter = self.schedule.decided(touched.index, touched.destination);
        if let Some(answer) = report::answer(self.ledger, key) {
            self.counters.decided(key.originator, answer.reason);
            if let Some(to) = waiter {
                out.effects.push(Effect::Answer { to, original: key.id, answer });
            }
        }
        self.forward_again(touched.destination, out);
        self.continue_with(touched, out);
    }

    /// A transaction that was closed is open again under a number that somebody else may have had.
    fn opened(&mut self, touched: Touched) {
        if touched.opened {
            *self.schedule.flight_mut(touched.index) = Flight::default();
        }
    }

    /// Sets the deadline that holds now, and sends what is to be delivered next.
    fn continue_with(&mut self, touched: Touched, out: &mut Output) {
        self.schedule.touched(self.ledger, touched, self.now);
        if touched.gone {
            self.schedule.cancel_deadline(touched.index);
            self.schedule.head_done(touched.index, touched.destination);
            return;
        }
        let transaction = self.ledger.transactions.get(touched.index);
        match transaction.money {
            Money::Pending => {}
            Money::Held => self.schedule.set_deadline(touched.index, transaction.hold_until),
            Money::Closed(_) => self.schedule.cancel_deadline(touched.index),
        }
        if transaction.deliveries.is_empty() {
            return;
        }
        self.schedule.enqueue(touched.index, transaction);
        self.pump(transaction.destination, out);
    }

    fn pump(&mut self, destination: ParticipantNumber, out: &mut Output) {
        deliver::pump_parts(self.ledger, self.schedule, self.settings, self.view, self.now, destination, out);
    }

    /// A capture, release or reversal was decided: its sender hears it, and so does who waits for the original.
    fn follow_up(
        &mut self,
        originator: ParticipantNumber,
        id: holdfast_protocol::RequestId,
        original: holdfast_protocol::RequestId,
        touched: Option<Touched>,
        out: &mut Output,
    ) {
        let answer = report::follow_up_answer(self.ledger, originator, id);
        if let Some(answer) = answer {
            self.counters.decided(originator, answer.reason);
            if let Some(to) = self.from {
                out.effects.push(Effect::Answer { to, original, answer });
            }
        }
        let Some(touched) = touched else { return };
        self.opened(touched);
        let key = TransactionKey { originator, id: original };
        let waiter = self.schedule.decided(touched.index, touched.destination);
        if let Some(to) = waiter
            && let Some(answer) = report::answer(self.ledger, key)
        {
            self.counters.decided(originator, answer.reason);
            out.effects.push(Effect::Answer { to, original, answer });
        }
        self.forward_again(touched.destination, out);
        self.continue_with(touched, out);
    }

    /// A window may have room for what a lost link had.
    fn forward_again(&mut self, destination: ParticipantNumber, out: &mut Output) {
        if self.schedule.unsent() > 0 {
            let Self { ledger, schedule, counters, view, now, .. } = self;
            deliver::forward_again_parts(ledger, schedule, counters, view, *now, destination, out);
        }
    }

    fn acknowledged(&mut self, key: TransactionKey, touched: Option<Touched>, out: &mut Output) {
        let touched = touched.expect("a delivery belongs to an open transaction");
        self.counters.acknowledgements += 1;
        self.schedule.acknowledged(touched.index, touched.destination);
        if touched.gone
            && let Some(to) = self.from
        {
            let complete = Complete { original: key.id, originator: key.originator };
            out.effects.push(Effect::Complete { to, complete });
        }
        self.continue_with(touched, out);
        self.pump(touched.destination, out);
    }
}
