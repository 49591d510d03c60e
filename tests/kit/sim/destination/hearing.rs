//! What a destination makes of what it is sent, and what it holds the switch to.

use holdfast_protocol::{
    Authorize, DeliveryNumber, Message, ParticipantNumber, Reason, RequestId, State, Status, TransactionKey,
};

use super::{Destination, Due, Got, Task};
use crate::sim::checks::{i1, i2, i5};
use crate::sim::faults::Fault;
use crate::sim::network::WireId;
use crate::sim::refunds::as_payment;
use crate::sim::scene::Scene;
use crate::sim::violation::{Verdict, Violation, ensure};

/// A delivery as it came.
struct Delivery {
    key: TransactionKey,
    number: DeliveryNumber,
    repeat: bool,
    attempt: u8,
    task: Task,
}

impl Delivery {
    fn new(
        originator: Option<ParticipantNumber>,
        original: RequestId,
        number: Option<DeliveryNumber>,
        (repeat, attempt): (bool, u8),
        task: Task,
    ) -> Verdict<Self> {
        let (Some(originator), Some(number)) = (originator, number) else {
            return Err(Violation::new("protocol", format!("no originator or number: {task:?}")));
        };
        let key = TransactionKey { originator, id: original };
        Ok(Self { key, number, repeat, attempt, task })
    }
}

impl Destination {
    /// Reads everything that has come.
    pub(crate) fn read(&mut self, scene: &mut Scene<'_>) -> Verdict {
        let wires: Vec<_> = self.dialler.all().collect();
        for (instance, wire) in wires {
            for (lane, message) in scene.net.take(wire) {
                self.hear(instance, wire, lane, message, scene)?;
            }
        }
        Ok(())
    }

    fn hear(
        &mut self,
        instance: usize,
        wire: WireId,
        lane: u8,
        message: Message,
        scene: &mut Scene<'_>,
    ) -> Verdict {
        scene.trace.note(scene.now, || format!("{}/{instance} hears {message:?}", self.number));
        let delivery = match message {
            Message::Authorize(m) => return self.forward(m, instance, scene),
            Message::Refund(m) => return self.forward(as_payment(&m), instance, scene),
            Message::DecidedThrough(m) => return self.decided_through(wire, lane, m.count, scene),
            Message::Status(m) => return self.status(&m, scene),
            Message::Answer(m) if m.reason == Reason::RoleNotAgreed => {
                scene.coverage.reason(m.reason);
                return Ok(());
            }
            Message::Complete(m) => {
                let key = TransactionKey { originator: m.originator, id: m.original };
                return self.complete(key);
            }
            Message::Capture(m) => {
                let task =
                    Task::Capture { id: m.id, amount: m.amount, last: m.last, date: m.settlement_date };
                Delivery::new(m.originator, m.original, m.delivery, (m.repeat, m.attempt), task)?
            }
            Message::Release(m) => {
                let task = Task::Release { id: m.id, expired: m.expired };
                Delivery::new(m.originator, m.original, m.delivery, (m.repeat, m.attempt), task)?
            }
            Message::Reverse(m) => {
                let task = Task::Reverse { id: m.id };
                Delivery::new(m.originator, m.original, m.delivery, (m.repeat, m.attempt), task)?
            }
            other => return Err(Violation::new("protocol", format!("a destination is sent {other:?}"))),
        };
        self.deliver(delivery, instance, scene)
    }

    fn forward(&mut self, m: Authorize, instance: usize, scene: &mut Scene<'_>) -> Verdict {
        let Some(key) = m.key() else {
            return Err(Violation::new("protocol", "a forward without originator"));
        };
        let entry = self.entries.entry(key).or_default();
        i2::flagged(&format!("the forward of {key}"), m.repeat, m.attempt, entry.forwarded_as_new)?;
        entry.forwarded_as_new |= !m.repeat;
        match &entry.forward {
            Some(first) => {
                let same = Authorize {
                    budget_ms: first.budget_ms,
                    repeat: first.repeat,
                    attempt: first.attempt,
                    ..m.clone()
                };
                ensure!("I2", *first == same, "{key} is forwarded as {m:?}, before as {first:?}");
            }
            None => entry.forward = Some(m.clone()),
        }
        scene.gossip.push(key);
        if scene.gossip.len() > 30 {
            scene.gossip.remove(0);
        }
        let kept = self.store(instance).get(&key).copied().unwrap_or_default();
        if kept.reversed {
            // Promise 4: it was reversed before it came.
            let refusal = self.refuse();
            self.later(scene.now, instance, Due::Answer(key, refusal));
        } else if let Some(reply) = kept.reply {
            if !self.is_due(Due::Answer(key, reply)) {
                self.later(scene.now.plus(5), instance, Due::Answer(key, reply));
            }
        } else {
            self.decide(&m, key, instance, scene);
            self.acknowledge_unsent(&m, key, scene);
        }
        Ok(())
    }

