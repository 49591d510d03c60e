//! One of each fact.

use super::*;

/// One of each, in the order of the types.
pub(super) fn facts() -> Vec<Fact> {
    [facts_about_the_switch(), facts_about_transactions()].concat()
}

fn facts_about_the_switch() -> Vec<Fact> {
    vec![
        Fact::ParticipantConfigured(participant()),
        Fact::ParticipantRemoved(number(65_535)),
        Fact::ParticipantStatusSet(number(1), ParticipantStatus::Suspended),
        Fact::RoutesConfigured(routes()),
        Fact::CutOver(date()),
        Fact::DayClosed(date()),
        Fact::Forgotten(1_795_305_600),
        Fact::Founded { partition: Partition(2), partitions: 3 },
        Fact::LeaseGiven {
            debtor: number(11),
            currency: euro(),
            to: Partition(1),
            total: Total::from_minor(1_250),
        },
        Fact::LeaseTaken {
            debtor: number(11),
            currency: euro(),
            from: Partition(0),
            total: Total::from_minor(1 << 70),
        },
    ]
}
