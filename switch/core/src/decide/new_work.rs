//! What every request that opens a transaction must pass: who may send it, whether new work is taken, how much time it has,
//! and which link gets it.

use holdfast_protocol::{ParticipantNumber, Reason, RequestId, UnixMillis};

use super::authorize::No;
use super::{Desk, check_times};
use crate::input::From;
use crate::ledger::participants::Participant;
use crate::registry::ParticipantStatus;
use crate::view::LiveSession;

/// Whether its sender may send it, and in time. Returns the status of the sender.
pub(super) fn may_send(
    desk: &Desk<'_>,
    from: From,
    id: RequestId,
    expires: UnixMillis,
) -> Result<ParticipantStatus, Reason> {
    let sender = desk.ledger.participants.get(from.participant).ok_or(Reason::NotSignedOn)?;
    if !sender.record.originates {
        return Err(Reason::RoleNotAgreed);
    }
    check_times(desk.settings, desk.ledger, desk.now, id, expires)?;
    Ok(sender.status)
}

/// Whether new work is taken now.
pub(super) fn is_taken(desk: &Desk<'_>, sender: ParticipantStatus) -> Result<(), Reason> {
    let (ledger, settings) = (desk.ledger, desk.settings);
    match sender {
        ParticipantStatus::Active => {}
        ParticipantStatus::Draining => return Err(Reason::Draining),
        ParticipantStatus::Suspended => return Err(Reason::Suspended),
    }
    if desk.view.stopping {
        return Err(Reason::ShuttingDown);
    }
    if desk.view.journal_full {
        return Err(Reason::JournalFull);
    }
    let full = ledger.pending >= settings.pending_max
        || ledger.transactions.len() >= settings.open_max as usize
        || ledger.remembered.len() >= settings.remembered_max as usize;
    if full || desk.view.journal_behind || ledger.business_date.is_none() {
        return Err(Reason::Busy);
    }
    Ok(())
}

/// Rule 6: the budget since it arrived, no more than the largest, and no later than the request expires; less the share
/// that the way back needs. `None` where nothing is left.
pub(super) fn deadline(
    desk: &Desk<'_>,
    arrived: UnixMillis,
    budget_ms: u32,
    expires: UnixMillis,
) -> Option<UnixMillis> {
    let budget = u64::from(budget_ms).min(desk.settings.budget_max_ms);
    let until = arrived.plus(budget).min(expires);
    let deadline = until.minus(desk.settings.budget_share_ms);
    (deadline > desk.now).then_some(deadline)
}

/// The link that gets it, of those that may.
pub(super) fn link<'v>(
    desk: &Desk<'v>,
    destination: ParticipantNumber,
    receiver: &Participant,
    may: impl Fn(&LiveSession) -> bool,
) -> Result<&'v LiveSession, No> {
    let Some((link, has_room)) = desk.schedule.choose(desk.view, destination, &may) else {
        return Err(if desk.view.receivers(destination).any(may) {
            No::Decline(Reason::DestinationNotAccepting)
        } else if desk.view.just_started {
            // A decline is for ever (rule 3), and a moment later there would be none.
            No::Refuse(Reason::Busy)
        } else {
            No::Decline(Reason::DestinationNotConnected)
        });
    };
    if !has_room || receiver.pending >= desk.settings.pending_for_destination_max {
        return Err(No::Refuse(Reason::Busy));
    }
    // Each open transaction has a slot reserved for its last delivery; at 80 % new work stops.
    let slots = u64::from(receiver.undelivered) + u64::from(receiver.unfinished) + 1;
    if slots * 5 > u64::from(desk.settings.undelivered_for_destination_max) * 4 {
        return Err(No::Refuse(Reason::DeliveryQueueFull));
    }
    Ok(link)
}
