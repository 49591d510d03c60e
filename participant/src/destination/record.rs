//! What a destination writes down, and its bytes in a file.
//!
//! A record says what happened to one transaction; the book is a fold of its records. Byte tables are in
//! [`Record::encode`]; numbers are little-endian, ids big-endian as on the wire.

use holdfast_protocol::{
    Amount, ApprovalCode, DeliveryNumber, Kind, ParticipantNumber, Reason, RequestId, TransactionKey,
    UnixMillis,
};

/// One thing that a destination must not forget before it may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// A forward was decided; written before its answer leaves.
    Decided(TransactionKey, Decided),
    /// A delivery was carried out; written before its acknowledgement leaves.
    Delivered(TransactionKey, Delivered),
    /// The switch has decided the approval: it is no longer provisional.
    Covered(TransactionKey),
    /// An inquiry after the end of the hold returned its ending: the hold was let go.
    LetGo(TransactionKey),
    /// Nothing more will come for the transaction.
    Complete(TransactionKey),
}

/// A decided forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Digest of the forward's content: everything but repeat flag, attempt and remaining budget (rule 2).
    pub content: u64,
    /// What was asked. A refund counts as a payment: with its approval it is done, and nothing stays held.
    pub kind: Kind,
    /// Until when it holds; zero for a payment.
    pub hold_until: UnixMillis,
    /// [`Reason::None`]: approved. Otherwise declined, and why.
    pub reason: Reason,
    /// What was approved; zero for a decline.
    pub amount: Amount,
    /// Of the issuer.
    pub approval_code: ApprovalCode,
}

/// A carried-out delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Which of the transaction's deliveries.
    pub number: DeliveryNumber,
    /// What it did to the hold.
    pub effect: DeliveryEffect,
}

/// What a delivery does to the hold of its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryEffect {
    /// A part was captured; the rest stays held.
    CapturedPart = 1,
    /// The last part was captured; the rest is released.
    CapturedLast = 2,
    /// The hold was given back.
    Released = 3,
    /// Everything was undone.
    Reversed = 4,
}

impl DeliveryEffect {
    /// Whether the hold has ended with it.
    pub const fn ends_hold(self) -> bool {
        match self {
            Self::CapturedPart => false,
            Self::CapturedLast | Self::Released | Self::Reversed => true,
        }
    }

    const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::CapturedPart),
            2 => Some(Self::CapturedLast),
            3 => Some(Self::Released),
            4 => Some(Self::Reversed),
            _ => None,
        }
    }
}

const DECIDED: u8 = 1;
const DELIVERED: u8 = 2;
const COVERED: u8 = 3;
const LET_GO: u8 = 4;
const COMPLETE: u8 = 5;

impl Record {
    /// Which transaction it is about.
    pub const fn key(&self) -> TransactionKey {
        match self {
            Self::Decided(key, _)
            | Self::Delivered(key, _)
            | Self::Covered(key)
            | Self::LetGo(key)
            | Self::Complete(key) => *key,
        }
    }

