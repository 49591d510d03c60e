//! One deadline for each open transaction: a hierarchical wheel of doubly linked lists.
//!
//! Setting and cancelling cost the same however many there are, and nothing stale stays behind. A deadline is reached at
//! its millisecond, never before it.

use holdfast_protocol::UnixMillis;

/// Slots of one level.
const SLOTS: usize = 64;
/// Six bits of the time for each level: 48 bits.
const LEVELS: usize = 8;
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Node {
    previous: u32,
    next: u32,
    deadline: u64,
    /// Level and slot of the list it is in; [`NONE`] for none.
    list: u32,
}

const UNSET: Node = Node { previous: NONE, next: NONE, deadline: 0, list: NONE };

/// See the module.
#[derive(Debug)]
pub(crate) struct Wheel {
    /// Everything before this has been taken.
    now: u64,
    nodes: Vec<Node>,
    /// First and last of each list.
    lists: Vec<(u32, u32)>,
    /// Which slots of each level have anything.
    filled: [u64; LEVELS],
}

impl Wheel {
    pub(crate) fn new() -> Self {
        Self {
            now: 0,
            nodes: Vec::with_capacity(super::ROOM),
            lists: vec![(NONE, NONE); SLOTS * LEVELS],
            filled: [0; LEVELS],
        }
    }

    /// Sets the deadline of a transaction in place of the one it had.
    pub(crate) fn set(&mut self, index: u32, deadline: UnixMillis) {
        self.cancel(index);
        if self.nodes.len() <= index as usize {
            self.nodes.resize(index as usize + 1, UNSET);
        }
        self.nodes[index as usize].deadline = deadline.get();
        self.link(index);
    }

    pub(crate) fn cancel(&mut self, index: u32) {
        let Some(node) = self.nodes.get(index as usize).copied().filter(|node| node.list != NONE) else {
            return;
        };
        let list = node.list as usize;
        match node.previous {
            NONE => self.lists[list].0 = node.next,
            previous => self.nodes[previous as usize].next = node.next,
        }
        match node.next {
            NONE => self.lists[list].1 = node.previous,
            next => self.nodes[next as usize].previous = node.previous,
        }
        if self.lists[list].0 == NONE {
            self.filled[list / SLOTS] &= !(1 << (list % SLOTS));
        }
        self.nodes[index as usize].list = NONE;
    }

    fn link(&mut self, index: u32) {
        let deadline = self.nodes[index as usize].deadline.max(self.now);
        let different = deadline ^ self.now;
        let level = (63 - (different | 1).leading_zeros()) / 6;
        let slot = deadline >> (6 * level) & 63;
        let level = (level as usize).min(LEVELS - 1);
        let list = level * SLOTS + usize::try_from(slot).expect("six bits");
        let last = self.lists[list].1;
        match last {
            NONE => self.lists[list].0 = index,
            last => self.nodes[last as usize].next = index,
        }
        self.lists[list].1 = index;
        let number = u32::try_from(list).expect("512 lists");
        let node = &mut self.nodes[index as usize];
        (node.previous, node.next, node.list) = (last, NONE, number);
        self.filled[level] |= 1 << slot;
    }

    /// The list that comes first: its level, its slot and when it begins.
    fn first(&self) -> Option<(usize, u64, u64)> {
        for (level, filled) in self.filled.iter().enumerate() {
            let shift = 6 * u32::try_from(level).expect("eight levels");
            let current = self.now >> shift & 63;
            // Slots before the current one cannot be filled: their time has passed.
            let ahead = filled & (u64::MAX << current);
            if ahead != 0 {
                let slot = u64::from(ahead.trailing_zeros());
                let begin = (self.now >> shift >> 6 << 6 | slot) << shift;
                return Some((level, slot, begin.max(self.now)));
            }
        }
        None
    }

    /// No later than the next deadline; earlier where a list must be split first.
    pub(crate) fn next(&self) -> Option<u64> {
        self.first().map(|(_, _, begin)| begin)
    }

    /// Takes one transaction whose deadline is not after `now`, the earliest first.
    pub(crate) fn take(&mut self, now: UnixMillis) -> Option<u32> {
        loop {
            let Some((level, slot, begin)) = self.first().filter(|(_, _, begin)| *begin <= now.get()) else {
                self.now = self.now.max(now.get());
                return None;
            };
            self.now = begin;
            let list = level * SLOTS + usize::try_from(slot).expect("six bits");
            let index = self.lists[list].0;
            self.cancel(index);
            if level == 0 {
                return Some(index);
            }
            // Move the whole list to lower levels, now that its time has begun.
            self.link(index);
            while self.lists[list].0 != NONE {
                let index = self.lists[list].0;
                self.cancel(index);
                self.link(index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millis: u64) -> UnixMillis {
        UnixMillis::new(millis).unwrap()
    }

    proptest! {
        #[test]
        fn each_deadline_is_reached_once_and_at_its_time(
            deadlines in prop::collection::vec((0_u64..300_000, any::<bool>()), 1..200),
            steps in prop::collection::vec(0_u64..20_000, 1..60),
        ) {
            let mut wheel = Wheel::new();
            let mut expected = Vec::new();
            for (index, (deadline, cancel)) in (0_u32..).zip(&deadlines) {
                wheel.set(index, at(*deadline));
                if *cancel {
                    wheel.cancel(index);
                } else {
                    expected.push((*deadline, index));
                }
            }
            expected.sort_unstable();
            let mut now = 0;
            for step in steps.into_iter().chain([400_000]) {
                now += step;
                let due = expected.iter().take_while(|(deadline, _)| *deadline <= now).count();
                if let Some((first, _)) = expected.first() {
                    prop_assert!(wheel.next().is_some_and(|next| next <= *first));
                }
                let mut taken: Vec<u32> = std::iter::from_fn(|| wheel.take(at(now))).collect();
                let mut due: Vec<u32> = expected.drain(..due).map(|(_, index)| index).collect();
                taken.sort_unstable();
                due.sort_unstable();
                prop_assert_eq!(taken, due);
            }
            prop_assert!(wheel.next().is_none());
        }
    }
}
