//! The deliveries among what is watched.

use holdfast_core::effect::{Delivery, Effect};
use holdfast_core::input::From;
use holdfast_core::transaction::delivery::{Event as DeliveryEvent, Progress, Step, next};
use holdfast_core::transaction::money::Event;
use holdfast_core::{Core, Fact};
use holdfast_protocol::{DeliveryNumber, TransactionKey, UnixMillis};

use super::{Before, Known, LOOKED_AT, Watched, key_of};
use crate::sim::violation::{Verdict, ensure};

impl Watched {
    /// Each transaction of the link meets its loss, and so do its deliveries.
    pub(super) fn link_lost(&mut self, core: &Core, from: From) {
        let of_link =
            |known: &Known| known.destination == from.participant && known.instance == Some(from.instance);
        let keys: Vec<TransactionKey> = self
            .known
            .iter()
            .rev()
            .filter(|(_, known)| of_link(known))
            .map(|(key, _)| *key)
            .take(LOOKED_AT)
            .collect();
        for key in keys {
            if let Some(view) = core.transaction(key) {
                self.coverage.money(view.money, Event::LinkLost);
                self.all_deliveries(core, key, DeliveryEvent::LinkLost);
            }
        }
    }

    /// An acknowledgement came: what the core makes of it is what the table says.
    pub(super) fn acknowledged(
        &mut self,
        before: &Before,
        from: From,
        number: DeliveryNumber,
        facts: &[Fact],
    ) -> Verdict {
        if before.view.destination != Some(from.participant) {
            return Ok(());
        }
        let Some(progress) = self.progress(before, number.0) else { return Ok(()) };
        let party = self.plan.destinations.iter().find(|party| party.number == from.participant);
        let instance = self.known.get(&before.key).and_then(|known| known.instance);
        let knows = party.is_some_and(|party| party.shared) || instance.is_none_or(|i| i == from.instance);
        let event = if knows { DeliveryEvent::Acknowledge } else { DeliveryEvent::AcknowledgeElsewhere };
        self.coverage.delivery(progress, event);
        let acknowledged = facts.iter().any(|fact| matches!(fact, Fact::Acknowledged { .. }));
        if acknowledged && before.view.undelivered.len() > 1 {
            self.coverage.delivery(Progress::Behind, DeliveryEvent::FirstNow);
        }
        // Whether instances share their store is known of links that live: of one that has ended since, it is not.
        let certain = !knows || instance.is_none_or(|i| i == from.instance);
        let expected = if certain { next(progress, event) == Step::To(Progress::Done) } else { acknowledged };
        let key = before.key;
        ensure!(
            "table",
            acknowledged == expected,
            "{key}: {number:?} was {progress:?}, then {event:?}: {facts:?}"
        );
        Ok(())
    }

    /// Where a delivery stands; none where there never was one with this number.
    fn progress(&self, before: &Before, number: u16) -> Option<Progress> {
        let known = self.known.get(&before.key)?;
        match before.view.undelivered.iter().position(|delivery| delivery.number().0 == number) {
            Some(0) if before.details.as_ref().is_some_and(|details| details.sends == 0) => {
                Some(Progress::Waiting)
            }
            Some(0) => Some(Progress::Sent),
            Some(_) => Some(Progress::Behind),
            None if known.superseded.contains(&number) => Some(Progress::Superseded),
            None => (number > 0 && number <= known.made).then_some(Progress::Done),
        }
    }

    pub(super) fn each_delivery(&mut self, before: &Before, event: DeliveryEvent) {
        let made = self.known.get(&before.key).map_or(0, |known| known.made);
        for number in 1..=made {
            if let Some(progress) = self.progress(before, number) {
                self.coverage.delivery(progress, event);
            }
        }
    }

    pub(super) fn all_deliveries(&mut self, core: &Core, key: TransactionKey, event: DeliveryEvent) {
        if let Some(view) = core.transaction(key) {
            self.each_delivery(&Before { key, view, details: core.open_details(key), lives: true }, event);
        }
    }

    /// A delivery leaves: when it leaves again has a limit (rule 7).
    pub(super) fn leaves(&mut self, core: &Core, effect: &Effect, now: UnixMillis) -> Verdict {
        let Effect::Deliver { delivery, .. } = effect else { return Ok(()) };
        let (originator, attempt) = match delivery {
            Delivery::Capture(m) => (m.originator, m.attempt),
            Delivery::Release(m) => (m.originator, m.attempt),
            Delivery::Reverse(m) => (m.originator, m.attempt),
        };
        let Some(originator) = originator else { return Ok(()) };
        let key = key_of(originator, delivery.original());
        let Some(known) = self.known.get_mut(&key) else { return Ok(()) };
        let number = delivery.number().0;
        let again = number <= known.sent;
        known.sent = known.sent.max(number);
        let (progress, event) = match (attempt, again) {
            (1, false) => (Progress::Waiting, DeliveryEvent::Room),
            (1, true) => (Progress::Sent, DeliveryEvent::Room),
            (_, _) => (Progress::Sent, DeliveryEvent::PauseOver),
        };
        self.coverage.delivery(progress, event);
        // Up to a quarter more than the longest pause.
        let latest = now.plus(self.plan.core.delivery_retry_max_ms * 5 / 4);
        let again = core.open_details(key).and_then(|details| details.next_send);
        ensure!(
            "liveness",
            again.is_none_or(|at| at <= latest),
            "{key} leaves again at {again:?} only, now is {now:?}"
        );
        Ok(())
    }
}
