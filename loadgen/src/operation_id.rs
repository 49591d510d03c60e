//! Request ids from which the generator finds its own state without a hash table.
//!
//! The 80 bits after the creation time of an id:
//!
//! | bits | field |
//! | --- | --- |
//! | 16 | check: a hash of the run, the operator and the number, so that an id of nobody's is noticed |
//! | 36 | number of the operation |
//! | 4 | step: 0 the authorize, then each request that refers to it |
//! | 24 | slot in the operator's table |
//!
//! The number and the step never repeat within a run, and the creation time tells runs apart. The slot is a hint:
//! whoever uses it compares the whole id.

use holdfast_protocol::{RequestId, UnixMillis};

use crate::random::mix;

const SLOT_BITS: u32 = 24;
const STEP_BITS: u32 = 4;
const NUMBER_BITS: u32 = 36;

/// The most operations of one operator in flight at once.
pub const SLOTS_MAX: u32 = 1 << SLOT_BITS;
/// The highest step.
pub const STEP_MAX: u8 = (1 << STEP_BITS) - 1;
/// The most operations of one operator in a run.
pub const NUMBER_MAX: u64 = (1 << NUMBER_BITS) - 1;

/// What tells the ids of one operator in one run from all others.
#[derive(Clone, Copy, Debug)]
pub struct IdSpace {
    salt: u64,
}

/// The fields of an id of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdFields {
    /// Number of the operation.
    pub number: u64,
    /// Which of its requests.
    pub step: u8,
    /// Where its state lies.
    pub slot: u32,
}

impl IdSpace {
    /// The ids of an operator, counted from zero, in the run with this number.
    pub const fn new(run: u64, operator: u32) -> Self {
        Self { salt: mix(run ^ mix(operator as u64 + 1)) }
    }

    /// The id of a request.
    #[inline]
    pub const fn id(self, created: UnixMillis, fields: IdFields) -> RequestId {
        let number = fields.number & NUMBER_MAX;
        let step = (fields.step & STEP_MAX) as u128;
        let slot = (fields.slot & (SLOTS_MAX - 1)) as u128;
        let rest = ((self.check(number) as u128) << (NUMBER_BITS + STEP_BITS + SLOT_BITS))
            | ((number as u128) << (STEP_BITS + SLOT_BITS))
            | (step << SLOT_BITS)
            | slot;
        RequestId::new(created, rest)
    }

    /// The fields of an id; `None` where it was not made in this space.
    #[inline]
    pub const fn fields(self, id: RequestId) -> Option<IdFields> {
        let rest = id.get();
        let slot = (rest as u32) & (SLOTS_MAX - 1);
        let step = ((rest >> SLOT_BITS) as u8) & STEP_MAX;
        let number = ((rest >> (STEP_BITS + SLOT_BITS)) as u64) & NUMBER_MAX;
        let check = (rest >> (NUMBER_BITS + STEP_BITS + SLOT_BITS)) as u16;
        if check == self.check(number) { Some(IdFields { number, step, slot }) } else { None }
    }

    const fn check(self, number: u64) -> u16 {
        mix(self.salt ^ number) as u16
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_id_gives_back_what_it_was_made_of(
            run: u64, operator in 0_u32..64, number in 0..=NUMBER_MAX, step in 0..=STEP_MAX, slot in 0..SLOTS_MAX,
            created in 0_u64..(1 << 48),
        ) {
            let space = IdSpace::new(run, operator);
            let fields = IdFields { number, step, slot };
            let id = space.id(UnixMillis::new(created).unwrap(), fields);
            prop_assert_eq!(space.fields(id), Some(fields));
            prop_assert_eq!(id.created().get(), created);
        }
    }

    #[test]
    fn ids_of_other_runs_and_operators_are_strangers() {
        let created = UnixMillis::new(1_800_000_000_000).unwrap();
        let ours = IdSpace::new(1, 0);
        let strangers = [IdSpace::new(1, 1), IdSpace::new(2, 0)];
        let taken_for_ours = (0..100_000_u64)
            .flat_map(|number| strangers.map(|s| s.id(created, IdFields { number, step: 0, slot: 0 })))
            .filter(|id| ours.fields(*id).is_some())
            .count();
        // One in 65,536 passes the check by chance; the whole id is compared after it.
        assert!(taken_for_ours < 30, "{taken_for_ours}");
    }
}
