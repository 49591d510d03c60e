//! The other partitions: drivers with cores of their own, which move room under caps among them.

use std::fmt;

use crossbeam::channel::{Sender, TrySendError};
use holdfast_core::input::LeaseMessage;
use holdfast_protocol::Partition;
use tracing::debug;

use super::Event;

/// Tells a driver that there is something to do.
pub type WakePeer = Box<dyn Fn() + Send + Sync>;

/// The ways to all partitions, by their number; the own one is never used.
#[derive(Default)]
pub struct Peers {
    own: Partition,
    ways: Vec<(Sender<Event>, WakePeer)>,
}

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peers").field("own", &self.own).field("partitions", &self.ways.len()).finish()
    }
}

impl Peers {
    /// Of this partition.
    pub fn new(own: Partition, ways: Vec<(Sender<Event>, WakePeer)>) -> Self {
        Self { own, ways }
    }

    pub(super) const fn own(&self) -> Partition {
        self.own
    }

    /// Says it to another partition, or not, where that has more to do than it can take: whoever asked asks again, and what was given
    /// is told again then. Waiting for each other, two drivers could wait for ever.
    pub(super) fn say(&self, to: Partition, message: LeaseMessage) {
        let Some((events, wake)) = self.ways.get(usize::from(to.0)).filter(|_| to != self.own) else {
            return;
        };
        match events.try_send(Event::Lease(self.own, message)) {
            Ok(()) => wake(),
            Err(TrySendError::Full(_)) => {
                debug!(to = to.0, "a partition is too busy to be asked for a lease")
            }
            // It has stopped, and soon this one will.
            Err(TrySendError::Disconnected(_)) => {}
        }
    }
}
