//! A destination: answers forwards, acknowledges deliveries, and sometimes keeps silent, contradicts itself, forgets, or
//! speaks where it was not asked. What it was sent and what it said is kept apart from what it remembers, so that the
//! switch is held to its promises also where the destination broke its own.

mod hearing;
mod mischief;

use std::collections::{BTreeMap, BTreeSet};

use holdfast_protocol::{
    Acknowledge, Amount, Answer, ApprovalCode, Authorize, BusinessDate, DecidedBy, DeliveryNumber, Epoch,
    Extensions, Inquiry, Message, Outcome, ParticipantNumber, Partition, Reason, RequestId, Sequence, State,
    TransactionKey, UnixMillis, lane_of,
};

use super::network::{LANES, WireId};
use super::plan::Party;
use super::random::Random;
use super::scene::{Dialler, Scene};

/// An answer to a forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) outcome: Outcome,
    pub(crate) reason: Reason,
    pub(crate) amount: Amount,
    pub(crate) approval_code: ApprovalCode,
    /// Something that the switch does not know travels along.
    pub(crate) extended: bool,
}

impl Reply {
    /// What travels along.
    pub(crate) fn extensions(&self) -> Extensions {
        let bytes: &[u8] = if self.extended { &[9, 0, 3, 0, 1, 2, 3] } else { &[] };
        Extensions::from_wire(bytes).expect("a known form")
    }
}

/// An answer that left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    pub(crate) reply: Reply,
    wire: WireId,
    /// The switch had its transaction in memory when it left.
    known: bool,
    /// The switch said that it is decided.
    pub(crate) covered: bool,
}

/// What a delivery does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Capture { id: RequestId, amount: Amount, last: bool, date: Option<BusinessDate> },
    Release { id: RequestId, expired: bool },
    Reverse { id: RequestId },
}

/// A delivery that came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Got {
    pub(crate) task: Task,
    /// It came without the repeat flag.
    as_new: bool,
    acknowledged: bool,
}

impl Got {
    /// Whether an acknowledgement of it ever left.
    pub(crate) fn is_acknowledged(&self) -> bool {
        self.acknowledged
    }
}

/// All that ever passed about a transaction, whatever the destination remembers of it.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    /// The first forward; none where a reversal came first.
    pub(crate) forward: Option<Authorize>,
    forwarded_as_new: bool,
    pub(crate) answers: Vec<Said>,
    pub(crate) deliveries: BTreeMap<DeliveryNumber, Got>,
    /// It acknowledged what had not come: nothing follows from what it knows.
    pub(crate) lied: bool,
}

impl Entry {
    pub(crate) fn tasks(&self) -> impl Iterator<Item = Task> {
        self.deliveries.values().map(|got| got.task)
    }

    pub(crate) fn reversed(&self) -> bool {
        self.tasks().any(|task| matches!(task, Task::Reverse { .. }))
    }

    /// Its hold was ended by the switch.
    pub(crate) fn ended(&self) -> bool {
        self.tasks().any(|task| !matches!(task, Task::Capture { last: false, .. }))
    }

    /// Captured by deliveries.
    pub(crate) fn captured(&self) -> u64 {
        let amount = |task| if let Task::Capture { amount, .. } = task { amount.minor() } else { 0 };
        self.tasks().map(amount).sum()
    }

    /// The most that it ever approved.
    pub(crate) fn approved(&self) -> Option<Amount> {
        let approved = self.answers.iter().filter(|said| said.reply.outcome == Outcome::Approved);
        approved.map(|said| said.reply.amount).max()
    }

    /// An approval of it was covered.
    pub(crate) fn approval_covered(&self) -> bool {
        self.answers.iter().any(|said| said.covered && said.reply.outcome == Outcome::Approved)
    }
}

/// What a store remembers of a transaction.
#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    reply: Option<Reply>,
    reversed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Answer(TransactionKey, Reply),
    Acknowledge(TransactionKey, DeliveryNumber),
    Inquire(TransactionKey),
}

/// Answers that left over a wire, by lane.
type Answers = Vec<Vec<(TransactionKey, usize)>>;

/// See the module.
#[derive(Debug)]
pub(crate) struct Destination {
    pub(crate) number: ParticipantNumber,
    party: Party,
    pub(crate) dialler: Dialler,
    pub(crate) entries: BTreeMap<TransactionKey, Entry>,
    /// One store, or one for each instance.
    stores: Vec<BTreeMap<TransactionKey, Kept>>,
    said: BTreeMap<WireId, Answers>,
    /// Approvals that nobody has said to be decided.
    provisional: BTreeSet<TransactionKey>,
    due: BTreeMap<(UnixMillis, u64), (usize, Due)>,
    made: u64,
    random: Random,
    pub(crate) frozen_until: UnixMillis,
    /// The newest fact that it was told of.
    pub(crate) heard_of: BTreeMap<Partition, Sequence>,
}

