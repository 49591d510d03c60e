//! Which cells of the delivery table can be reached.

use holdfast_core::transaction::delivery::{Event, Progress};

use super::Reach;

const ORDER: Reach = Reach::Impossible("only the first unacknowledged delivery leaves");
const FIRST_ALREADY: Reach = Reach::Impossible("it is the first already");
const NEVER_SENT: Reach = Reach::Impossible("there is no pause before the first send");
const SENT_BEFORE: Reach =
    Reach::Impossible("what was sent leaves again after its pause only, with the repeat flag");
const OVER: Reach = Reach::Impossible("it is out of the queue");

/// Whether an event can meet a delivery in this state.
pub fn reach(progress: Progress, event: Event) -> Reach {
    match event {
        Event::FirstNow => match progress {
            Progress::Behind => Reach::Reachable,
            Progress::Waiting | Progress::Sent => FIRST_ALREADY,
            Progress::Done | Progress::Superseded => OVER,
        },
        Event::Room => match progress {
            Progress::Waiting => Reach::Reachable,
            Progress::Behind => ORDER,
            Progress::Sent => SENT_BEFORE,
            Progress::Done | Progress::Superseded => OVER,
        },
        Event::PauseOver => match progress {
            Progress::Sent => Reach::Reachable,
            Progress::Behind => ORDER,
            Progress::Waiting => NEVER_SENT,
            Progress::Done | Progress::Superseded => OVER,
        },
        Event::Acknowledge
        | Event::AcknowledgeElsewhere
        | Event::Reverse
        | Event::LinkLost
        | Event::Restart => Reach::Reachable,
    }
}
