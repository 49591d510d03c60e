//! The bytes of a snapshot. `docs/JOURNAL.md` has the same tables for people.
//!
//! Header, 160 bytes, little-endian:
//!
//! | offset | bytes | field |
//! | --- | --- | --- |
//! | 0 | 6 | `HFJSNP` |
//! | 6 | 2 | version, 1 |
//! | 8 | 16 | journal id |
//! | 24 | 8 | number of the segment at whose start it stands |
//! | 32 | 8 | number of the frame that begins that segment |
//! | 40 | 8 | sequence of the next fact |
//! | 48 | 8 | time of the frame before, Unix milliseconds |
//! | 56 | 4 | epoch of the frame before |
//! | 60 | 4 | version of the digest |
//! | 64 | 8 | digest of the long-lived part |
//! | 72 | 8 | digest of the remembered part |
//! | 80 | 32 | BLAKE3 hash of the frame before |
//! | 112 | 44 | zero |
//! | 156 | 4 | CRC32C of the 156 bytes before |
//!
//! Then blocks of entries, the last one without any, then the BLAKE3 hash of everything before it, 32 bytes:
//!
//! | offset | bytes | field |
//! | --- | --- | --- |
//! | 0 | 4 | bytes of the entries |
//! | 4 | 4 | count of the entries |
//! | 8 | 4 | CRC32C of the 8 bytes before and of the entries |
//! | 12 | | the entries, one after the other |
//!
//! Invariant: no bytes make reading panic; what is read back is what was written or nothing.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use holdfast_core::ledger::{DIGEST_VERSION, Digest};
use holdfast_protocol::{Epoch, Sequence, UnixMillis};

use crate::block::BLOCK;
use crate::format::{Chain, In, JournalId, Out, checked_header, seal_checksum};
use crate::scan::Progress;
use crate::storage::{Position, SegmentNumber};

const MAGIC: [u8; 6] = *b"HFJSNP";
const VERSION: u16 = 1;
pub(super) const HEADER_BYTES: usize = 160;
/// Before the entries of a block.
pub(super) const BLOCK_HEADER_BYTES: usize = 12;
/// At the end of all.
pub(super) const HASH_BYTES: usize = 32;
/// A block is closed once it has this many bytes.
pub(super) const BLOCK_BYTES_ENOUGH: usize = 1 << 20;
/// No block is longer: the longest entry holds all routes.
pub(super) const BLOCK_BYTES_MAX: usize = 32 << 20;

/// The header of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) journal: JournalId,
    /// Where the journal goes on.
    pub(crate) from: From,
    pub(crate) digest_version: u32,
    pub(crate) digest: Digest,
}

/// Where the journal goes on after a snapshot: what the next frame continues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct From {
    pub(crate) segment: SegmentNumber,
    pub(crate) frame: u64,
    pub(crate) sequence: Sequence,
    pub(crate) epoch: Epoch,
    pub(crate) time: UnixMillis,
    pub(crate) chain: Chain,
}

impl From {
    pub(crate) const fn of(segment: SegmentNumber, progress: &Progress) -> Self {
        let Progress { at: _, frame, sequence, epoch, time, chain } = *progress;
        Self { segment, frame, sequence, epoch, time, chain }
    }

    pub(crate) const fn progress(&self) -> Progress {
        let Self { segment, frame, sequence, epoch, time, chain } = *self;
        Progress { at: Position { segment, offset: BLOCK }, frame, sequence, epoch, time, chain }
    }
}

