//! A destination whose own memory survives everything: recognises forwards and deliveries, answers the same again, keeps
//! silent now and then, and holds the switch to what it was promised.

use std::collections::BTreeMap;

use holdfast_protocol::{
    Acknowledge, Amount, Answer, ApprovalCode, Authorize, DecidedBy, DeliveryNumber, Epoch, Extensions,
    Inquiry, Message, Outcome, ParticipantNumber, Partition, Reason, RequestId, Sequence, State, Status,
    TransactionKey, UnixMillis,
};

use crate::link::{LANES, Link, lane};
use crate::random::Random;
use crate::switch::number;

/// What it decided about a forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    Approve(Amount),
    Decline,
    Silence,
}

/// What a delivery does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Capture { id: RequestId, amount: Amount, last: bool },
    Release { id: RequestId, expired: bool },
    Reverse { id: RequestId },
}

/// What it keeps of a transaction.
#[derive(Debug, Default)]
pub(crate) struct Entry {
    /// The forward and the decision; none where a reversal came first.
    pub(crate) forward: Option<(Authorize, Decision)>,
    /// The answer left at least once.
    pub(crate) answered: bool,
    /// The switch said that the answer is decided.
    pub(crate) covered: bool,
    /// What was delivered, and whether it was acknowledged.
    pub(crate) deliveries: BTreeMap<DeliveryNumber, (Task, bool)>,
}

