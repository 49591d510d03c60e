//! New work that has arrived and is not decided yet: one queue a participant, served in turn.
//!
//! Nobody's flood delays another's request by more than a quota. The queues are bounded by the window of each link,
//! which sessions enforce before a request gets here (I8).

use std::collections::VecDeque;
use std::time::Instant;

use holdfast_core::Input;
use holdfast_protocol::ParticipantNumber;

/// Requests of one participant.
#[derive(Debug)]
struct Queue {
    participant: ParticipantNumber,
    batches: VecDeque<(Instant, std::vec::IntoIter<Input>)>,
    /// Whether the queue is in `turn_order`.
    queued: bool,
}

/// All queues.
#[derive(Debug, Default)]
pub struct Work {
    queues: Vec<Queue>,
    /// Index by participant number; `u16::MAX` entries at most.
    index: Vec<Option<u16>>,
    turn_order: VecDeque<u16>,
    len: usize,
}

impl Work {
    /// Adds a batch in the order it came; `read` is when it was read.
    pub fn push(&mut self, participant: ParticipantNumber, read: Instant, batch: Vec<Input>) {
        if batch.is_empty() {
            return;
        }
        self.len += batch.len();
        let place = self.place_of(participant);
        let queue = &mut self.queues[usize::from(place)];
        queue.batches.push_back((read, batch.into_iter()));
        if !queue.queued {
            queue.queued = true;
            self.turn_order.push_back(place);
        }
    }

    fn place_of(&mut self, participant: ParticipantNumber) -> u16 {
        let number = usize::from(participant.get());
        if self.index.len() <= number {
            self.index.resize(number + 1, None);
        }
        *self.index[number].get_or_insert_with(|| {
            let place = u16::try_from(self.queues.len()).expect("there are at most 65,535 participants");
            self.queues.push(Queue { participant, batches: VecDeque::new(), queued: false });
            place
        })
    }

    /// The first of those that [`Self::serve`] would feed, as far as they came together.
    pub fn next_up(&self, quota: usize) -> &[Input] {
        let queue = self.turn_order.front().map(|place| &self.queues[usize::from(*place)]);
        let batch = queue.and_then(|queue| queue.batches.front()).map(|(_, batch)| batch.as_slice());
        batch.map_or(&[], |inputs| &inputs[..inputs.len().min(quota)])
    }

    /// Feeds up to `quota` requests of the next participant in turn to `decide`; returns how many there were, zero
    /// where nothing waits.
    pub fn serve(&mut self, quota: usize, mut decide: impl FnMut(Input, Instant)) -> usize {
        let Some(place) = self.turn_order.pop_front() else { return 0 };
        let queue = &mut self.queues[usize::from(place)];
        let mut served = 0;
        while served < quota {
            let Some((read, batch)) = queue.batches.front_mut() else { break };
            match batch.next() {
                Some(input) => {
                    decide(input, *read);
                    served += 1;
                }
                None => {
                    queue.batches.pop_front();
                }
            }
        }
        queue.batches.retain(|(_, batch)| batch.len() > 0);
        queue.queued = !queue.batches.is_empty();
        if queue.queued {
            self.turn_order.push_back(place);
        }
        self.len -= served;
        served
    }

    /// How many requests wait.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether none waits.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many requests of each participant wait, for the status page.
    pub fn lengths(&self) -> impl Iterator<Item = (ParticipantNumber, usize)> {
        self.queues.iter().map(|q| (q.participant, q.batches.iter().map(|(_, batch)| batch.len()).sum()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_one_participant_lets_the_other_in_after_a_quota() {
        let mut work = Work::default();
        let number = |n| ParticipantNumber::new(n).unwrap();
        work.push(number(7), Instant::now(), (0..1000).map(|_| Input::Tick).collect());
        work.push(number(9), Instant::now(), (0..3).map(|_| Input::Tick).collect());
        assert_eq!(work.serve(256, |_, _| ()), 256);
        assert_eq!(work.serve(256, |_, _| ()), 3, "the second participant's turn");
        assert_eq!(work.lengths().collect::<Vec<_>>(), [(number(7), 744), (number(9), 0)]);
        assert_eq!((0..4).map(|_| work.serve(256, |_, _| ())).sum::<usize>(), 744);
        assert!(work.is_empty());
    }
}
