use holdfast_protocol::{Amount, ApprovalCode, BusinessDate, DecidedBy, Instance, Reason};

use super::*;
use crate::ledger::content::Content;
use crate::ledger::record::Closed;
use crate::transaction::money::Ending;

const SECONDS: usize = 3;

fn id(second: u64, number: u64) -> RequestId {
    RequestId::from_bytes(((u128::from(second * 1_000) << 80) | u128::from(number)).to_be_bytes())
}

fn tombstone() -> Closed {
    Closed {
        terms: None,
        ending: Ending::Reversed,
        reason: Reason::ReversedBeforeArrival,
        decided_by: DecidedBy::Switch,
        destination: None,
        instance: Instance(0),
        held_for: Amount::ZERO,
        captured: Amount::ZERO,
        approval_code: ApprovalCode::NONE,
        settlement_date: BusinessDate::from_yyyymmdd(20_261_122).unwrap(),
        sequence: 1,
        deliveries_made: 0,
        late_noted: false,
    }
}

fn remember(remembered: &mut Remembered, who: ParticipantNumber, second: u64) {
    for number in 0..1_500 {
        let id = id(second, number);
        let content = Content { digest: number, fields: Default::default() };
        let record = TransactionRecord::closed(who, id, content, &tombstone());
        remembered.insert_transaction(TransactionKey { originator: who, id }, record);
    }
}

#[test]
fn memory_used_again_remembers_nothing_of_the_second_before() {
    let who = ParticipantNumber::new(7).unwrap();
    let mut remembered = Remembered::new(1, 1_000, SECONDS);
    remembered.prepare();
    for second in 1..50 {
        remember(&mut remembered, who, second);
        remembered.forget(second.saturating_sub(SECONDS as u64));
        let kept = usize::try_from(second).unwrap().min(SECONDS);
        assert_eq!(remembered.len(), kept * 1_500);
        for number in 0..1_500 {
            for known in second + 1 - kept as u64..=second {
                assert!(remembered.find(who, id(known, number)).is_some(), "{known} is remembered");
            }
            let next = id(second + 1, number);
            assert!(remembered.find(who, next).is_none(), "nothing of {second} is taken for a later second");
        }
        assert!(
            remembered.spare.len() <= SECONDS + AWAY,
            "I8: no more memory is kept than seconds are remembered"
        );
    }
}
