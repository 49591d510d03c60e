//! A destination that answers at the beat of its own clock: the delay that a test injects and measures in.
//!
//! What took how many beats does not depend on the machine: where everything stands still, so does the clock, because a
//! missed beat is not made up for.

use std::collections::VecDeque;
use std::time::Duration;

use holdfast_protocol::{Authorize, Message};
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::peer::Peer;
use crate::requests::approval;

/// See the module.
#[derive(Debug)]
pub struct Metronome {
    clock: Interval,
    at_once: usize,
    waiting: VecDeque<Authorize>,
    /// Beats so far.
    pub beats: u64,
}

impl Metronome {
    /// One that beats this often, and can do so much at each beat.
    pub fn new(every: Duration, at_once: usize) -> Self {
        let mut clock = interval(every);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { clock, at_once, waiting: VecDeque::new(), beats: 0 }
    }

    /// Takes the next forward, or approves at the beat the oldest of what came before it. Cancel-safe between two of its steps.
    pub async fn step(&mut self, destination: &mut Peer) {
        tokio::select! {
            _ = self.clock.tick() => {
                self.beats += 1;
                let done = self.waiting.len().min(self.at_once);
                let approvals: Vec<Message> =
                    self.waiting.drain(..done).map(|forward| approval(&forward, None).into()).collect();
                destination.send(&approvals).await;
            }
            message = destination.next_whenever() => match message {
                Some(Message::Authorize(forward)) => self.waiting.push_back(forward),
                Some(_) => {}
                None => panic!("the destination's link ended"),
            },
        }
    }
}
