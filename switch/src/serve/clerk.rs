//! What a driver does for others between two turns: whatever the steward asks of it, on its own thread.
//!
//! Invariant I1: what waits for facts is said only when they are durable.

use std::time::Instant;

use crossbeam::channel::Receiver;
use holdfast_journal::{Handle, Log};
use holdfast_protocol::{Sequence, UnixMillis};

use super::shell::Between;
use crate::driver::Driver;

/// Errands between two turns, so that no number of them delays a payment.
const ERRANDS_PER_TURN: usize = 8;

/// What is said once facts are durable.
pub(super) type Say = Box<dyn FnOnce() + Send>;

/// Something to do with the driver; what it returns is said once everything decided by then is durable.
pub(super) type Errand = Box<dyn FnOnce(&mut Driver<Handle>, UnixMillis) -> Option<Say> + Send>;

/// What comes from the steward.
pub(super) enum Order {
    /// Between two turns, on the driver's thread.
    Do(Errand),
    /// The driver shall stop now.
    End,
}

/// See the module.
pub(super) struct Clerk {
    orders: Receiver<Order>,
    waiting: Vec<(Sequence, Say)>,
}

impl Clerk {
    /// One that takes these orders.
    pub(super) const fn new(orders: Receiver<Order>) -> Self {
        Self { orders, waiting: Vec::new() }
    }
}

impl Between<Handle> for Clerk {
    fn between(&mut self, driver: &mut Driver<Handle>, now: UnixMillis, _: Instant) -> bool {
        for _ in 0..ERRANDS_PER_TURN {
            match self.orders.try_recv() {
                Ok(Order::Do(errand)) => {
                    if let Some(say) = errand(driver, now) {
                        self.waiting.push((driver.core().sequence(), say));
                    }
                }
                Ok(Order::End) => return true,
                // A steward that has ended without a word left nobody who could stop the switch in order.
                Err(_) => break,
            }
        }
        if !self.waiting.is_empty() {
            let durable = driver.log().durable();
            self.waiting.extract_if(.., |(until, _)| *until <= durable).for_each(|(_, say)| say());
        }
        false
    }
}
