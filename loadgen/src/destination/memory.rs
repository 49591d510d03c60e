//! What the destinations remember of each request: the deduplication that a destination promises (rule 2).
//!
//! The requests of this run carry their operator and a number without gaps in their id, so the memory is an array for
//! each operator instead of a hash table: eight bytes a request, touched in the order of arrival. Reservations have more
//! to remember and stand in a table of their own. Ids of other runs and strangers are never looked up here.
//!
//! Pages older than a request can be repeated are dropped.

mod refunded;

use std::collections::HashMap;

use holdfast_protocol::{DeliveryNumber, RequestId, UnixMillis};

pub use refunded::{RefundStanding, Refunded, Refunds};

/// What became of a request at its destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It never came.
    Unseen,
    /// Approved; a payment is captured with it.
    Approved,
    /// Approved, and the answer is on its way too late.
    Late,
    /// Declined.
    Declined,
    /// Received, and never to be answered.
    Silent,
    /// Undone by a reversal.
    Reversed,
    /// A reversal came before it: it will be refused (rule 11).
    Tombstone,
}

/// One remembered request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// What became of it.
    pub standing: Standing,
    /// Which destination got it, counted from zero as payees are.
    pub destination: u16,
    /// What was approved, in minor units.
    pub amount: u64,
}

/// A reservation or verification that was approved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hold {
    /// Approved.
    pub amount: u64,
    /// Captured so far.
    pub captured: u64,
    /// Which deliveries were applied: bit n for number n + 1.
    deliveries: u64,
    /// Captured finally, released, expired or reversed.
    pub ended: bool,
}

impl Hold {
    /// Notes a delivery; `false` where it was noted before.
    pub const fn note(&mut self, delivery: DeliveryNumber) -> bool {
        let bit = 1 << ((delivery.0.saturating_sub(1)) % 64);
        let is_new = self.deliveries & bit == 0;
        self.deliveries |= bit;
        is_new
    }
}

/// An entry: three bits of standing, seven of destination (128 at most), fourteen of the creation time, forty of the amount
/// (twelve digits).
const STANDING_AT: u32 = 61;
const DESTINATION_AT: u32 = 54;
const DESTINATION_MASK: u64 = (1 << 7) - 1;
const CREATED_AT: u32 = 40;
const CREATED_MASK: u64 = (1 << 14) - 1;
const AMOUNT_MASK: u64 = (1 << 40) - 1;

/// Entries of one page.
const PAGE_ENTRIES: usize = 8_192;

#[derive(Debug)]
struct Page {
    entries: Box<[u64]>,
    /// The latest creation time of an id in it.
    newest_ms: u64,
}

/// The memory of all destinations of the run.
#[derive(Debug)]
pub struct Memory {
    /// By operator, then by number.
    pages: Vec<Vec<Option<Page>>>,
    holds: HashMap<(u32, u64), Hold>,
    /// What was given back.
    pub refunds: Refunds,
    /// Pages before this one were dropped, by operator.
    dropped: Vec<usize>,
}

/// A request came under a number that another id has used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OtherId;

impl Memory {
    /// Nothing is remembered of any operator.
    pub fn new(operators: u32) -> Self {
        let operators = operators as usize;
        Self {
            pages: (0..operators).map(|_| Vec::new()).collect(),
            holds: HashMap::new(),
            refunds: Refunds::new(operators),
            dropped: vec![0; operators],
        }
    }

    /// What is remembered of a request.
    ///
    /// # Errors
    /// Where the number belongs to another id.
    #[inline]
    pub fn look_up(&self, operator: u32, number: u64, id: RequestId) -> Result<Remembered, OtherId> {
        let (page, at) = place(number);
        let entry = self.pages.get(operator as usize).and_then(|pages| pages.get(page)?.as_ref());
        let entry = entry.map_or(0, |page| page.entries[at]);
        let remembered = unpack(entry);
        if remembered.standing != Standing::Unseen && (entry >> CREATED_AT) & CREATED_MASK != created_bits(id)
        {
            return Err(OtherId);
        }
        Ok(remembered)
    }

    /// What became of the request with a number, whatever its id.
    pub fn standing_of(&self, operator: u32, number: u64) -> Standing {
        let (page, at) = place(number);
        let page = self.pages.get(operator as usize).and_then(|pages| pages.get(page)?.as_ref());
        page.map_or(Standing::Unseen, |page| unpack(page.entries[at]).standing)
    }

    /// Remembers a request.
    #[inline]
    pub fn remember(&mut self, operator: u32, number: u64, id: RequestId, remembered: Remembered) {
        let (page, at) = place(number);
        let Some(pages) = self.pages.get_mut(operator as usize) else { return };
        if page >= pages.len() {
            pages.resize_with(page + 1, || None);
        }
        let page = pages[page]
            .get_or_insert_with(|| Page { entries: vec![0; PAGE_ENTRIES].into_boxed_slice(), newest_ms: 0 });
        page.newest_ms = page.newest_ms.max(id.created().get());
        page.entries[at] = pack(remembered, id);
    }