impl Header {
    /// Whether its digest can be compared. Another version of the program may have reckoned otherwise; the hash over all
    /// bytes holds all the same.
    pub(crate) const fn has_digest_of_this_version(&self) -> bool {
        self.digest_version == DIGEST_VERSION
    }

    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let mut out = Out(&mut bytes);
        out.put(MAGIC);
        out.put(VERSION.to_le_bytes());
        out.put(self.journal.0);
        out.put(self.from.segment.0.to_le_bytes());
        out.put(self.from.frame.to_le_bytes());
        out.put(self.from.sequence.0.to_le_bytes());
        out.put(self.from.time.get().to_le_bytes());
        out.put(self.from.epoch.0.to_le_bytes());
        out.put(self.digest_version.to_le_bytes());
        out.put(self.digest.long_lived.to_le_bytes());
        out.put(self.digest.remembered.to_le_bytes());
        out.put(self.from.chain.0);
        seal_checksum(bytes)
    }

    /// `None` where the bytes are no whole and valid header.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = checked_header::<HEADER_BYTES>(bytes, MAGIC)?;
        let mut fields = In(bytes.get(8..)?);
        let journal = JournalId(fields.take()?);
        let segment = SegmentNumber(u64::from_le_bytes(fields.take()?));
        let frame = u64::from_le_bytes(fields.take()?);
        let sequence = Sequence(u64::from_le_bytes(fields.take()?));
        let time = UnixMillis::new(u64::from_le_bytes(fields.take()?))?;
        let epoch = Epoch(u32::from_le_bytes(fields.take()?));
        let digest_version = u32::from_le_bytes(fields.take()?);
        let long_lived = u64::from_le_bytes(fields.take()?);
        let digest = Digest { long_lived, remembered: u64::from_le_bytes(fields.take()?) };
        let from = From { segment, frame, sequence, epoch, time, chain: Chain(fields.take()?) };
        (fields.take::<44>()? == [0; 44]).then_some(Self { journal, from, digest_version, digest })
    }
}

/// The header of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockHeader {
    pub(super) bytes: u32,
    pub(super) count: u32,
    pub(super) checksum: u32,
}

impl BlockHeader {
    pub(super) fn of(entries: &[u8], count: u32) -> Self {
        let bytes = u32::try_from(entries.len()).expect("a block is at most 32 MiB");
        Self { bytes, count, checksum: checksum(bytes, count, entries) }
    }

    pub(super) fn encode(self) -> [u8; BLOCK_HEADER_BYTES] {
        let mut bytes = [0; BLOCK_HEADER_BYTES];
        let mut out = Out(&mut bytes);
        out.put(self.bytes.to_le_bytes());
        out.put(self.count.to_le_bytes());
        out.put(self.checksum.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: [u8; BLOCK_HEADER_BYTES]) -> Option<Self> {
        let mut fields = In(&bytes);
        let mut number = || fields.take().map(u32::from_le_bytes);
        Some(Self { bytes: number()?, count: number()?, checksum: number()? })
    }

    /// Whether these are the entries that were written.
    pub(super) fn is_of(self, entries: &[u8]) -> bool {
        self.checksum == checksum(self.bytes, self.count, entries)
    }
}

fn checksum(bytes: u32, count: u32, entries: &[u8]) -> u32 {
    let head = crc32c::crc32c_append(crc32c::crc32c(&bytes.to_le_bytes()), &count.to_le_bytes());
    crc32c::crc32c_append(head, entries)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header() -> Header {
        Header {
            journal: JournalId(*b"0123456789abcdef"),
            from: From {
                segment: SegmentNumber(7),
                frame: 900,
                sequence: Sequence(12_345),
                epoch: Epoch(3),
                time: UnixMillis::new(1_795_305_600_123).unwrap(),
                chain: Chain([9; 32]),
            },
            digest_version: 1,
            digest: Digest { long_lived: 0x1122_3344_5566_7788, remembered: 0x99aa_bbcc_ddee_ff00 },
        }
    }

    #[test]
    fn header_has_its_golden_bytes() {
        let hex: String = header().encode().iter().map(|b| format!("{b:02x}")).collect();
        let expected = [
            "48464a534e500100",
            "30313233343536373839616263646566",
            "0700000000000000",
            "8403000000000000",
            "3930000000000000",
            "7b748d00a2010000",
            "0300000001000000",
            "8877665544332211",
            "00ffeeddccbbaa99",
            "0909090909090909090909090909090909090909090909090909090909090909",
        ]
        .concat();
        assert_eq!(hex.get(..224), Some(expected.as_str()));
        assert_eq!(Header::decode(&header().encode()), Some(header()));
    }

    #[test]
    fn every_flipped_bit_of_a_header_is_noticed() {
        for bit in 0..HEADER_BYTES * 8 {
            let mut bad = header().encode();
            if let Some(byte) = bad.get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
            assert_eq!(Header::decode(&bad), None, "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(Header::decode(&bytes).is_none());
        }
    }
}
