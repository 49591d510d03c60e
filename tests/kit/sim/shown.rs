//! Positions of all partitions together: those that are shown, and those that a ledger keeps and shows nobody any more.

use std::collections::BTreeMap;

use holdfast_core::Core;
use holdfast_core::ledger::Position;
use holdfast_core::snapshot;
use holdfast_protocol::ParticipantNumber;

/// The positions that are shown, of all partitions together.
pub(super) fn shown(cores: &[&Core]) -> BTreeMap<ParticipantNumber, (String, Vec<Position>)> {
    let mut shown: BTreeMap<ParticipantNumber, (String, Vec<Position>)> = BTreeMap::new();
    for core in cores {
        let configured = core.participants().map(|(record, _, positions)| (record, positions));
        for (record, positions) in configured.chain(core.removed_participants()) {
            let (_, all) = shown.entry(record.number).or_insert_with(|| (record.name.clone(), Vec::new()));
            positions.iter().for_each(|position| add(all, position));
        }
    }
    // Of one that was taken out, a partition in which its position was flat shows none.
    for (number, position) in kept(cores) {
        if let Some((_, all)) = shown.get_mut(&number) {
            add(all, &position);
        }
    }
    shown
}

fn add(all: &mut Vec<Position>, position: &Position) {
    match all.iter_mut().find(|one| one.currency == position.currency) {
        Some(one) => *one = one.joined(position),
        None => all.push(*position),
    }
}

/// The positions of participants that were taken out when theirs were flat: nobody is shown them any more, and the ledgers
/// keep them.
pub(super) fn flat(cores: &[&Core]) -> Vec<(ParticipantNumber, Position)> {
    let shown = shown(cores);
    let mut flat: BTreeMap<ParticipantNumber, Vec<Position>> = BTreeMap::new();
    for (number, position) in kept(cores).into_iter().filter(|(number, _)| !shown.contains_key(number)) {
        add(flat.entry(number).or_default(), &position);
    }
    flat.into_iter()
        .flat_map(|(number, all)| all.into_iter().map(move |position| (number, position)))
        .collect()
}

/// What each ledger keeps and does not show.
fn kept(cores: &[&Core]) -> Vec<(ParticipantNumber, Position)> {
    let mut positions = Vec::new();
    for core in cores {
        let configured = core.participants().map(|(record, ..)| record.number);
        let shown: Vec<ParticipantNumber> =
            configured.chain(core.removed_participants().map(|(record, _)| record.number)).collect();
        let every = core.entries::<std::convert::Infallible>(&mut |entry| {
            if let snapshot::Entry::Participant(entry) = entry
                && !shown.contains(&entry.record.number)
            {
                positions.extend(entry.positions.iter().map(|position| (entry.record.number, *position)));
            }
            Ok(())
        });
        every.expect("gathering does not fail");
    }
    positions
}