    /// Remembers a refund for as long as the payment that it refunds, and that for as long as the refund can be repeated.
    pub fn remember_refund(&mut self, operator: u32, number: u64, refund: Refunded) {
        let (page, _) = place(number);
        let page = self.pages.get_mut(operator as usize).and_then(|pages| pages.get_mut(page)?.as_mut());
        if let Some(page) = page {
            page.newest_ms = page.newest_ms.max(refund.id.created().get());
        }
        self.refunds.remember(operator, number, refund);
    }

    /// The hold of an approved reservation.
    pub fn hold_mut(&mut self, operator: u32, number: u64) -> Option<&mut Hold> {
        self.holds.get_mut(&(operator, number))
    }

    /// Remembers an approved reservation.
    pub fn add_hold(&mut self, operator: u32, number: u64, amount: u64) {
        self.holds.insert((operator, number), Hold { amount, ..Hold::default() });
    }

    /// Nothing more will come for a reservation.
    pub fn complete(&mut self, operator: u32, number: u64) {
        self.holds.remove(&(operator, number));
    }

    /// Holds that have not ended.
    pub fn open_holds(&self) -> usize {
        self.holds.values().filter(|hold| !hold.ended).count()
    }

    /// Drops pages whose ids were all made before `before`.
    pub fn forget(&mut self, before: UnixMillis) {
        for (operator, (pages, dropped)) in self.pages.iter_mut().zip(&mut self.dropped).enumerate() {
            while let Some(page) = pages.get_mut(*dropped) {
                if page.as_ref().is_none_or(|page| page.newest_ms >= before.get()) {
                    break;
                }
                *page = None;
                *dropped += 1;
            }
            self.refunds.forget(operator, (*dropped * PAGE_ENTRIES) as u64);
        }
    }
}

#[inline]
const fn place(number: u64) -> (usize, usize) {
    let number = number as usize;
    (number / PAGE_ENTRIES, number % PAGE_ENTRIES)
}

const fn created_bits(id: RequestId) -> u64 {
    id.created().get() & CREATED_MASK
}

#[inline]
fn pack(remembered: Remembered, id: RequestId) -> u64 {
    let standing: u64 = match remembered.standing {
        Standing::Unseen => 0,
        Standing::Approved => 1,
        Standing::Late => 2,
        Standing::Declined => 3,
        Standing::Silent => 4,
        Standing::Reversed => 5,
        Standing::Tombstone => 6,
    };
    (standing << STANDING_AT)
        | ((u64::from(remembered.destination) & DESTINATION_MASK) << DESTINATION_AT)
        | (created_bits(id) << CREATED_AT)
        | (remembered.amount & AMOUNT_MASK)
}

#[inline]
const fn unpack(entry: u64) -> Remembered {
    let standing = match entry >> STANDING_AT {
        1 => Standing::Approved,
        2 => Standing::Late,
        3 => Standing::Declined,
        4 => Standing::Silent,
        5 => Standing::Reversed,
        6 => Standing::Tombstone,
        _ => Standing::Unseen,
    };
    let destination = ((entry >> DESTINATION_AT) & DESTINATION_MASK) as u16;
    Remembered { standing, destination, amount: entry & AMOUNT_MASK }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(created_ms: u64) -> RequestId {
        RequestId::new(UnixMillis::new(created_ms).unwrap(), 7)
    }

    #[test]
    fn what_was_remembered_is_found_and_nothing_else() {
        let mut memory = Memory::new(2);
        let remembered = Remembered { standing: Standing::Approved, destination: 5, amount: 999_999_999_999 };
        memory.remember(1, 20_000, id(1_000), remembered);
        assert_eq!(memory.look_up(1, 20_000, id(1_000)), Ok(remembered));
        assert_eq!(memory.look_up(1, 20_000, id(1_001)), Err(OtherId));
        for (operator, number) in [(0, 20_000), (1, 20_001), (1, 999_999_999), (7, 1)] {
            assert_eq!(memory.look_up(operator, number, id(1_000)).unwrap().standing, Standing::Unseen);
        }
    }

    #[test]
    fn every_standing_survives_packing() {
        use Standing as S;
        for standing in [S::Unseen, S::Approved, S::Late, S::Declined, S::Silent, S::Reversed, S::Tombstone] {
            let remembered = Remembered { standing, destination: 127, amount: 1 };
            assert_eq!(unpack(pack(remembered, id(3))), remembered);
        }
    }

    #[test]
    fn old_pages_are_dropped_and_young_ones_kept() {
        let mut memory = Memory::new(1);
        let remembered = Remembered { standing: Standing::Declined, destination: 0, amount: 1 };
        memory.remember(0, 1, id(1_000), remembered);
        memory.remember(0, 8_192, id(9_000), remembered);
        memory.forget(UnixMillis::new(5_000).unwrap());
        assert_eq!(memory.look_up(0, 1, id(1_000)).unwrap().standing, Standing::Unseen);
        assert_eq!(memory.look_up(0, 8_192, id(9_000)).unwrap().standing, Standing::Declined);
    }

    #[test]
    fn a_delivery_is_noted_once() {
        let mut hold = Hold::default();
        assert!(hold.note(DeliveryNumber(1)));
        assert!(hold.note(DeliveryNumber(2)));
        assert!(!hold.note(DeliveryNumber(1)));
    }
}
