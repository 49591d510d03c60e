//! What the archive said about originals that left memory.
//!
//! Unavailable is never absent: it is a technical refusal, and the sender repeats. What was found is first put back into
//! the ledger, by a fact (I7); then whatever waited for it is decided as if it had never left.

use holdfast_protocol::{Reason, Refund, TransactionKey, UnixMillis};

use super::{Desk, capture, check_times, inquiry, original, refund, release, reverse};
use crate::fact::{Fact, FollowUp};
use crate::input::{From, Recalled};
use crate::leaving::Archived;
use crate::ledger::content::Content;
use crate::ledger::follow_up_record::FollowUpKind;
use crate::ledger::may_come_back;
use crate::ledger::remembered::second_of;
use crate::schedule::recalls::Asked;

/// What a look-up means for the requests that waited for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Known {
    /// It is in the ledger.
    InMemory,
    /// It is a capture, release or reversal.
    FollowUp(FollowUpKind),
    /// There is none.
    Absent,
    /// Nothing can be said of it now.
    Refuse(Reason),
}

/// Requests that waited long enough.
pub(crate) fn give_up(desk: &mut Desk<'_>) {
    for _ in 0..super::expire::TAKEN_MAX {
        let Some(key) = desk.schedule.recalls.take_due(desk.now) else { break };
        for (from, asked) in desk.schedule.recalls.take(key) {
            let known = Known::Refuse(Reason::OriginalUnavailable);
            decide(desk, from, asked, Recalled::Unavailable, key, known);
        }
    }
}

/// Puts a transaction that was found back into the ledger, where one of those that waited for it may change it.
pub(crate) fn bring_back(
    desk: &mut Desk<'_>,
    key: TransactionKey,
    recalled: Recalled,
    waiting: &[(From, Asked)],
) -> Known {
    let entry = match recalled {
        Recalled::Unavailable => return Known::Refuse(Reason::OriginalUnavailable),
        Recalled::Absent => return Known::Absent,
        Recalled::Found(Archived::FollowUp(parts)) => return Known::FollowUp(parts.kind),
        Recalled::Found(Archived::Transaction(entry)) => entry,
    };
    if desk.ledger.remembered.find(key.originator, key.id).is_some() {
        return Known::InMemory;
    }
    let by = waiting.iter().find_map(|(_, asked)| match asked {
        Asked::FollowUp(request) => Some(request.id()),
        Asked::Refund(request, _) => Some(request.id),
        Asked::Inquiry(..) => None,
    });
    // What only asks needs it in no ledger.
    let Some(by) = by else { return Known::InMemory };
    if entry.key != key || !may_come_back(desk.ledger, &entry) {
        return Known::Refuse(Reason::OriginalUnavailable);
    }
    if desk.view.journal_full {
        return Known::Refuse(Reason::JournalFull);
    }
    let full = desk.schedule.recalls.recalled() >= desk.settings.recalled_max
        || desk.ledger.remembered.len() >= desk.settings.remembered_max as usize;
    if full {
        return Known::Refuse(Reason::Busy);
    }
    // As long as the request that names it: a repeat of that says how it stands (rule 13).
    let until = second_of(by).max(desk.ledger.remembered.forgotten_through() + 1);
    desk.fact(Fact::Recalled { entry, until });
    Known::InMemory
}

/// One request for which a transaction was looked up.
pub(crate) fn decide(
    desk: &mut Desk<'_>,
    from: From,
    asked: Asked,
    recalled: Recalled,
    key: TransactionKey,
    known: Known,
) {
    let request = match asked {
        Asked::FollowUp(request) => request,
        Asked::Refund(request, arrived) => return refund(desk, from, &request, arrived, known),
        Asked::Inquiry(m, follow_up) => return inquiry::looked_up(desk, from, &m, follow_up, recalled),
    };
    // I2: while it waited, another request may have been decided under its id.
    let content = Content::of_follow_up(&request);
    if original::is_known(desk, from, &request, content) {
        return;
    }
    // Rule 5: nor is it recorded once it has expired, for its sender counts on that.
    let timely = check_times(desk.settings, desk.ledger, desk.now, request.id(), request.expires());
    let known = timely.map_or_else(Known::Refuse, |()| known);
    match (known, request) {
        (Known::Refuse(reason), request) => desk.refuse(from, request.id(), request.original(), reason),
        (Known::InMemory, FollowUp::Capture(m)) => capture::looked_up(desk, from, &m),
        (Known::InMemory, FollowUp::Release(m)) => release::looked_up(desk, from, &m),
        // Rule 11: as an original that is unknown, now that it was looked up. Or another left a tombstone meanwhile.
        (Known::InMemory | Known::Absent, FollowUp::Reverse(m)) => reverse::looked_up(desk, from, &m, key),
        (Known::FollowUp(kind), FollowUp::Reverse(m)) => reverse::of_follow_up(desk, from, &m, kind),
        (Known::FollowUp(_) | Known::Absent, request @ (FollowUp::Capture(_) | FollowUp::Release(_))) => {
            original::decline(desk, from, request, Reason::OriginalUnknown);
        }
    }
}

fn refund(desk: &mut Desk<'_>, from: From, m: &Refund, arrived: UnixMillis, known: Known) {
    // I2, as above.
    if refund::is_known(desk, from, m) {
        return;
    }
    // It is new work still: whether any is taken, and whether it has not expired (rule 5), counts now.
    let may = refund::may_be_recorded(desk, from, m);
    match may.map_or_else(Known::Refuse, |()| known) {
        Known::Refuse(reason) => desk.refuse(from, m.id, m.id, reason),
        Known::FollowUp(_) => refund::decline(desk, from, m, Reason::OriginalUnknown),
        Known::InMemory | Known::Absent => refund::looked_up(desk, from, m, arrived),
    }
}
