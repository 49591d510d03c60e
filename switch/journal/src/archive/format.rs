//! The bytes of an index. `docs/JOURNAL.md` has the same tables for people.
//!
//! Blocks of 4,096 bytes: the header's, those of the entries, those of the filter. Header, 128 bytes, little-endian; the
//! rest of its block is zero:
//!
//! | offset | bytes | field |
//! | --- | --- | --- |
//! | 0 | 6 | `HFJIDX` |
//! | 6 | 2 | version, 1 |
//! | 8 | 16 | journal id |
//! | 24 | 8 | number of the segment |
//! | 32 | 8 | sequence of the segment's first fact |
//! | 40 | 8 | sequence after that of its last |
//! | 48 | 8 | time of the frame before it, Unix milliseconds |
//! | 56 | 8 | time of its last frame |
//! | 64 | 8 | creation of the oldest id in it, Unix seconds |
//! | 72 | 8 | creation of the newest |
//! | 80 | 8 | count of the entries |
//! | 88 | 4 | blocks of entries |
//! | 92 | 4 | blocks of the filter |
//! | 96 | 28 | zero |
//! | 124 | 4 | CRC32C of the 124 bytes before |
//!
//! A block of entries or of the filter:
//!
//! | offset | bytes | field |
//! | --- | --- | --- |
//! | 0 | 4 | CRC32C of journal id, number of the segment, number of the block (4 bytes), and of the bytes after this field |
//! | 4 | 2 | count of the entries; zero in the filter |
//! | 6 | 2 | their bytes; zero in the filter |
//! | 8 | | the entries as in a snapshot, by id and originator, then zeros; in the filter 32,704 bits |
//!
//! Which block of the filter an id belongs to, and which six of its bits, follows from the XXH3 hash of id and originator.
//!
//! Invariant: no bytes make reading panic; what is read back is what was written, where it was written, or nothing.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use holdfast_protocol::{RequestId, Sequence, TransactionKey, UnixMillis};
use xxhash_rust::xxh3::xxh3_64;

use crate::block::BLOCK_BYTES;
use crate::format::{In, JournalId, Out, checked_header, seal_checksum};
use crate::storage::SegmentNumber;

const MAGIC: [u8; 6] = *b"HFJIDX";
const VERSION: u16 = 1;
const HEADER_BYTES: usize = 128;
/// Before the entries of a block, or the bits.
pub(super) const BLOCK_HEADER_BYTES: usize = 8;
/// For entries or bits.
pub(super) const BLOCK_ROOM: usize = BLOCK_BYTES - BLOCK_HEADER_BYTES;
const FILTER_BITS: u32 = 32_704;
const _: () = assert!(FILTER_BITS as usize == BLOCK_ROOM * 8);
/// Bits of the filter for each id: one in a hundred that is not there seems to be.
const BITS_FOR_EACH: u64 = 10;
const PROBES: u32 = 6;

/// The header of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) journal: JournalId,
    pub(crate) segment: SegmentNumber,
    pub(crate) first: Sequence,
    pub(crate) next: Sequence,
    pub(crate) begins: UnixMillis,
    pub(crate) ends: UnixMillis,
    pub(crate) oldest_second: u64,
    pub(crate) newest_second: u64,
    pub(crate) count: u64,
    pub(crate) entry_blocks: u32,
    pub(crate) filter_blocks: u32,
}

impl Header {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = [0; HEADER_BYTES];
        let mut out = Out(&mut bytes);
        out.put(MAGIC);
        out.put(VERSION.to_le_bytes());
        out.put(self.journal.0);
        out.put(self.segment.0.to_le_bytes());
        out.put(self.first.0.to_le_bytes());
        out.put(self.next.0.to_le_bytes());
        out.put(self.begins.get().to_le_bytes());
        out.put(self.ends.get().to_le_bytes());
        out.put(self.oldest_second.to_le_bytes());
        out.put(self.newest_second.to_le_bytes());
        out.put(self.count.to_le_bytes());
        out.put(self.entry_blocks.to_le_bytes());
        out.put(self.filter_blocks.to_le_bytes());
        let mut block = seal_checksum(bytes).to_vec();
        block.resize(BLOCK_BYTES, 0);
        block
    }

    /// `None` where the block does not begin with a whole and valid header.
    pub(crate) fn decode(block: &[u8]) -> Option<Self> {
        let bytes = checked_header::<HEADER_BYTES>(block, MAGIC)?;
        let mut fields = In(bytes.get(8..)?);
        let header = Self {
            journal: JournalId(fields.take()?),
            segment: SegmentNumber(u64::from_le_bytes(fields.take()?)),
            first: Sequence(u64::from_le_bytes(fields.take()?)),
            next: Sequence(u64::from_le_bytes(fields.take()?)),
            begins: UnixMillis::new(u64::from_le_bytes(fields.take()?))?,
            ends: UnixMillis::new(u64::from_le_bytes(fields.take()?))?,
            oldest_second: u64::from_le_bytes(fields.take()?),
            newest_second: u64::from_le_bytes(fields.take()?),
            count: u64::from_le_bytes(fields.take()?),
            entry_blocks: u32::from_le_bytes(fields.take()?),
            filter_blocks: u32::from_le_bytes(fields.take()?),
        };
        (fields.take::<28>()? == [0; 28] && header.filter_blocks == filter_blocks(header.count))
            .then_some(header)
    }

    /// Of the whole file.
    pub(super) fn file_bytes(&self) -> u64 {
        let blocks = u64::from(self.entry_blocks).saturating_add(u64::from(self.filter_blocks));
        blocks.saturating_add(1).saturating_mul(BLOCK_BYTES as u64)
    }
}

