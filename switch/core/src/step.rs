//! The one entry point: an input, the time and the volatile world in; facts and effects out.

use holdfast_protocol::{
    Currency, Epoch, ParticipantNumber, Partition, PaymentId, Reason, RequestId, Sequence, Total,
    TransactionKey, UnixMillis,
};

use crate::counters::Counters;
use crate::decide::follow::Follower;
use crate::decide::participant::ConfigurationError;
use crate::decide::{
    Desk, acknowledge, answer, authorize, capture, day, deliver, expire, inquiry, lease, link, participant,
    recall, refund, release, reverse,
};
use crate::effect::Effect;
use crate::fact::Fact;
use crate::input::{Input, Recalled};
use crate::ledger::apply::apply;
use crate::ledger::generation::Found;
use crate::ledger::state::Ledger;
use crate::ledger::{Digest, Position, digest};
use crate::registry::{ParticipantRecord, ParticipantStatus, Route};
use crate::report::{self, TransactionView};
use crate::schedule::Schedule;
use crate::settings::Settings;
use crate::view::{SessionId, View};

/// What steps add to. The driver takes a whole batch and clears it.
#[derive(Debug, Default)]
pub struct Output {
    /// In the order in which they were decided; the journal takes all of them.
    pub facts: Vec<Fact>,
    /// To be let go once the last of the facts is durable (I1).
    pub effects: Vec<Effect>,
}

impl Output {
    /// Empties it and keeps its memory.
    pub fn clear(&mut self) {
        self.facts.clear();
        self.effects.clear();
    }
}

/// A journal says first which partition it is of how many; that of the only one need not say it.
fn found(desk: &mut Desk<'_>, partition: Partition, partitions: u16) {
    if desk.ledger.sequence == 0 && partitions > 1 && partition.0 < partitions {
        desk.fact(Fact::Founded { partition, partitions });
    }
}

/// The core: a ledger, a schedule, and the rules between them.
#[derive(Debug)]
pub struct Core {
    settings: Settings,
    pub(crate) ledger: Ledger,
    pub(crate) schedule: Schedule,
    counters: Counters,
    now: UnixMillis,
}

impl Core {
    /// An empty core.
    pub fn new(settings: Settings) -> Self {
        Self {
            ledger: Ledger::new(&settings),
            schedule: Schedule::new(),
            counters: Counters::default(),
            now: UnixMillis::default(),
            settings,
        }
    }

    /// Makes and touches the memory that remembered ids will need at the expected rate, so that no payment waits for
    /// it. Takes seconds where that rate is high; worth calling once, before the first input. Changes no behaviour.
    pub fn prepare(&mut self) {
        self.ledger.remembered.prepare();
    }

    /// Handles one input. Total: it never blocks and never fails. The same inputs in the same order give the same
    /// facts and effects, byte for byte.
    pub fn step(&mut self, now: UnixMillis, input: &Input, view: &View, out: &mut Output) {
        assert!(now >= self.now, "time comes from the driver and does not go back");
        self.now = now;
        let first = out.facts.len();
        let from = self.decide(input, view, out);
        self.carry_out(first, from, view, out);
        if let Input::Recalled(key, recalled) = input {
            self.recalled(*key, *recalled, view, out);
        }
        if !self.schedule.reversals.is_empty() {
            self.reverse_what_waited(view, out);
        }
        if self.ledger.days.len() > 1 {
            let first = out.facts.len();
            day::close_days(&mut self.desk(view, out));
            self.carry_out(first, None, view, out);
        }
        if matches!(input, Input::Tick) {
            self.send_again(view, out);
        }
    }

