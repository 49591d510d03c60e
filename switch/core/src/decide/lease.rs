//! Room under a cap moves between partitions: one that lacks it asks all others, each gives of what it does not need.
//!
//! While they are asked, whoever needs it is busy; where all have answered and none had any, it is declined. That is as exact as a cap
//! can be of which nobody knows the whole: within a moment of having asked.

use holdfast_protocol::{Partition, Reason, Total};

use super::Desk;
use super::authorize::No;
use crate::effect::Effect;
use crate::fact::Fact;
use crate::input::{LeaseAsk, LeaseMessage, LeaseTold};
use crate::ledger::Position;
use crate::ledger::leases::Cap;
use crate::ledger::participants::Participant;
use crate::schedule::leases::Elsewhere;

/// No number of leases reaches 128 bits.
const FITS: &str = "leases and exposures are far below 128 bits";

/// What is left of a lease; none where the currency is not agreed. A lease may be above the whole cap: what its debtor is owed elsewhere
/// is room there, and can be given.
fn room(desk: &Desk<'_>, debtor: &Participant, (_, currency): Cap) -> Option<Total> {
    let exposure = debtor.position(currency)?.exposure();
    Some(desk.ledger.lease(debtor, currency)?.checked_sub(exposure).expect(FITS))
}

/// The cap of a debtor is to be lowered: what its lease elsewhere than at home has room for goes home at once. What is held stays until
/// it ends.
pub(super) fn give_back(desk: &mut Desk<'_>, cap: Cap) {
    let home = cap.0.home(desk.ledger.partitions);
    let Some(debtor) = desk.ledger.participants.find(cap.0).filter(|_| desk.ledger.is_other(home)) else {
        return;
    };
    let exposure = debtor.position(cap.1).map_or(Total::ZERO, Position::exposure);
    let gift = desk.ledger.leases.net(cap).checked_sub(exposure.max(Total::ZERO)).expect(FITS);
    if gift > Total::ZERO {
        let given = desk.ledger.leases.moved(cap, home).given.checked_add(gift).expect(FITS);
        desk.fact(Fact::LeaseGiven { debtor: cap.0, currency: cap.1, to: home, total: given });
        let told = LeaseTold { debtor: cap.0, currency: cap.1, round: 0, given };
        desk.out.effects.push(Effect::Lease { to: home, message: LeaseMessage::Told(told) });
    }
}

/// I9: whether a hold keeps its debtor's exposure within the lease; if not, whether room is looked for or there is none.
pub(super) fn has_room(desk: &mut Desk<'_>, debtor: &Participant, cap: Cap, amount: Total) -> Result<(), No> {
    let none = No::Decline(Reason::NetDebitCapExceeded);
    let Some(room) = room(desk, debtor, cap) else { return Err(none) };
    if amount <= room {
        return Ok(());
    }
    if desk.ledger.partitions == 1 {
        return Err(none);
    }
    match desk.schedule.rounds.elsewhere(cap, desk.now) {
        Elsewhere::None => return Err(none),
        Elsewhere::Asked => {}
        Elsewhere::Unknown => ask(desk, cap, amount.checked_sub(room).expect(FITS)),
    }
    Err(No::Refuse(Reason::Busy))
}

fn ask(desk: &mut Desk<'_>, cap: Cap, needs: Total) {
    desk.counters.lease_rounds += 1;
    let moved = |other| desk.ledger.leases.moved(cap, other);
    let asked = desk.ledger.others().map(|other| (other, moved(other).taken));
    let round = desk.schedule.rounds.begin(cap, asked, desk.now);
    let (debtor, currency) = cap;
    for to in desk.ledger.others() {
        let moved = desk.ledger.leases.moved(cap, to);
        let ask = LeaseAsk { debtor, currency, round, needs, given: moved.given, taken: moved.taken };
        desk.out.effects.push(Effect::Lease { to, message: LeaseMessage::Ask(ask) });
    }
}

/// Another partition's message. One from nobody who could send it changes nothing.
pub(crate) fn decide(desk: &mut Desk<'_>, from: Partition, message: LeaseMessage) {
    if !desk.ledger.is_other(from) {
        return;
    }
    match message {
        LeaseMessage::Ask(m) => asked(desk, from, m),
        LeaseMessage::Told(m) => told(desk, from, m),
    }
}

fn asked(desk: &mut Desk<'_>, from: Partition, m: LeaseAsk) {
    let cap = (m.debtor, m.currency);
    let moved = desk.ledger.leases.moved(cap, from);
    let mut given = moved.given;
    if let Some(debtor) = desk.ledger.participants.find(m.debtor) {
        // What it gave and nobody heard of here: taken first, for it is room.
        let heard = m.given.checked_sub(moved.taken).filter(|heard| *heard > Total::ZERO).unwrap_or_default();
        if heard > Total::ZERO {
            desk.fact(Fact::LeaseTaken { debtor: m.debtor, currency: m.currency, from, total: m.given });
        }
        // Where it has not heard of what it got, that may be enough.
        let room = room(desk, debtor, cap).filter(|_| given <= m.taken);
        let room = room.map_or(Total::ZERO, |room| room.checked_add(heard).expect(FITS));
        let gift = gift(room, m.needs);
        if gift > Total::ZERO {
            given = given.checked_add(gift).expect(FITS);
            desk.fact(Fact::LeaseGiven { debtor: m.debtor, currency: m.currency, to: from, total: given });
        }
    }
    let told = LeaseTold { debtor: m.debtor, currency: m.currency, round: m.round, given };
    desk.out.effects.push(Effect::Lease { to: from, message: LeaseMessage::Told(told) });
}

/// What is needed, or half of what there is, so that not every payment asks; never more than there is.
fn gift(room: Total, needs: Total) -> Total {
    if room <= Total::ZERO || needs <= Total::ZERO {
        return Total::ZERO;
    }
    needs.max(Total::from_minor(room.minor() / 2)).min(room)
}

fn told(desk: &mut Desk<'_>, from: Partition, m: LeaseTold) {
    let cap = (m.debtor, m.currency);
    let known = desk.ledger.participants.find(m.debtor).is_some();
    if known && m.given > desk.ledger.leases.moved(cap, from).taken {
        desk.fact(Fact::LeaseTaken { debtor: m.debtor, currency: m.currency, from, total: m.given });
    }
    desk.schedule.rounds.told(cap, m.round, from, m.given, desk.now);
}
