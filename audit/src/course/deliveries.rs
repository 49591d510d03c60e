//! What the destination must hear: queued by facts about money, and acknowledged.

use super::{Course, Delivery};
use crate::history::Message;
use crate::journal::Fact;

impl Course {
    pub(super) fn deliver(&mut self, fact: &Fact, at: usize, message: Message) {
        let number = u16::try_from(self.deliveries.len() + 1).unwrap_or(u16::MAX);
        self.deliveries.push(Delivery {
            number,
            message,
            id: fact.id,
            amount: fact.amount,
            last: message == Message::Capture && self.open() == 0,
            fact: at,
            acknowledged: None,
            superseded: false,
        });
    }

    pub(super) fn acknowledge(&mut self, fact: &Fact, at: usize) -> Option<u16> {
        let Some(delivery) = self.deliveries.iter_mut().find(|d| d.number == fact.delivery) else {
            return self.fault(at, format!("delivery {} was acknowledged and never decided", fact.delivery));
        };
        if delivery.acknowledged.is_some() {
            let what = format!("delivery {} was acknowledged before", fact.delivery);
            return self.fault(at, what);
        }
        delivery.acknowledged = Some(at);
        None
    }
}
