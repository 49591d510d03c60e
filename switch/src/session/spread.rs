//! What one read brought, spread over the partitions: everything about a transaction goes to the home of its originator.

use holdfast_core::Input;
use holdfast_protocol::Partition;

use super::{Outbound, Received};

/// What one read brought for one partition.
#[derive(Debug, Default)]
pub struct Part {
    /// Answers, acknowledgements, reversals, in the order they came.
    pub first: Vec<Input>,
    /// How many of them are answers.
    pub answers: u64,
    /// Requests, in the order they came.
    pub work: Vec<Input>,
}

/// Spreads it, and notes in which order the answers came on this lane. Empty parts are left out.
pub fn spread(
    received: Received,
    partitions: u16,
    lane: u8,
    outbound: &Outbound,
) -> impl Iterator<Item = (Partition, Part)> {
    let Received { first, work, answers, .. } = received;
    let (mut alone, mut parts) = (None, Vec::new());
    if partitions == 1 {
        if answers > 0 {
            outbound.answers_came(lane, Partition(0), answers);
        }
        alone = Some((Partition(0), Part { first, answers, work }));
    } else {
        parts.resize_with(usize::from(partitions), Part::default);
        for input in first {
            let home = home(&input, partitions);
            let part = &mut parts[usize::from(home.0)];
            if matches!(input, Input::Answer(..)) {
                outbound.answers_came(lane, home, 1);
                part.answers += 1;
            }
            part.first.push(input);
        }
        for input in work {
            parts[usize::from(home(&input, partitions).0)].work.push(input);
        }
    }
    let parts = alone.into_iter().chain((0..partitions).map(Partition).zip(parts));
    parts.filter(|(_, part)| !(part.first.is_empty() && part.work.is_empty()))
}

/// Which partition decides an input of a link.
fn home(input: &Input, partitions: u16) -> Partition {
    let originator = match input {
        Input::Authorize(from, _)
        | Input::Capture(from, _)
        | Input::Release(from, _)
        | Input::Reverse(from, _)
        | Input::Refund(from, _) => from.participant,
        // A destination names whose transaction it asks about, an originator asks about its own.
        Input::Inquire(from, m) => m.originator.unwrap_or(from.participant),
        Input::Answer(from, m) => m.originator.unwrap_or(from.participant),
        Input::Acknowledge(_, m) => m.originator,
        Input::Recalled(..)
        | Input::LinkUp(_)
        | Input::LinkLost(_)
        | Input::Configure(..)
        | Input::SetStatus(..)
        | Input::CutOver(_)
        | Input::Found(..)
        | Input::Lease(..)
        | Input::Tick => unreachable!("no link brings it"),
    };
    originator.home(partitions)
}
