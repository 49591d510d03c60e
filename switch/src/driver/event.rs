//! What the links and other partitions tell the driver. Whole batches: one event for everything one read brought.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use holdfast_core::input::LeaseMessage;
use holdfast_core::{From, Input};
use holdfast_protocol::{Partition, SignOn};

use crate::session::Outbound;

/// One event of one link, or of another partition.
#[derive(Clone, Debug)]
pub enum Event {
    /// It signed on and opened its lanes.
    Up {
        /// Whose link.
        from: From,
        /// What was agreed.
        sign_on: SignOn,
        /// Where it dialled from.
        address: SocketAddr,
        /// Where to write.
        outbound: Arc<Outbound>,
    },
    /// It is gone.
    Down {
        /// Whose link.
        from: From,
    },
    /// It wants no new work.
    Drain(From),
    /// It takes another number of unanswered forwards.
    Window(From, u32),
    /// Messages came.
    Received {
        /// Whose link.
        from: From,
        /// On which payment lane.
        lane: u8,
        /// When they were read.
        at: Instant,
        /// Answers, acknowledgements, reversals.
        first: Vec<Input>,
        /// How many of them are answers.
        answers: u64,
        /// Requests.
        work: Vec<Input>,
    },
    /// Another partition's word about the room under a cap.
    Lease(Partition, LeaseMessage),
}

impl Event {
    /// As one partition of so many is told of what concerns all: of a link's window each has its share, and together they have no
    /// more than the link takes.
    #[must_use]
    pub fn for_partition(&self, partition: Partition, partitions: u16) -> Self {
        let share = |window: u32| {
            let (each, rest) = (window / u32::from(partitions), window % u32::from(partitions));
            each + u32::from(u32::from(partition.0) < rest)
        };
        let mut event = self.clone();
        match &mut event {
            Self::Up { sign_on, .. } => sign_on.window = share(sign_on.window),
            Self::Window(_, window) => *window = share(*window),
            Self::Down { .. } | Self::Drain(_) | Self::Received { .. } | Self::Lease(..) => {}
        }
        event
    }
}

#[cfg(test)]
mod tests {
    use holdfast_core::From;
    use holdfast_core::view::SessionId;
    use holdfast_protocol::{Instance, ParticipantNumber};

    use super::*;

    #[test]
    fn shares_of_a_window_sum_to_it() {
        let from = From {
            participant: ParticipantNumber::new(1).unwrap(),
            instance: Instance(0),
            session: SessionId(1),
        };
        for (window, partitions) in [(4_096, 1), (4_096, 3), (7, 4), (4, 4)] {
            let share = |partition| match Event::Window(from, window)
                .for_partition(Partition(partition), partitions)
            {
                Event::Window(_, share) => share,
                other => panic!("{other:?}"),
            };
            let shares: Vec<u32> = (0..partitions).map(share).collect();
            assert_eq!(shares.iter().sum::<u32>(), window);
            assert!(shares.iter().max().unwrap() - shares.iter().min().unwrap() <= 1, "{shares:?}");
        }
    }
}