    fn desk<'a>(&'a mut self, view: &'a View, out: &'a mut Output) -> Desk<'a> {
        Desk {
            ledger: &self.ledger,
            schedule: &mut self.schedule,
            settings: &self.settings,
            counters: &mut self.counters,
            view,
            now: self.now,
            out,
        }
    }

    fn decide(&mut self, input: &Input, view: &View, out: &mut Output) -> Option<SessionId> {
        let desk = &mut self.desk(view, out);
        match input {
            Input::Authorize(from, m) => {
                authorize::decide(desk, *from, m);
                Some(from.session)
            }
            Input::Answer(from, m) => {
                answer::decide(desk, *from, m);
                Some(from.session)
            }
            Input::Acknowledge(from, m) => {
                acknowledge::decide(desk, *from, m);
                Some(from.session)
            }
            Input::Capture(from, m) => {
                capture::decide(desk, *from, m);
                Some(from.session)
            }
            Input::Release(from, m) => {
                release::decide(desk, *from, m);
                Some(from.session)
            }
            Input::Reverse(from, m) => {
                reverse::decide(desk, *from, m);
                Some(from.session)
            }
            Input::Refund(from, m) => {
                refund::decide(desk, *from, m);
                Some(from.session)
            }
            Input::Inquire(from, m) => {
                inquiry::decide(desk, *from, m);
                None
            }
            // Each request that waited has its own sender: see `recalled`.
            Input::Recalled(..) => None,
            Input::LinkUp(from) => {
                link::up(desk, *from);
                None
            }
            Input::LinkLost(from) => {
                link::lost(desk, *from);
                None
            }
            Input::Configure(participants, routes) => {
                participant::configure(desk, participants, routes);
                None
            }
            Input::SetStatus(number, status) => {
                participant::set_status(desk, *number, *status);
                None
            }
            Input::CutOver(date) => {
                day::cut_over(desk, *date);
                None
            }
            Input::Found(partition, partitions) => {
                found(desk, *partition, *partitions);
                None
            }
            Input::Lease(from, message) => {
                lease::decide(desk, *from, *message);
                None
            }
            Input::Tick => {
                expire::decide(desk);
                None
            }
        }
    }

    fn recalled(&mut self, key: TransactionKey, recalled: Recalled, view: &View, out: &mut Output) {
        let waiting = self.schedule.recalls.take(key);
        let first = out.facts.len();
        let known = recall::bring_back(&mut self.desk(view, out), key, recalled, &waiting);
        self.carry_out(first, None, view, out);
        for (from, asked) in waiting {
            let first = out.facts.len();
            recall::decide(&mut self.desk(view, out), from, asked, recalled, key, known);
            self.carry_out(first, Some(from.session), view, out);
        }
    }

    /// Reversals whose original has no pending refund any more (rule 15).
    fn reverse_what_waited(&mut self, view: &View, out: &mut Output) {
        loop {
            let refunds = &self.ledger.remembered.refunds;
            let is_decided = |original| refunds.of(original).pending.is_zero();
            let Some(requests) = self.schedule.reversals.take(is_decided) else { return };
            for (from, request) in requests {
                let first = out.facts.len();
                reverse::waited(&mut self.desk(view, out), from, &request);
                self.carry_out(first, Some(from.session), view, out);
            }
        }
    }

    /// Applies the facts that were decided, and does what follows from them.
    fn carry_out(&mut self, first: usize, from: Option<SessionId>, view: &View, out: &mut Output) {
        let mut at = first;
        while at < out.facts.len() {
            let touched = apply(&mut self.ledger, &out.facts[at]);
            let facts = std::mem::take(&mut out.facts);
            let mut follower = Follower {
                ledger: &self.ledger,
                schedule: &mut self.schedule,
                settings: &self.settings,
                counters: &mut self.counters,
                view,
                now: self.now,
                from,
            };
            follower.follow(&facts[at], touched, out);
            out.facts = facts;
            at += 1;
        }
    }

    /// Deliveries whose pause is over leave again, and what a step left over goes on.
    fn send_again(&mut self, view: &View, out: &mut Output) {
        let mut destinations = self.schedule.take_left_over();
        for _ in 0..expire::TAKEN_MAX {
            let Some(destination) = self.schedule.take_retry(&self.ledger, self.now) else { break };
            destinations.insert(destination);
        }
        let desk = &mut self.desk(view, out);
        for destination in destinations {
            deliver::forward_again(desk, destination);
            deliver::pump(desk, destination);
        }
    }

    // Recovery.

    /// Applies a fact read from the journal.
    pub fn apply_recovered(&mut self, fact: &Fact) {
        if let Some(touched) = apply(&mut self.ledger, fact) {
            self.schedule.touched(&self.ledger, touched, self.now);
        }
    }

    /// Facts applied from now on were decided at this time: while recovering, the time of their frame.
    pub fn set_time(&mut self, time: UnixMillis) {
        self.now = self.now.max(time);
    }

    /// Facts from the next one on are decided under this epoch; while recovering, the epoch of the frame.
    pub fn set_epoch(&mut self, epoch: Epoch) {
        self.ledger.set_epoch(epoch);
    }

    /// Everything was recovered: what was in flight is taken up as links come, all of it with the repeat flag.
    pub fn resume(&mut self, now: UnixMillis, epoch: Epoch) {
        self.ledger.set_epoch(epoch);
        self.now = self.now.max(now);
        self.schedule.rebuild(&self.ledger, now);
    }

    // Reading.

    pub(crate) const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// When [`Input::Tick`] is due next.
    pub fn next_deadline(&self) -> Option<UnixMillis> {
        let kept_ms = self.settings.window_max_ms + self.settings.skew_max_ms;
        let forget = self
            .ledger
            .remembered
            .oldest_second()
            .map(|second| UnixMillis::from_48_bits((second + 1) * 1_000).plus(kept_ms));
        self.schedule.next_deadline().into_iter().chain(forget).min()
    }

    /// The time of the newest fact or input.
    pub(crate) const fn time(&self) -> UnixMillis {
        self.now
    }

    /// The place of the newest fact.
    pub fn sequence(&self) -> Sequence {
        Sequence(self.ledger.sequence)
    }

    /// Which partition it decides for.
    pub fn partition(&self) -> Partition {
        self.ledger.partition
    }

    /// Of how many.
    pub fn partitions(&self) -> u16 {
        self.ledger.partitions
    }

    /// What of a debtor's cap this partition may hold against; none where there is no such cap.
    pub fn lease(&self, debtor: ParticipantNumber, currency: Currency) -> Option<Total> {
        self.ledger.lease(self.ledger.participants.find(debtor)?, currency)
    }

    /// The epoch of the next fact.
    pub fn epoch(&self) -> Epoch {
        self.ledger.epoch()
    }

    /// The settings it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The two digests of the ledger (I7). Reads all of it.
    pub fn digest(&self) -> Digest {
        digest(&self.ledger)
    }

    /// What was counted since the start.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The business date that new work gets.
    pub fn business_date(&self) -> Option<holdfast_protocol::BusinessDate> {
        self.ledger.business_date
    }

    /// Each participant with its status and positions, by number.
    pub fn participants(&self) -> impl Iterator<Item = (&ParticipantRecord, ParticipantStatus, &[Position])> {
        let configured = self.ledger.participants.iter().filter(|p| !p.removed);
        configured.map(|p| (&p.record, p.status, p.positions.as_slice()))
    }

    /// Participants that are not configured any more and have something open or a position that is not flat, by number:
    /// what is remembered of them may still be reversed. With [`Self::participants`] their books net to zero (I4).
    pub fn removed_participants(&self) -> impl Iterator<Item = (&ParticipantRecord, &[Position])> {
        let removed = self.ledger.participants.iter().filter(|p| p.removed && !p.is_settled());
        removed.map(|p| (&p.record, p.positions.as_slice()))
    }

    /// The records of all participants that are or were configured, by number.
    pub fn records(&self) -> impl Iterator<Item = &ParticipantRecord> {
        self.ledger.participants.iter().map(|p| &p.record)
    }

    /// The record of a participant that is or was configured.
    pub fn record(&self, number: ParticipantNumber) -> Option<&ParticipantRecord> {
        self.ledger.participants.find(number).map(|p| &p.record)
    }

    /// What is remembered of a transaction.
    pub fn transaction(&self, key: TransactionKey) -> Option<TransactionView> {
        report::transaction(&self.ledger, key)
    }

    /// The authorize that a capture, release or reversal is about, as far as its own id is remembered.
    pub fn original_of(&self, follow_up: TransactionKey) -> Option<RequestId> {
        match self.ledger.remembered.find(follow_up.originator, follow_up.id)? {
            Found::FollowUp(record) => Some(record.original()),
            Found::Transaction(_) => None,
        }
    }

    /// The route a payment ID takes.
    ///
    /// # Errors
    /// [`Reason::MpsUnknown`] or [`Reason::MerchantUnknown`].
    pub fn explain_route(&self, id: PaymentId) -> Result<&Route, Reason> {
        self.ledger.routes.find(id)
    }

    /// Whether [`Input::Configure`] will take this.
    ///
    /// # Errors
    /// Who stands against it.
    pub fn check_configuration(&self, participants: &[ParticipantRecord]) -> Result<(), ConfigurationError> {
        participant::check(&self.ledger, participants)
    }

    /// Whether a participant is configured.
    pub fn is_configured(&self, participant: ParticipantNumber) -> bool {
        self.ledger.participants.get(participant).is_some()
    }
}
