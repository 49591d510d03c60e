//! The bytes of frames and segments. `docs/JOURNAL.md` has the same tables for people.
//!
//! Frame header, 128 bytes, little-endian, at a block boundary; the body follows, then zeros to the next boundary:
//!
//! | offset | bytes | field |
//! | --- | --- | --- |
//! | 0 | 6 | `HFJFRM` |
//! | 6 | 2 | version, 1 |
//! | 8 | 2 | kind: 1 facts, 2 seal, 3 epoch |
//! | 10 | 2 | zero |
//! | 12 | 4 | count of facts in the body |
//! | 16 | 16 | journal id |
//! | 32 | 8 | number of the frame, counted from 1 |
//! | 40 | 8 | sequence of the first fact; where there is none, of the next |
//! | 48 | 8 | time, Unix milliseconds |
//! | 56 | 4 | epoch |
//! | 60 | 4 | bytes of the body |
//! | 64 | 8 | `durable_through`: number of the newest frame known durable when this one was written |
//! | 72 | 32 | BLAKE3 hash of the previous frame's header and body; of the journal id before the first |
//! | 104 | 4 | CRC32C of the body |
//! | 108 | 16 | zero |
//! | 124 | 4 | CRC32C of the 124 bytes before |
//!
//! Segment header, 64 bytes in the first block of a segment:
//!
//! | offset | bytes | field |
//! | --- | --- | --- |
//! | 0 | 6 | `HFJSEG` |
//! | 6 | 2 | version, 1 |
//! | 8 | 8 | number of the segment, counted from 1 |
//! | 16 | 16 | journal id |
//! | 32 | 8 | bytes of the segment, this block included |
//! | 40 | 20 | zero |
//! | 60 | 4 | CRC32C of the 60 bytes before |
//!
//! Invariant: no bytes make reading panic; what is read back is what was written or nothing.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::fmt;

use holdfast_protocol::{Epoch, Sequence, UnixMillis};

/// Bytes of a frame header.
pub(crate) const FRAME_HEADER_BYTES: usize = 128;
/// The longest body of a frame. A longer one on disk is no frame. The longest record fits: all routes.
pub(crate) const FRAME_BODY_BYTES_MAX: usize = (16 << 20) + 64;
/// Bytes of a segment header; the rest of its block is zero.
pub(crate) const SEGMENT_HEADER_BYTES: usize = 64;

const FRAME_MAGIC: [u8; 6] = *b"HFJFRM";
const SEGMENT_MAGIC: [u8; 6] = *b"HFJSEG";
const VERSION: u16 = 1;

/// Which journal. Made at random with the journal, so that no frame of another one can be taken for ours.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct JournalId(pub [u8; 16]);

impl fmt::Display for JournalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for JournalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The hash that ties a frame to the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chain(pub(crate) [u8; 32]);

impl Chain {
    /// Before the first frame.
    pub(crate) fn start(id: JournalId) -> Self {
        Self(*blake3::hash(&id.0).as_bytes())
    }

    /// After a frame.
    pub(crate) fn after(header: &[u8; FRAME_HEADER_BYTES], body: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(header);
        hasher.update(body);
        Self(*hasher.finalize().as_bytes())
    }
}

/// What a frame is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// It holds facts.
    Facts,
    /// It is empty and says that what is before it is durable.
    Seal,
    /// It is empty and begins an epoch.
    Epoch,
}

/// The header of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FrameHeader {
    pub(crate) kind: FrameKind,
    pub(crate) count: u32,
    pub(crate) journal: JournalId,
    pub(crate) number: u64,
    pub(crate) first: Sequence,
    pub(crate) time: UnixMillis,
    pub(crate) epoch: Epoch,
    pub(crate) body_bytes: u32,
    pub(crate) durable_through: u64,
    pub(crate) previous: Chain,
    pub(crate) body_checksum: u32,
}