    fn deliver(&mut self, delivery: Delivery, instance: usize, scene: &mut Scene<'_>) -> Verdict {
        let Delivery { key, number, repeat, attempt, task } = delivery;
        let entry = self.entries.entry(key).or_default();
        let as_new = entry.deliveries.get(&number).is_some_and(|got| got.as_new);
        i2::flagged(&format!("delivery {number:?} of {key}"), repeat, attempt, as_new)?;
        match entry.deliveries.get_mut(&number) {
            Some(got) => {
                ensure!(
                    "I2",
                    got.task == task,
                    "{key}: delivery {number:?} was {:?}, now {task:?}",
                    got.task
                );
                got.as_new |= !repeat;
            }
            None => {
                i5::follows(key, entry, number, task)?;
                i5::ends_in_time(key, entry, task, scene.time_high)?;
                entry.deliveries.insert(number, Got { task, as_new: !repeat, acknowledged: false });
            }
        }
        // Whatever is delivered was decided.
        self.provisional.remove(&key);
        if matches!(task, Task::Reverse { .. }) {
            self.store(instance).entry(key).or_default().reversed = true;
        }
        let due = Due::Acknowledge(key, number);
        // Some acknowledgements are lost, and the delivery comes again.
        if !scene.calm && self.random.percent(15) {
            scene.fault(Fault::AcknowledgementLost);
        } else if !self.is_due(due) {
            let pause = self.random.below(250);
            self.later(scene.now.plus(pause), instance, due);
        }
        self.acknowledge_wrongly(key, number, instance, scene);
        Ok(())
    }

    /// Nothing more comes: everything that came was acknowledged.
    fn complete(&mut self, key: TransactionKey) -> Verdict {
        let Some(entry) = self.entries.get(&key) else { return Ok(()) };
        // With several links a later delivery may have overtaken this.
        let single = self.party.instances == 1 && !entry.lied;
        let all = entry.deliveries.values().all(|got| got.acknowledged);
        ensure!("I5", all || !single, "{key} is complete, here it is {entry:?}");
        Ok(())
    }

    fn decided_through(&mut self, wire: WireId, lane: u8, count: u64, scene: &Scene<'_>) -> Verdict {
        let sent = self.said.get(&wire).map_or(&[][..], |lanes| &lanes[usize::from(lane)]);
        let left = sent.len() as u64;
        ensure!("I6", count <= left, "decided through {count}, and only {left} answers left");
        let newly: Vec<(TransactionKey, usize)> = sent[..count as usize].to_vec();
        for (key, answer) in newly {
            let entry = self.entries.get_mut(&key).expect("it was answered");
            let Some(said) = entry.answers.get_mut(answer).filter(|said| !said.covered) else { continue };
            // Promise 6: what it answers after the window nobody remembers, and it binds nobody.
            // Also where a later request has brought it back since.
            let remembered = said.known && scene.core_of(key.originator).transaction(key).is_some();
            said.covered = remembered || key.id.created() > scene.plan.remembered_from(scene.time_high);
            self.provisional.remove(&key);
            i5::covered(scene.core_of(key.originator), self.number, key, &self.entries[&key], scene)?;
        }
        Ok(())
    }

    fn status(&mut self, status: &Status, scene: &mut Scene<'_>) -> Verdict {
        let Some(originator) = status.originator else {
            return Err(Violation::new("protocol", format!("about whom is {status:?}")));
        };
        scene.coverage.reason(status.reason);
        let key = TransactionKey { originator, id: status.id };
        match status.reason {
            Reason::None if status.state == State::Pending => {
                self.later(scene.now.plus(400), 0, Due::Inquire(key));
            }
            Reason::None => {
                i1::told(status.sequence, scene.durable_of(originator))?;
                let heard_of = self.heard_of.entry(status.partition).or_default();
                *heard_of = status.sequence.max(*heard_of);
                self.provisional.remove(&key);
            }
            Reason::OriginalUnknown | Reason::OriginalUnavailable => {
                let forgotten = key.id.created() <= scene.plan.remembered_from(scene.time_high);
                ensure!("I2", forgotten, "{key} was forwarded, and the switch says {status:?}");
                self.provisional.remove(&key);
            }
            Reason::InquiryBudgetSpent | Reason::Busy => {
                self.later(scene.now.plus(900), 0, Due::Inquire(key));
            }
            other => ensure!("protocol", false, "an inquiry is answered with {other}"),
        }
        Ok(())
    }
}
