//! The pending transactions of each destination, so that a link that comes or goes concerns only its own.

/// No transaction.
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Node {
    previous: u32,
    next: u32,
    /// The destination's number; zero where it is in no list.
    list: u16,
}

/// Doubly linked lists over the numbers of transactions.
#[derive(Debug, Default)]
pub(crate) struct PendingLists {
    nodes: Vec<Node>,
    /// First and last, by destination.
    lists: Vec<(u32, u32)>,
}

impl PendingLists {
    pub(crate) fn add(&mut self, list: u16, index: u32) {
        if self.nodes.len() <= index as usize {
            self.nodes.resize(index as usize + 1, Node { previous: NONE, next: NONE, list: 0 });
        }
        if self.lists.len() <= usize::from(list) {
            self.lists.resize(usize::from(list) + 1, (NONE, NONE));
        }
        assert_eq!(self.nodes[index as usize].list, 0, "a transaction is pending once");
        let ends = &mut self.lists[usize::from(list)];
        self.nodes[index as usize] = Node { previous: ends.1, next: NONE, list };
        match ends.1 {
            NONE => ends.0 = index,
            last => self.nodes[last as usize].next = index,
        }
        ends.1 = index;
    }

    /// Whether it was in a list.
    pub(crate) fn remove(&mut self, index: u32) -> bool {
        let Some(node) = self.nodes.get(index as usize).copied().filter(|node| node.list != 0) else {
            return false;
        };
        let list = usize::from(node.list);
        match node.previous {
            NONE => self.lists[list].0 = node.next,
            previous => self.nodes[previous as usize].next = node.next,
        }
        match node.next {
            NONE => self.lists[list].1 = node.previous,
            next => self.nodes[next as usize].previous = node.previous,
        }
        self.nodes[index as usize].list = 0;
        true
    }

    /// In the order in which they were added.
    pub(crate) fn iter(&self, list: u16) -> impl Iterator<Item = u32> {
        let mut at = self.lists.get(usize::from(list)).map_or(NONE, |ends| ends.0);
        std::iter::from_fn(move || {
            let index = at;
            if index == NONE {
                return None;
            }
            at = self.nodes[index as usize].next;
            Some(index)
        })
    }
}
