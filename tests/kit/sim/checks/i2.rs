//! I2: one request, one outcome. What was answered is never refused as long as it is remembered; another content under
//! the same id is refused, naming the field; a refusal says what is so; nothing is forwarded or delivered twice as new.

use holdfast_protocol::{Answer, Message, ParticipantNumber, Reason};

use crate::sim::operator::Request;
use crate::sim::plan::is_guest;
use crate::sim::scene::Scene;
use crate::sim::violation::{Verdict, ensure};

/// A refusal is one that may be given to this request now.
pub(crate) fn refusal(
    who: ParticipantNumber,
    request: &Request,
    answer: &Answer,
    scene: &Scene<'_>,
) -> Verdict {
    let (id, reason, created) = (answer.id, answer.reason, answer.id.created());
    let plan = scene.plan;
    let too_old = created.plus(plan.core.window_max_ms) < scene.time_high;
    let expires = request.expires();
    let fits = match reason {
        // Said before anything is looked up.
        Reason::Busy | Reason::WindowExceeded => true,
        Reason::IdTooOld => too_old,
        reason if (330..=341).contains(&reason.number()) => request.was_mutated_in(reason),
        _ if request.told.is_some() && !request.may_be_an_older_refusal() => false,
        Reason::Expired => expires <= scene.time_high,
        Reason::IdFromTheFuture if was_ahead(who, request, answer, scene) => true,
        Reason::IdFromTheFuture | Reason::ExpiresTooFar | Reason::HoldUntilOutOfRange => {
            request.expected().is_some()
        }
        Reason::OriginalUnavailable => {
            let forgotten = request.oldest.created() <= plan.remembered_from(scene.time_high);
            forgotten && request.oldest != id
        }
        Reason::ReversalWaiting => matches!(request.message, Message::Refund(_)),
        // A request that was on its way when its sender was removed.
        Reason::NotSignedOn => is_guest(who),
        Reason::Suspended
        | Reason::Draining
        | Reason::JournalFull
        | Reason::DeliveryQueueFull
        | Reason::ShuttingDown => true,
        _ => false,
    };
    ensure!(
        "I2",
        fits,
        "operator {who} asked {request:?} and is refused: {reason}, at {:?}, switch time",
        scene.time
    );
    Ok(())
}

/// Whether an id of the request was ahead of the switch's time at some moment since it was asked, in the epoch that
/// refused it: a switch whose wall clock was set back resumes at its last journaled time.
fn was_ahead(who: ParticipantNumber, request: &Request, answer: &Answer, scene: &Scene<'_>) -> bool {
    let created = answer.id.created().max(request.original.created()).max(request.oldest.created());
    let asked = request.asked_in.filter(|(epoch, _)| *epoch == answer.epoch).map(|(_, time)| time);
    let earliest = asked.or_else(|| scene.began_of(who, answer.epoch));
    earliest.is_some_and(|earliest| created > earliest.plus(scene.plan.core.skew_max_ms))
}

/// A forward or delivery: the repeat flag tells whether it may have been there before.
pub(crate) fn flagged(what: &str, repeat: bool, attempt: u8, seen_as_new: bool) -> Verdict {
    ensure!("I2", repeat == (attempt > 1), "{what} has attempt {attempt}, and its repeat flag is {repeat}");
    ensure!("I2", repeat || !seen_as_new, "{what} comes twice as new");
    Ok(())
}
