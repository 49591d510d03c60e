//! Which answers of one lane are decided. Several partitions decide them, each in the order in which its own came; the destination
//! hears of them in the order of the lane: the first n.

use std::collections::VecDeque;

use holdfast_protocol::Partition;

/// The answers of one lane, since it was opened.
///
/// What is kept grows only while partitions are at different places, and they take their answers from bounded queues (I8).
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// Those that are not told yet, as they came: so many in a row for one partition.
    runs: VecDeque<(Partition, u64)>,
    /// Of each partition, decided and not told yet.
    decided: Vec<u64>,
    /// How many of the first are decided.
    told: u64,
}

impl Answers {
    /// So many came for a partition. Said before the partition can decide any of them.
    pub(super) fn came(&mut self, partition: Partition, answers: u64) {
        match self.runs.back_mut() {
            Some((last, count)) if *last == partition => *count += answers,
            Some(_) | None => self.runs.push_back((partition, answers)),
        }
    }

    /// A partition has decided so many more. Returns how many of the first are decided now, where that has grown.
    pub(super) fn decided(&mut self, partition: Partition, answers: u64) -> Option<u64> {
        let place = usize::from(partition.0);
        if self.decided.len() <= place {
            self.decided.resize(place + 1, 0);
        }
        self.decided[place] += answers;
        let before = self.told;
        while let Some((partition, count)) = self.runs.front_mut() {
            let decided = self.decided.get_mut(usize::from(partition.0)).filter(|decided| **decided > 0);
            let Some(decided) = decided else { break };
            let now = (*count).min(*decided);
            *count -= now;
            *decided -= now;
            self.told += now;
            if *count == 0 {
                self.runs.pop_front();
            }
        }
        (self.told > before).then_some(self.told)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ONE: Partition = Partition(0);
    const OTHER: Partition = Partition(1);

    #[test]
    fn one_partition_tells_what_it_has_decided() {
        let mut answers = Answers::default();
        answers.came(ONE, 3);
        answers.came(ONE, 4);
        assert_eq!(answers.decided(ONE, 2), Some(2));
        assert_eq!(answers.decided(ONE, 5), Some(7));
        assert!(answers.runs.is_empty());
    }

    #[test]
    fn what_comes_later_is_not_told_before_what_came_earlier() {
        let mut answers = Answers::default();
        answers.came(ONE, 2);
        answers.came(OTHER, 3);
        answers.came(ONE, 1);
        assert_eq!(answers.decided(OTHER, 3), None, "the first two are not decided");
        assert_eq!(answers.decided(ONE, 1), Some(1));
        assert_eq!(answers.decided(ONE, 2), Some(6));
    }

    proptest! {
        /// Against the plainest form: one entry an answer.
        #[test]
        fn it_is_the_longest_decided_beginning(
            runs in prop::collection::vec((0_u16..4, 1_u64..5), 1..30),
            order in prop::collection::vec(0_u16..4, 1..200),
        ) {
            let mut answers = Answers::default();
            let mut each: Vec<(u16, bool)> = Vec::new();
            for (partition, count) in runs {
                answers.came(Partition(partition), count);
                each.extend((0..count).map(|_| (partition, false)));
            }
            let mut told = 0;
            for partition in order {
                let Some(next) = each.iter_mut().find(|(of, decided)| *of == partition && !decided) else { continue };
                next.1 = true;
                told = answers.decided(Partition(partition), 1).unwrap_or(told);
                prop_assert_eq!(told, each.iter().take_while(|(_, decided)| *decided).count() as u64);
            }
        }
    }
}