/// Which block of a file: what its checksum covers beside its bytes, so that no other is taken for it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) journal: JournalId,
    pub(super) segment: SegmentNumber,
    pub(super) block: u32,
}

impl Place {
    fn checksum(&self, bytes: &[u8]) -> u32 {
        let place = crc32c::crc32c(&self.journal.0);
        let place = crc32c::crc32c_append(place, &self.segment.0.to_le_bytes());
        crc32c::crc32c_append(crc32c::crc32c_append(place, &self.block.to_le_bytes()), bytes)
    }

    /// Puts the checksum into a block that has all else.
    pub(super) fn seal(&self, block: &mut [u8]) {
        if let Some((checksum, rest)) = block.split_first_chunk_mut::<4>() {
            *checksum = self.checksum(rest).to_le_bytes();
        }
    }

    /// Count and content of a block, where it is the one that was written here.
    pub(super) fn open<'a>(&self, block: &'a [u8]) -> Option<(u16, &'a [u8])> {
        let (checksum, rest) = block.split_first_chunk::<4>()?;
        let (count, after) = rest.split_first_chunk::<2>()?;
        let (bytes, room) = after.split_first_chunk::<2>()?;
        let (count, bytes) = (u16::from_le_bytes(*count), u16::from_le_bytes(*bytes));
        let content = if count > 0 { room.get(..usize::from(bytes))? } else { room };
        (block.len() == BLOCK_BYTES && u32::from_le_bytes(*checksum) == self.checksum(rest))
            .then_some((count, content))
    }
}

/// What stands before so many entries of so many bytes, the checksum still zero.
pub(super) fn block_header(count: u16, bytes: usize) -> [u8; BLOCK_HEADER_BYTES] {
    let bytes = u16::try_from(bytes).expect("the content of a block is shorter than a block");
    let mut header = [0; BLOCK_HEADER_BYTES];
    let mut out = Out(&mut header);
    out.put([0; 4]);
    out.put(count.to_le_bytes());
    out.put(bytes.to_le_bytes());
    header
}

/// Where an entry stands among others.
pub(super) type Order = (RequestId, u16);

/// In which order entries stand: ids begin with their creation.
pub(super) const fn order(key: TransactionKey) -> Order {
    (key.id, key.originator.get())
}

/// The second that an id was created in.
pub(super) fn second_of(id: RequestId) -> u64 {
    id.created().get().checked_div(1_000).unwrap_or(0)
}

/// How many blocks the filter of so many ids has.
pub(super) fn filter_blocks(count: u64) -> u32 {
    let bits = count.saturating_mul(BITS_FOR_EACH);
    u32::try_from(bits.div_ceil(u64::from(FILTER_BITS))).unwrap_or(u32::MAX)
}

/// Where the filter of an index has an id.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bits {
    /// Counted from the first block of the filter.
    pub(super) block: u32,
    hash: u64,
}

/// By which the filter has an id.
pub(super) fn hash(key: TransactionKey) -> u64 {
    let mut bytes = [0; 18];
    let mut out = Out(&mut bytes);
    out.put(key.id.to_bytes());
    out.put(key.originator.get().to_le_bytes());
    xxh3_64(&bytes)
}

impl Bits {
    pub(super) fn of(key: TransactionKey, blocks: u32) -> Self {
        Self::at(hash(key), blocks)
    }

    /// The same by the hash.
    pub(super) fn at(hash: u64, blocks: u32) -> Self {
        let block = u128::from(hash).wrapping_mul(u128::from(blocks)) >> 64;
        Self { block: u32::try_from(block).unwrap_or(0), hash }
    }