impl FrameHeader {
    /// The bytes of the table above.
    pub(crate) fn encode(&self) -> [u8; FRAME_HEADER_BYTES] {
        let mut bytes = [0; FRAME_HEADER_BYTES];
        let mut out = Out(&mut bytes);
        out.put(FRAME_MAGIC);
        out.put(VERSION.to_le_bytes());
        out.put(match self.kind {
            FrameKind::Facts => 1_u16.to_le_bytes(),
            FrameKind::Seal => 2_u16.to_le_bytes(),
            FrameKind::Epoch => 3_u16.to_le_bytes(),
        });
        out.put([0; 2]);
        out.put(self.count.to_le_bytes());
        out.put(self.journal.0);
        out.put(self.number.to_le_bytes());
        out.put(self.first.0.to_le_bytes());
        out.put(self.time.get().to_le_bytes());
        out.put(self.epoch.0.to_le_bytes());
        out.put(self.body_bytes.to_le_bytes());
        out.put(self.durable_through.to_le_bytes());
        out.put(self.previous.0);
        out.put(self.body_checksum.to_le_bytes());
        seal_checksum(bytes)
    }

    /// `None` where the block does not begin with a whole and valid header.
    pub(crate) fn decode(block: &[u8]) -> Option<Self> {
        let bytes = checked_header::<FRAME_HEADER_BYTES>(block, FRAME_MAGIC)?;
        let mut fields = In(bytes.get(8..)?);
        let kind = match u16::from_le_bytes(fields.take()?) {
            1 => FrameKind::Facts,
            2 => FrameKind::Seal,
            3 => FrameKind::Epoch,
            _ => return None,
        };
        if fields.take::<2>()? != [0; 2] {
            return None;
        }
        let header = Self {
            kind,
            count: u32::from_le_bytes(fields.take()?),
            journal: JournalId(fields.take()?),
            number: u64::from_le_bytes(fields.take()?),
            first: Sequence(u64::from_le_bytes(fields.take()?)),
            time: UnixMillis::new(u64::from_le_bytes(fields.take()?))?,
            epoch: Epoch(u32::from_le_bytes(fields.take()?)),
            body_bytes: u32::from_le_bytes(fields.take()?),
            durable_through: u64::from_le_bytes(fields.take()?),
            previous: Chain(fields.take()?),
            body_checksum: u32::from_le_bytes(fields.take()?),
        };
        let empty = header.count == 0 && header.body_bytes == 0;
        let shape = match kind {
            FrameKind::Facts => header.count > 0 && header.body_len()? > 0,
            FrameKind::Seal | FrameKind::Epoch => empty,
        };
        (shape && header.durable_through < header.number && fields.take::<16>()? == [0; 16]).then_some(header)
    }

    /// Bytes of the body; `None` above the limit.
    pub(crate) fn body_len(&self) -> Option<usize> {
        usize::try_from(self.body_bytes).ok().filter(|len| *len <= FRAME_BODY_BYTES_MAX)
    }

    /// The sequence after the last fact of the frame; `None` where numbers run out.
    pub(crate) fn next_sequence(&self) -> Option<Sequence> {
        self.first.0.checked_add(u64::from(self.count)).map(Sequence)
    }
}

/// The header of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHeader {
    pub(crate) number: u64,
    pub(crate) journal: JournalId,
    pub(crate) bytes: u64,
}

impl SegmentHeader {
    /// The bytes of the table above.
    pub(crate) fn encode(&self) -> [u8; SEGMENT_HEADER_BYTES] {
        let mut bytes = [0; SEGMENT_HEADER_BYTES];
        let mut out = Out(&mut bytes);
        out.put(SEGMENT_MAGIC);
        out.put(VERSION.to_le_bytes());
        out.put(self.number.to_le_bytes());
        out.put(self.journal.0);
        out.put(self.bytes.to_le_bytes());
        seal_checksum(bytes)
    }

    /// `None` where the block does not begin with a whole and valid header.
    pub(crate) fn decode(block: &[u8]) -> Option<Self> {
        let bytes = checked_header::<SEGMENT_HEADER_BYTES>(block, SEGMENT_MAGIC)?;
        let mut fields = In(bytes.get(8..)?);
        let header = Self {
            number: u64::from_le_bytes(fields.take()?),
            journal: JournalId(fields.take()?),
            bytes: u64::from_le_bytes(fields.take()?),
        };
        (fields.take::<20>()? == [0; 20]).then_some(header)
    }
}

/// Writes the checksum of all before the last four bytes into those.
pub(crate) fn seal_checksum<const N: usize>(mut bytes: [u8; N]) -> [u8; N] {
    if let Some((rest, checksum)) = bytes.split_last_chunk_mut::<4>() {
        *checksum = crc32c::crc32c(rest).to_le_bytes();
    }
    bytes
}

