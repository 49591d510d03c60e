//! A stage for the tests of players and reports.

use super::*;

#[test]
fn an_answer_takes_as_long_as_its_turn() {
    let times = OwnTimes::new(2);
    times.note(1, 7);
    times.end_turn(500);
    times.note(1, 8);
    times.end_turn(900);
    assert_eq!((times.of(1, 7), times.of(1, 8), times.of(0, 7)), (500, 900, 0));
}

/// A stage for tests: a budget of three seconds, measured from the start, three merchants a destination.
pub(crate) fn played_stage(operators: u32, acquirers: u32) -> Stage {
    let mps = (1..=acquirers).map(|n| ("acq-{}", n)).chain((1..=operators).map(|n| ("mps-{}", n)));
    Stage {
        origin: Instant::now(),
        rules: Rules {
            budget_ms: 3_000,
            expires_ms: 30_000,
            currency: Currency::from_code("EUR").unwrap(),
            security_level: SecurityLevel::Three,
            channel: Channel::PacketData,
            measure_from_ns: 0,
            measure_until_ns: 1_000_000_000,
            tolerate_restarts: false,
        },
        payees: Payees::new(mps, "shop-{}", 3).unwrap(),
        spaces: (0..operators).map(|operator| IdSpace::new(1, operator)).collect(),
        operators: {
            let all = Operators::default();
            (0..operators).for_each(|n| all.set(ParticipantNumber::new(n as u16 + 1).unwrap(), n));
            all
        },
        remembered_ms: 65_000,
        memory: RefCell::new(Memory::new(operators)),
        own_times: OwnTimes::new(operators),
        faults: RefCell::new(Faults::default()),
        history_stalls: Cell::new(0),
        steering: Cell::default(),
        known: None,
    }
}
