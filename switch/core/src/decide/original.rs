//! What captures, releases and reversals have in common: their own id, and the original they name.

use holdfast_protocol::{ParticipantNumber, Reason, RequestId, TransactionKey, UnixMillis};

use super::{Desk, check_times};
use crate::effect::Effect;
use crate::fact::{Fact, FollowUp};
use crate::input::From;
use crate::ledger::content::{Content, FOLLOW_UP_FIELDS};
use crate::ledger::follow_up_record::{FollowUpKind, FollowUpRecord};
use crate::ledger::generation::Found;
use crate::ledger::record::TransactionRecord;
use crate::ledger::remembered::second_of;
use crate::registry::ParticipantStatus;
use crate::report;
use crate::schedule::recalls::{Asked, Wait};

/// What the ledger knows of an original.
pub(super) enum Original<'a> {
    /// A transaction.
    Transaction(&'a TransactionRecord),
    /// A capture, release or reversal.
    FollowUp(FollowUpKind),
    /// Its id is within the window and not remembered: there is none.
    Unknown,
    /// Its id is older than the window: it must be looked up.
    Recall,
}

pub(super) fn find<'a>(desk: &Desk<'a>, key: TransactionKey) -> Original<'a> {
    match desk.ledger.remembered.find(key.originator, key.id) {
        Some(Found::Transaction(record)) => Original::Transaction(record),
        Some(Found::FollowUp(record)) => Original::FollowUp(record.kind()),
        None if in_window(desk, key.id) => Original::Unknown,
        None => Original::Recall,
    }
}

/// Whether an id is young enough that not remembering it means that it was never accepted (rule 5).
pub(super) fn in_window(desk: &Desk<'_>, id: RequestId) -> bool {
    let kept_ms = desk.settings.window_max_ms + desk.settings.skew_max_ms;
    second_of(id) > desk.ledger.remembered.forgotten_through() && id.created().plus(kept_ms) >= desk.now
}

/// Answers a repeat and refuses what cannot be accepted; says whether the request is new.
pub(super) fn is_new(
    desk: &mut Desk<'_>,
    from: From,
    request: &FollowUp,
    expires: UnixMillis,
    content: Content,
) -> bool {
    if is_known(desk, from, request, content) {
        return false;
    }
    let (who, id, original) = (from.participant, request.id(), request.original());
    if let Err(reason) = may_ask(desk, who, request, expires) {
        desk.refuse(from, id, original, reason);
        return false;
    }
    // Room is kept for what finishes open work, and for nothing else.
    let key = TransactionKey { originator: who, id: original };
    let open = || desk.ledger.remembered.transaction(key).is_some_and(|record| record.index().is_some());
    if desk.view.journal_full && !open() {
        desk.refuse(from, id, original, Reason::JournalFull);
        return false;
    }
    true
}

/// Answers a repeat, and refuses what reuses an id; says whether the id was known.
pub(super) fn is_known(desk: &mut Desk<'_>, from: From, request: &FollowUp, content: Content) -> bool {
    match desk.ledger.remembered.find(from.participant, request.id()) {
        None => return false,
        Some(Found::Transaction(_)) => {
            desk.refuse(from, request.id(), request.original(), Reason::IdReusedOtherMessage);
        }
        Some(Found::FollowUp(record)) => repeat(desk, from, request, record, content),
    }
    true
}

fn may_ask(
    desk: &Desk<'_>,
    who: ParticipantNumber,
    request: &FollowUp,
    expires: UnixMillis,
) -> Result<(), Reason> {
    let sender = desk.ledger.participants.get(who).ok_or(Reason::NotSignedOn)?;
    if !sender.record.originates {
        return Err(Reason::RoleNotAgreed);
    }
    // One id has one outcome (I2): that of the original cannot be its own.
    if request.id() == request.original() {
        return Err(Reason::IdReusedOtherMessage);
    }
    check_times(desk.settings, desk.ledger, desk.now, request.id(), expires)?;
    if request.original().created() > desk.now.plus(desk.settings.skew_max_ms) {
        return Err(Reason::IdFromTheFuture);
    }
    // Rule 25: what was accepted can always be undone, and while draining also finished.
    let reversal = matches!(request, FollowUp::Reverse(_));
    match sender.status {
        ParticipantStatus::Suspended if !reversal => return Err(Reason::Suspended),
        ParticipantStatus::Active | ParticipantStatus::Draining | ParticipantStatus::Suspended => {}
    }
    let full = desk.ledger.remembered.len() >= desk.settings.remembered_max as usize;
    if full || desk.ledger.business_date.is_none() {
        return Err(Reason::Busy);
    }
    Ok(())
}

fn repeat(desk: &mut Desk<'_>, from: From, request: &FollowUp, record: &FollowUpRecord, content: Content) {
    let (id, original) = (request.id(), request.original());
    let kind = match request {
        FollowUp::Capture(_) => FollowUpKind::Capture,
        FollowUp::Release(_) => FollowUpKind::Release,
        FollowUp::Reverse(_) => FollowUpKind::Reverse,
    };
    let differs = if kind != record.kind() {
        Some(Reason::IdReusedOtherMessage)
    } else if original != record.original() {
        Some(Reason::IdReusedOtherOriginal)
    } else if content.digest != record.digest() {
        let field = content.differing(record.fields()).and_then(|at| FOLLOW_UP_FIELDS.get(at).copied());
        Some(field.unwrap_or(Reason::IdReusedOtherContent))
    } else {
        None
    };
    if let Some(reason) = differs {
        desk.refuse(from, id, original, reason);
        return;
    }
    desk.counters.repeated(from.participant);
    let answer = report::follow_up_answer(desk.ledger, from.participant, id).expect("it was found just now");
    desk.out.effects.push(Effect::Answer { to: from.session, original, answer });
}

/// Declines a capture, release or reversal, finally. A journal without room takes no such fact: it finishes nothing.
pub(super) fn decline(desk: &mut Desk<'_>, from: From, request: FollowUp, reason: Reason) {
    if desk.view.journal_full {
        desk.refuse(from, request.id(), request.original(), Reason::JournalFull);
        return;
    }
    let settlement_date = desk.ledger.date();
    desk.fact(Fact::FollowUpDeclined { originator: from.participant, request, reason, settlement_date });
}

/// Lets a request wait until its original was looked up.
pub(super) fn recall(desk: &mut Desk<'_>, from: From, request: FollowUp) {
    let key = TransactionKey { originator: from.participant, id: request.original() };
    let ids = (request.id(), request.original());
    look_up(desk, from, key, Asked::FollowUp(request), ids);
}

/// Lets a request wait until a transaction was looked up. `ids` are its own, and that of its transaction, which chooses the
/// lane of the answer.
pub(super) fn look_up(
    desk: &mut Desk<'_>,
    from: From,
    key: TransactionKey,
    asked: Asked,
    ids: (RequestId, RequestId),
) {
    let until = desk.now.plus(desk.settings.recall_wait_ms);
    match desk.schedule.recalls.wait(key, from, asked, until, desk.settings.recalls_max) {
        Wait::LookUp => desk.out.effects.push(Effect::Recall(key)),
        Wait::Joined(None) => {}
        Wait::Joined(Some(to)) => desk.out.effects.push(Effect::Superseded { to }),
        Wait::Full => desk.refuse(from, ids.0, ids.1, Reason::Busy),
    }
}