impl Entry {
    pub(crate) fn tasks(&self) -> impl Iterator<Item = Task> {
        self.deliveries.values().map(|(task, _)| *task)
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

    /// What it approved and told.
    pub(crate) fn approved(&self) -> Option<Amount> {
        match self.forward {
            Some((_, Decision::Approve(amount))) if self.answered => Some(amount),
            Some(_) | None => None,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Answer(TransactionKey),
    Acknowledge(TransactionKey, DeliveryNumber),
    Inquire(TransactionKey),
}

/// See the module.
pub(crate) struct Destination {
    pub(crate) number: ParticipantNumber,
    pub(crate) link: Option<Link>,
    pub(crate) entries: BTreeMap<TransactionKey, Entry>,
    /// Whose answers left over the lanes of this link, in order.
    answers: Vec<Vec<TransactionKey>>,
    due: Vec<(UnixMillis, Due)>,
    random: Random,
}

impl Destination {
    pub(crate) fn new(n: u16, seed: u64) -> Self {
        Self {
            number: number(n),
            link: None,
            entries: BTreeMap::new(),
            answers: Vec::new(),
            due: Vec::new(),
            random: Random::new(seed, u64::from(n)),
        }
    }

    /// A new link: what was approved and not covered is asked about.
    pub(crate) fn linked(&mut self, link: Link, now: UnixMillis) {
        self.link = Some(link);
        self.answers = vec![Vec::new(); usize::from(LANES)];
        let provisional = |e: &Entry| e.approved().is_some() && !e.covered && !e.reversed();
        let provisional =
            self.entries.iter().filter(|(_, e)| provisional(e)).map(|(key, _)| Due::Inquire(*key));
        let at = now.plus(100);
        self.due.retain(|(_, due)| !matches!(due, Due::Inquire(_)));
        self.due.extend(provisional.map(|due| (at, due)));
    }

    /// Nothing is to be said or asked.
    pub(crate) fn is_settled(&self) -> bool {
        self.due.is_empty()
    }

    /// Says what is due. What cannot be said because there is no link is asked for again by the switch.
    pub(crate) fn act(&mut self, now: UnixMillis) -> Result<(), String> {
        let (due, later) = self.due.drain(..).partition(|(at, _)| *at <= now);
        self.due = later;
        let mut due: Vec<(UnixMillis, Due)> = due;
        due.sort();
        let Some(link) = self.link.as_mut() else { return Ok(()) };
        for (_, due) in due {
            let (key, message) = match due {
                Due::Answer(key) => {
                    let entry = self.entries.get_mut(&key).expect("it was forwarded");
                    let Some((_, decision)) = &entry.forward else { continue };
                    let Some(message) = answer(key, *decision) else { continue };
                    entry.answered = true;
                    self.answers[usize::from(lane(key.id))].push(key);
                    (key, message)
                }
                Due::Acknowledge(key, delivery) => {
                    let entry = self.entries.get_mut(&key).expect("something was delivered");
                    entry.deliveries.get_mut(&delivery).expect("it was delivered").1 = true;
                    let (original, originator) = (key.id, key.originator);
                    (key, Message::Acknowledge(Acknowledge { original, originator, delivery }))
                }
                Due::Inquire(key) => {
                    let inquiry = Inquiry { id: key.id, originator: Some(key.originator), correlation: 1 };
                    (key, Message::Inquiry(inquiry))
                }
            };
            link.send(lane(key.id), &[message])?;
        }
        Ok(())
    }

    /// Reads everything that has come.
    pub(crate) fn read(&mut self, now: UnixMillis) -> Result<(), String> {
        let Some(link) = self.link.as_mut() else { return Ok(()) };
        for (lane, message) in link.read()? {
            match message {
                Message::Authorize(m) => self.forward(m, now)?,
                Message::Capture(m) => {
                    let task = Task::Capture { id: m.id, amount: m.amount, last: m.last };
                    self.deliver(m.originator, m.original, m.delivery, m.repeat, task, now)?;
                }
                Message::Release(m) => {
                    let task = Task::Release { id: m.id, expired: m.expired };
                    self.deliver(m.originator, m.original, m.delivery, m.repeat, task, now)?;
                }
                Message::Reverse(m) => {
                    let task = Task::Reverse { id: m.id };
                    self.deliver(m.originator, m.original, m.delivery, m.repeat, task, now)?;
                }
                Message::DecidedThrough(m) => self.decided_through(lane, m.count)?,
                Message::Status(m) => self.status(&m, now)?,
                Message::Complete(m) => {
                    let key = TransactionKey { originator: m.originator, id: m.original };
                    let entry = self.entries.get(&key);
                    let acknowledged = entry.is_some_and(|e| e.deliveries.values().all(|(_, told)| *told));
                    ensure!(acknowledged, "{key} is complete, here it is {entry:?}");
                }
                other => return Err(format!("a destination is sent {other:?}")),
            }
        }
        Ok(())
    }

    fn forward(&mut self, m: Authorize, now: UnixMillis) -> Result<(), String> {
        let key = m.key().ok_or("a forward without originator")?;
        if let Some(entry) = self.entries.get(&key) {
            let Some((first, decision)) = &entry.forward else {
                return Err(format!("{key} was reversed before it came, and comes now"));
            };
            let (budget_ms, repeat, attempt) = (m.budget_ms, m.repeat, m.attempt);
            ensure!(
                *first
                    == Authorize {
                        budget_ms: first.budget_ms,
                        repeat: first.repeat,
                        attempt: first.attempt,
                        ..m.clone()
                    },
                "I2: {key} is forwarded as {m:?}, before as {first:?}"
            );
            ensure!(repeat, "I2: {key} is forwarded twice as new, attempt {attempt}, {budget_ms} ms left");
            if *decision != Decision::Silence && !self.due.iter().any(|(_, due)| *due == Due::Answer(key)) {
                self.due.push((now, Due::Answer(key)));
            }
            return Ok(());
        }
        let random = &mut self.random;
        let mut wait = random.below(300);
        let decision = match random.below(100) {
            0..80 if m.partial_allowed && random.percent(50) => {
                Decision::Approve(Amount::from_minor(m.amount.minor() / 2 + 1).unwrap())
            }
            0..73 => Decision::Approve(m.amount),
            73..80 => {
                wait = u64::from(m.budget_ms) + random.below(2_000);
                Decision::Approve(m.amount)
            }
            80..92 => Decision::Decline,
            _ => Decision::Silence,
        };
        self.entries.insert(key, Entry { forward: Some((m, decision)), ..Entry::default() });
        if decision != Decision::Silence {
            self.due.push((now.plus(wait), Due::Answer(key)));
        }
        Ok(())
    }

    fn deliver(
        &mut self,
        originator: Option<ParticipantNumber>,
        original: RequestId,
        number: Option<DeliveryNumber>,
        repeat: bool,
        task: Task,
        now: UnixMillis,
    ) -> Result<(), String> {
        let (Some(originator), Some(number)) = (originator, number) else {
            return Err(format!("a delivery without originator or number: {task:?}"));
        };
        let key = TransactionKey { originator, id: original };
        let entry = self.entries.entry(key).or_default();
        match entry.deliveries.get(&number) {
            Some((before, _)) => {
                ensure!(*before == task, "{key}: delivery {number:?} was {before:?}, now {task:?}");
                ensure!(repeat, "{key}: {task:?} comes again without the repeat flag");
            }
            None => {
                let open = entry.deliveries.iter().find(|(n, (_, told))| **n >= number || !told);
                ensure!(open.is_none(), "{key}: delivery {number:?} {task:?} overtakes {open:?}");
                let over = entry.reversed();
                ensure!(!over, "{key} was reversed, now {task:?}");
                ensure!(
                    !entry.ended() || matches!(task, Task::Reverse { .. }),
                    "{key} was ended, now {task:?}"
                );
                entry.deliveries.insert(number, (task, false));
            }
        }
        let due = Due::Acknowledge(key, number);
        // Some acknowledgements are lost, and the delivery comes again.
        if !self.random.percent(15) && !self.due.iter().any(|(_, d)| *d == due) {
            self.due.push((now.plus(self.random.below(200)), due));
        }
        Ok(())
    }

    fn decided_through(&mut self, lane: u8, count: u64) -> Result<(), String> {
        let count = usize::try_from(count).unwrap();
        let sent = &self.answers[usize::from(lane)];
        ensure!(count <= sent.len(), "decided through {count}, and only {} answers left", sent.len());
        for key in &sent[..count] {
            self.entries.get_mut(key).expect("it was answered").covered = true;
        }
        Ok(())
    }

    fn status(&mut self, status: &Status, now: UnixMillis) -> Result<(), String> {
        let Some(originator) = status.originator else { return Err(format!("about whom is {status:?}")) };
        let key = TransactionKey { originator, id: status.id };
        ensure!(
            status.reason == Reason::None,
            "{key} was forwarded, and the switch says {:?}",
            status.reason
        );
        if status.state == State::Pending {
            self.due.push((now.plus(500), Due::Inquire(key)));
        } else {
            self.entries.get_mut(&key).ok_or("a status of nothing known")?.covered = true;
        }
        Ok(())
    }
}

fn answer(key: TransactionKey, decision: Decision) -> Option<Message> {
    let (outcome, reason, amount) = match decision {
        Decision::Approve(amount) => (Outcome::Approved, Reason::None, amount),
        Decision::Decline => (Outcome::Declined, Reason::InsufficientFunds, Amount::ZERO),
        Decision::Silence => return None,
    };
    Some(Message::Answer(Answer {
        id: key.id,
        originator: Some(key.originator),
        outcome,
        state: State::None,
        reason,
        decided_by: DecidedBy::Destination,
        amount,
        approval_code: ApprovalCode::NONE,
        settlement_date: None,
        partition: Partition(0),
        epoch: Epoch(0),
        sequence: Sequence(0),
        retry_after_ms: 0,
        extensions: Extensions::NONE,
    }))
}