    /// Appends the record's bytes.
    ///
    /// | offset | bytes | field |
    /// | --- | --- | --- |
    /// | 0 | 1 | 1 decided, 2 delivered, 3 covered, 4 let go, 5 complete |
    /// | 1 | 2 | originator |
    /// | 3 | 16 | id of the authorize |
    /// | 19 | 8 | decided: digest of the content |
    /// | 27 | 1 | decided: kind, 1 pay, 2 reserve, 3 verify |
    /// | 28 | 8 | decided: hold until |
    /// | 36 | 2 | decided: reason, 0 for an approval |
    /// | 38 | 8 | decided: amount |
    /// | 46 | 6 | decided: approval code |
    /// | 19 | 2 | delivered: number of the delivery |
    /// | 21 | 1 | delivered: 1 captured in part, 2 captured finally, 3 released, 4 reversed |
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut head = |kind: u8, key: &TransactionKey| {
            out.push(kind);
            out.extend_from_slice(&key.originator.get().to_le_bytes());
            out.extend_from_slice(&key.id.to_bytes());
        };
        match self {
            Self::Decided(key, decided) => {
                head(DECIDED, key);
                out.extend_from_slice(&decided.content.to_le_bytes());
                out.push(decided.kind as u8);
                out.extend_from_slice(&decided.hold_until.get().to_le_bytes());
                out.extend_from_slice(&decided.reason.number().to_le_bytes());
                out.extend_from_slice(&decided.amount.minor().to_le_bytes());
                out.extend_from_slice(&decided.approval_code.to_bytes());
            }
            Self::Delivered(key, delivered) => {
                head(DELIVERED, key);
                out.extend_from_slice(&delivered.number.0.to_le_bytes());
                out.push(delivered.effect as u8);
            }
            Self::Covered(key) => head(COVERED, key),
            Self::LetGo(key) => head(LET_GO, key),
            Self::Complete(key) => head(COMPLETE, key),
        }
    }

    /// Takes the next record off `bytes`; `None` where they are no record.
    pub fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let [kind] = take(bytes)?;
        let originator = ParticipantNumber::new(u16::from_le_bytes(take(bytes)?))?;
        let key = TransactionKey { originator, id: RequestId::from_bytes(take(bytes)?) };
        match kind {
            DECIDED => Some(Self::Decided(
                key,
                Decided {
                    content: u64::from_le_bytes(take(bytes)?),
                    kind: kind_from_number(take(bytes)?)?,
                    hold_until: UnixMillis::new(u64::from_le_bytes(take(bytes)?))?,
                    reason: Reason::from_number(u16::from_le_bytes(take(bytes)?))?,
                    amount: Amount::from_minor(u64::from_le_bytes(take(bytes)?))?,
                    approval_code: ApprovalCode::new(take(bytes)?)?,
                },
            )),
            DELIVERED => {
                let number = DeliveryNumber(u16::from_le_bytes(take(bytes)?));
                let [effect] = take(bytes)?;
                let effect = DeliveryEffect::from_number(effect)?;
                Some(Self::Delivered(key, Delivered { number, effect }))
            }
            COVERED => Some(Self::Covered(key)),
            LET_GO => Some(Self::LetGo(key)),
            COMPLETE => Some(Self::Complete(key)),
            _ => None,
        }
    }
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

const fn kind_from_number([number]: [u8; 1]) -> Option<Kind> {
    match number {
        1 => Some(Kind::Pay),
        2 => Some(Kind::Reserve),
        3 => Some(Kind::Verify),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_kind() -> Vec<Record> {
        let key = TransactionKey {
            originator: ParticipantNumber::new(0x0102).unwrap(),
            id: RequestId::from_bytes([0xab; 16]),
        };
        let decided = Decided {
            content: 7,
            kind: Kind::Reserve,
            hold_until: UnixMillis::new(1_000).unwrap(),
            reason: Reason::None,
            amount: Amount::from_minor(500).unwrap(),
            approval_code: ApprovalCode::new(*b"A1B2C3").unwrap(),
        };
        let delivered = Delivered { number: DeliveryNumber(3), effect: DeliveryEffect::Released };
        vec![
            Record::Decided(key, decided),
            Record::Delivered(key, delivered),
            Record::Covered(key),
            Record::LetGo(key),
            Record::Complete(key),
        ]
    }

    #[test]
    fn records_read_as_they_were_written() {
        let mut bytes = Vec::new();
        every_kind().iter().for_each(|record| record.encode(&mut bytes));
        let mut rest: &[u8] = &bytes;
        let read: Vec<_> = std::iter::from_fn(|| Record::decode(&mut rest)).collect();
        assert_eq!((read, rest.len()), (every_kind(), 0));
    }

    #[test]
    fn golden_bytes_of_a_delivery() {
        let mut bytes = Vec::new();
        every_kind()[1].encode(&mut bytes);
        let mut golden = vec![2, 2, 1];
        golden.extend([0xab; 16]);
        golden.extend([3, 0, 3]);
        assert_eq!(bytes, golden);
    }

    #[test]
    fn no_bytes_panic() {
        for first in 0..=u8::MAX {
            for len in 0..60 {
                let bytes: Vec<u8> = std::iter::once(first).chain((0..len).map(|n| n ^ first)).collect();
                let mut rest: &[u8] = &bytes;
                // Whatever it is, it is a record or it is none.
                let record = Record::decode(&mut rest);
                assert!(record.is_none() || rest.len() < bytes.len());
            }
        }
    }
}