    fn each(self) -> impl Iterator<Item = (usize, u8)> {
        // The high bits have chosen the block.
        let [a, b, c, d, ..] = self.hash.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
        let step = u32::from_be_bytes([a, b, c, d]) | 1;
        let [.., e, f, g, h] = self.hash.to_be_bytes();
        let start = u32::from_be_bytes([e, f, g, h]);
        (0..PROBES).map(move |probe| {
            let bit = start.wrapping_add(step.wrapping_mul(probe)).checked_rem(FILTER_BITS).unwrap_or(0);
            let byte = usize::try_from(bit >> 3).unwrap_or(0);
            (byte, 1 << (bit & 7))
        })
    }

    pub(super) fn set(self, bits: &mut [u8]) {
        for (byte, bit) in self.each() {
            if let Some(byte) = bits.get_mut(byte) {
                *byte |= bit;
            }
        }
    }

    /// Whether the id may be there.
    pub(super) fn are_set(self, bits: &[u8]) -> bool {
        self.each().all(|(byte, bit)| bits.get(byte).is_some_and(|byte| byte & bit != 0))
    }
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::ParticipantNumber;
    use proptest::prelude::*;

    use super::*;

    fn header() -> Header {
        Header {
            journal: JournalId(*b"0123456789abcdef"),
            segment: SegmentNumber(7),
            first: Sequence(900),
            next: Sequence(12_345),
            begins: UnixMillis::new(1_795_305_600_123).unwrap(),
            ends: UnixMillis::new(1_795_305_700_456).unwrap(),
            oldest_second: 1_795_305_500,
            newest_second: 1_795_305_630,
            count: 11_000,
            entry_blocks: 240,
            filter_blocks: 4,
        }
    }

    #[test]
    fn header_has_its_golden_bytes() {
        let block = header().encode();
        let hex: String = block.iter().take(96).map(|b| format!("{b:02x}")).collect();
        let expected = [
            "48464a4944580100",
            "30313233343536373839616263646566",
            "0700000000000000",
            "8403000000000000",
            "3930000000000000",
            "7b748d00a2010000",
            "68fc8e00a2010000",
            "1c30026b00000000",
            "9e30026b00000000",
            "f82a000000000000",
            "f000000004000000",
        ]
        .concat();
        assert_eq!(hex, expected);
        assert_eq!(block.len(), BLOCK_BYTES);
        assert_eq!(Header::decode(&block), Some(header()));
    }

    #[test]
    fn every_flipped_bit_of_a_header_or_a_block_is_noticed() {
        for bit in 0..HEADER_BYTES * 8 {
            let mut bad = header().encode();
            if let Some(byte) = bad.get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
            assert_eq!(Header::decode(&bad), None, "bit {bit}");
        }
        let place = Place { journal: header().journal, segment: SegmentNumber(7), block: 3 };
        let mut good = [block_header(2, 700).as_slice(), &[5; 700], &[0; BLOCK_ROOM - 700]].concat();
        place.seal(&mut good);
        assert_eq!(place.open(&good), Some((2, [5; 700].as_slice())));
        for bit in 0..BLOCK_BYTES * 8 {
            let mut bad = good.clone();
            if let Some(byte) = bad.get_mut(bit / 8) {
                *byte ^= 1 << (bit % 8);
            }
            assert_eq!(place.open(&bad), None, "bit {bit}");
        }
        assert_eq!(Place { block: 4, ..place }.open(&good), None, "it is of another place");
        assert_eq!(
            Place { segment: SegmentNumber(8), ..place }.open(&good),
            None,
            "it is of another segment"
        );
    }

    #[test]
    fn the_filter_forgets_none_and_lets_few_others_pass() {
        let key = |number: u64| TransactionKey {
            originator: ParticipantNumber::new(3).unwrap(),
            id: RequestId::from_bytes((u128::from(number) << 40).to_be_bytes()),
        };
        let blocks = filter_blocks(20_000);
        let mut filter = vec![vec![0; BLOCK_ROOM]; usize::try_from(blocks).unwrap()];
        let block = |key| usize::try_from(Bits::of(key, blocks).block).unwrap();
        for number in 0..20_000 {
            Bits::of(key(number), blocks).set(filter.get_mut(block(key(number))).unwrap());
        }
        let passes = |number| Bits::of(key(number), blocks).are_set(filter.get(block(key(number))).unwrap());
        assert!((0..20_000).all(passes));
        let wrongly = (20_000..40_000).filter(|number| passes(*number)).count();
        assert!(wrongly < 400, "{wrongly} of 20,000 pass");
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..5_000)) {
            let place = Place { journal: header().journal, segment: SegmentNumber(7), block: 3 };
            prop_assert!(Header::decode(&bytes).is_none());
            prop_assert!(place.open(&bytes).is_none());
        }
    }
}