impl Destination {
    pub(crate) fn new(party: Party, seed: u64) -> Self {
        let stores = if party.shared { 1 } else { usize::from(party.instances) };
        Self {
            number: party.number,
            party,
            dialler: Dialler::new(party, true),
            entries: BTreeMap::new(),
            stores: vec![BTreeMap::new(); stores],
            said: BTreeMap::new(),
            provisional: BTreeSet::new(),
            due: BTreeMap::new(),
            made: 0,
            random: Random::new(seed, 100 + u64::from(party.number.get())),
            frozen_until: UnixMillis::default(),
            heard_of: BTreeMap::new(),
        }
    }

    /// Nothing is to be said or asked, and every approval is known to be decided.
    pub(crate) fn is_settled(&self) -> bool {
        self.due.is_empty() && self.provisional.is_empty()
    }

    /// What it still waits for.
    pub(crate) fn unsettled(&self) -> Option<(TransactionKey, Option<&Entry>)> {
        self.provisional.first().map(|key| (*key, self.entries.get(key)))
    }

    /// A crash that takes its store along.
    pub(crate) fn forget(&mut self) {
        self.stores.iter_mut().for_each(BTreeMap::clear);
        self.provisional.clear();
        self.due.clear();
    }

    /// A crash: what was to be said is not.
    pub(crate) fn crash(&mut self) {
        self.due.clear();
    }

    fn store(&mut self, instance: usize) -> &mut BTreeMap<TransactionKey, Kept> {
        let at = if self.party.shared { 0 } else { instance };
        &mut self.stores[at]
    }

    fn later(&mut self, at: UnixMillis, instance: usize, due: Due) {
        self.made += 1;
        self.due.insert((at, self.made), (instance, due));
    }

    fn is_due(&self, due: Due) -> bool {
        self.due.values().any(|(_, other)| *other == due)
    }

    /// Dials and says what is due.
    pub(crate) fn act(&mut self, scene: &mut Scene<'_>) {
        let welcomed = self.dialler.keep(scene, &mut self.random);
        if !welcomed.is_empty() || self.random.percent(5) {
            self.ask_about_provisional(scene);
        }
        if self.frozen_until > scene.now {
            return;
        }
        let later = self.due.split_off(&(scene.now.plus(1), 0));
        let due = std::mem::replace(&mut self.due, later);
        for (instance, due) in due.into_values() {
            match self.dialler.wire_for(instance, scene.net) {
                Some(wire) => self.say(due, wire, scene),
                // The switch asks again; what it is asked about must be asked again.
                None if matches!(due, Due::Inquire(_)) => self.later(scene.now.plus(400), instance, due),
                None => {}
            }
        }
        self.intrude(scene);
    }

    /// What was approved over a wire that is gone, and not covered, is asked about.
    fn ask_about_provisional(&mut self, scene: &Scene<'_>) {
        let gone = |key: &&TransactionKey| {
            let said = self.entries.get(*key).map(|entry| &entry.answers[..]).unwrap_or_default();
            let on_its_way = said.iter().any(|said| self.dialler.has(said.wire) && scene.net.here(said.wire));
            !on_its_way && !self.is_due(Due::Inquire(**key))
        };
        let asked: Vec<TransactionKey> = self.provisional.iter().filter(gone).copied().collect();
        for key in asked {
            let pause = self.random.below(600);
            self.later(scene.now.plus(pause), 0, Due::Inquire(key));
        }
    }

    fn say(&mut self, due: Due, wire: WireId, scene: &mut Scene<'_>) {
        scene.trace.note(scene.now, || format!("{} says {due:?}", self.number));
        let (key, message) = match due {
            Due::Answer(key, reply) => {
                let lane = usize::from(lane_of(key.id, LANES));
                let entry = self.entries.get_mut(&key).expect("it was forwarded");
                let said = self.said.entry(wire).or_insert_with(|| vec![Vec::new(); usize::from(LANES)]);
                said[lane].push((key, entry.answers.len()));
                let known = scene.core_of(key.originator).transaction(key).is_some();
                entry.answers.push(Said { reply, wire, known, covered: false });
                if reply.outcome == Outcome::Approved {
                    self.provisional.insert(key);
                }
                (key, answer(key, reply))
            }
            Due::Acknowledge(key, delivery) => {
                if let Some(got) = self.entries.get_mut(&key).and_then(|e| e.deliveries.get_mut(&delivery)) {
                    got.acknowledged = true;
                }
                (key, acknowledge(key, delivery))
            }
            Due::Inquire(key) => {
                (key, Inquiry { id: key.id, originator: Some(key.originator), correlation: 1 }.into())
            }
        };
        scene.net.send(wire, 1 + usize::from(lane_of(key.id, LANES)), &[message], scene.now);
    }
}

fn acknowledge(key: TransactionKey, delivery: DeliveryNumber) -> Message {
    Message::Acknowledge(Acknowledge { original: key.id, originator: key.originator, delivery })
}

fn answer(key: TransactionKey, reply: Reply) -> Message {
    Message::Answer(Answer {
        id: key.id,
        originator: Some(key.originator),
        outcome: reply.outcome,
        state: State::None,
        reason: reply.reason,
        decided_by: DecidedBy::Destination,
        amount: reply.amount,
        approval_code: reply.approval_code,
        settlement_date: None,
        partition: Partition(0),
        epoch: Epoch(0),
        sequence: Sequence(0),
        retry_after_ms: 0,
        extensions: reply.extensions(),
    })
}
