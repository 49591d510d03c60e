//! Transactions as a destination finds them that is played apart from the operators: it cannot tell from an id which run and
//! which operation it belongs to, so it numbers what comes in the order in which it comes.
//!
//! A refund stands under the number of its payment, so that both are forgotten together.

use std::collections::BTreeMap;

use holdfast_protocol::{ParticipantNumber, RequestId, UnixMillis};

use super::Key;
use crate::operation_id::IdFields;

/// See the module.
#[derive(Debug)]
pub struct Known {
    /// Places of the operators, in the order in which they came.
    operators: BTreeMap<ParticipantNumber, u32>,
    operators_max: u32,
    /// By id first, so that the oldest stand together.
    ids: BTreeMap<(RequestId, u32), IdFields>,
    /// The next number of each operator.
    next: Vec<u64>,
}

/// The step of whatever refunds a payment: its number is that of the payment.
const REFUND_STEP: u8 = 1;

impl Known {
    /// Nothing has come. More operators than these are strangers.
    pub fn new(operators_max: u32) -> Self {
        let next = (0..operators_max).map(|_| 0).collect();
        Self { operators: BTreeMap::new(), operators_max, ids: BTreeMap::new(), next }
    }

    /// The operators that came, each with its place.
    pub fn places(&self) -> Vec<(ParticipantNumber, u32)> {
        self.operators.iter().map(|(number, place)| (*number, *place)).collect()
    }

    fn place(&mut self, originator: ParticipantNumber) -> Option<u32> {
        if let Some(place) = self.operators.get(&originator) {
            return Some(*place);
        }
        let place = u32::try_from(self.operators.len()).ok().filter(|place| *place < self.operators_max)?;
        self.operators.insert(originator, place);
        Some(place)
    }

    /// A transaction that has come before.
    pub(super) fn find(&self, originator: ParticipantNumber, id: RequestId) -> Option<Key> {
        let operator = *self.operators.get(&originator)?;
        self.ids.get(&(id, operator)).map(|fields| Key { operator, fields: *fields })
    }

    /// A transaction, whether or not it has come before; `None` for one of an operator too many.
    pub(super) fn take(&mut self, originator: ParticipantNumber, id: RequestId) -> Option<Key> {
        let operator = self.place(originator)?;
        if let Some(fields) = self.ids.get(&(id, operator)) {
            return Some(Key { operator, fields: *fields });
        }
        let next = self.next.get_mut(operator as usize)?;
        let fields = IdFields { number: *next, step: 0, slot: 0 };
        *next += 1;
        self.ids.insert((id, operator), fields);
        Some(Key { operator, fields })
    }

    /// A refund of a payment. One that a reversal came before stands there as what that reversal took it for.
    pub(super) fn take_refund(
        &mut self,
        originator: ParticipantNumber,
        refund: RequestId,
        payment: RequestId,
    ) -> Option<Key> {
        if let Some(key) = self.find(originator, refund) {
            return Some(key);
        }
        let Key { operator, fields } = self.take(originator, payment)?;
        let fields = IdFields { step: REFUND_STEP, ..fields };
        self.ids.insert((refund, operator), fields);
        Some(Key { operator, fields })
    }

    /// Forgets ids that were made before.
    pub fn forget(&mut self, before: UnixMillis) {
        let first = (RequestId::new(before, 0), 0);
        if self.ids.first_key_value().is_some_and(|(id, _)| *id < first) {
            self.ids = self.ids.split_off(&first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(created_ms: u64, rest: u128) -> RequestId {
        RequestId::new(UnixMillis::new(created_ms).unwrap(), rest)
    }

    fn operator(number: u16) -> ParticipantNumber {
        ParticipantNumber::new(number).unwrap()
    }

    #[test]
    fn what_comes_is_numbered_in_the_order_in_which_it_comes_for_each_operator() {
        let mut known = Known::new(2);
        let mut number =
            |of, rest| known.take(operator(of), id(1_000, rest)).map(|k| (k.operator, k.fields.number));
        assert_eq!(number(7, 1), Some((0, 0)));
        assert_eq!(number(7, 2), Some((0, 1)));
        assert_eq!(number(9, 1), Some((1, 0)), "another operator's equal id is another transaction (rule 2)");
        assert_eq!(number(7, 1), Some((0, 0)));
        assert_eq!(number(8, 3), None, "one operator too many");
    }

    #[test]
    fn a_refund_stands_under_the_number_of_its_payment() {
        let mut known = Known::new(1);
        known.take(operator(7), id(1_000, 1));
        let payment = known.take(operator(7), id(1_000, 2)).unwrap();
        let refund = known.take_refund(operator(7), id(1_001, 3), id(1_000, 2)).unwrap();
        assert_eq!((refund.fields.number, refund.fields.step), (payment.fields.number, REFUND_STEP));
        let found = known.find(operator(7), id(1_001, 3)).unwrap();
        assert_eq!(found.fields, refund.fields);
    }

    #[test]
    fn old_ids_are_forgotten_and_young_ones_kept() {
        let mut known = Known::new(1);
        known.take(operator(7), id(1_000, 1));
        known.take(operator(7), id(9_000, 2));
        known.forget(UnixMillis::new(5_000).unwrap());
        assert!(known.find(operator(7), id(1_000, 1)).is_none());
        assert_eq!(known.find(operator(7), id(9_000, 2)).map(|key| key.fields.number), Some(1));
    }
}