/// The first `N` bytes of a block where magic, version and checksum are right.
pub(crate) fn checked_header<const N: usize>(block: &[u8], magic: [u8; 6]) -> Option<&[u8; N]> {
    let (bytes, _) = block.split_first_chunk::<N>()?;
    let (rest, checksum) = bytes.split_last_chunk::<4>()?;
    let (start, after) = rest.split_first_chunk::<6>()?;
    let (version, _) = after.split_first_chunk::<2>()?;
    let right = *start == magic
        && *version == VERSION.to_le_bytes()
        && *checksum == crc32c::crc32c(rest).to_le_bytes();
    right.then_some(bytes)
}

/// Reads fixed fields off the front.
pub(crate) struct In<'a>(pub(crate) &'a [u8]);

impl In<'_> {
    pub(crate) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }
}

/// Writes fixed fields to the front.
pub(crate) struct Out<'a>(pub(crate) &'a mut [u8]);

impl Out<'_> {
    #[inline(always)]
    pub(crate) fn put<const N: usize>(&mut self, field: [u8; N]) {
        let (space, rest) = std::mem::take(&mut self.0)
            .split_first_chunk_mut::<N>()
            .expect("the fields of a header are shorter than the header");
        *space = field;
        self.0 = rest;
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test that goes out of range fails, as it should")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header() -> FrameHeader {
        FrameHeader {
            kind: FrameKind::Facts,
            count: 3,
            journal: JournalId(*b"0123456789abcdef"),
            number: 7,
            first: Sequence(41),
            time: UnixMillis::new(1_795_305_600_123).unwrap(),
            epoch: Epoch(2),
            body_bytes: 99,
            durable_through: 6,
            previous: Chain([9; 32]),
            body_checksum: 0xdead_beef,
        }
    }

    #[test]
    fn frame_header_has_its_golden_bytes() {
        let hex: String = header().encode().iter().map(|b| format!("{b:02x}")).collect();
        let expected = [
            "48464a46524d0100",
            "0100000003000000",
            "30313233343536373839616263646566",
            "0700000000000000",
            "2900000000000000",
            "7b748d00a2010000",
            "0200000063000000",
            "0600000000000000",
            "0909090909090909090909090909090909090909090909090909090909090909",
            "efbeadde",
            "00000000000000000000000000000000",
        ]
        .concat();
        assert_eq!(&hex[..248], expected);
        assert_eq!(FrameHeader::decode(&header().encode()), Some(header()));
    }

    #[test]
    fn segment_header_reads_back() {
        let header = SegmentHeader { number: 3, journal: JournalId([7; 16]), bytes: 1 << 28 };
        assert_eq!(SegmentHeader::decode(&header.encode()), Some(header));
        assert_eq!(FrameHeader::decode(&header.encode()), None);
    }

    #[test]
    fn every_flipped_bit_of_a_header_is_noticed() {
        let good = header().encode();
        for bit in 0..good.len() * 8 {
            let mut bad = good;
            bad[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(FrameHeader::decode(&bad), None, "bit {bit}");
        }
    }

    #[test]
    fn a_seal_with_a_body_and_facts_without_one_are_no_frames() {
        let seal = FrameHeader { kind: FrameKind::Seal, ..header() };
        assert_eq!(FrameHeader::decode(&seal.encode()), None);
        let facts = FrameHeader { count: 0, body_bytes: 0, ..header() };
        assert_eq!(FrameHeader::decode(&facts.encode()), None);
        let endless = FrameHeader { body_bytes: u32::MAX, ..header() };
        assert_eq!(FrameHeader::decode(&endless.encode()), None);
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(FrameHeader::decode(&bytes).is_none());
            prop_assert!(SegmentHeader::decode(&bytes).is_none());
        }

        #[test]
        fn no_bytes_with_a_right_checksum_panic(body in any::<[u8; 118]>(), kind in 0_u16..5) {
            let mut bytes = [0; FRAME_HEADER_BYTES];
            bytes[..6].copy_from_slice(&FRAME_MAGIC);
            bytes[6] = 1;
            bytes[8..10].copy_from_slice(&kind.to_le_bytes());
            bytes[10..128].copy_from_slice(&body);
            let bytes = seal_checksum(bytes);
            if let Some(header) = FrameHeader::decode(&bytes) {
                prop_assert_eq!(header.encode(), bytes);
            }
        }
    }
}
