//! Traces: recorded or generated arrivals in a file, to be sent as often as one likes.
//!
//! A trace is compact, versioned and checked: each block carries a CRC, the last one says how much there must be, and
//! whatever is truncated, damaged or of another version is refused with the file and the offset. The same arrivals give the same
//! bytes. docs/TRACE.md describes the format.
//!
//! Absent on purpose: anything that depends on the machine, the time or the build.

mod ahead;
mod describe;
mod header;
mod reader;
mod record;
mod replayed;
mod totals;
mod writer;

pub use describe::Description;
pub use header::Header;
pub use reader::{Trace, TraceError};
pub use replayed::Replayed;
pub(crate) use replayed::at_speed;
pub use totals::Totals;
pub use writer::TraceWriter;

/// What a trace begins with.
const MAGIC: [u8; 8] = *b"HFTRACE\n";
/// The version of the format that this program writes and reads.
pub const VERSION: u32 = 1;
/// Bytes before the text of the header: magic, version, length of the text.
const PREFIX_BYTES: usize = 16;
/// The longest text of a header.
const HEADER_BYTES_MAX: usize = 1 << 16;
/// Bytes before the body of a block, its CRC included.
const BLOCK_HEAD_BYTES: usize = 24;
/// Of those, what the CRC covers besides the body.
const BLOCK_CHECKED_BYTES: usize = 20;
/// The longest body of a block.
const BODY_BYTES_MAX: usize = 1 << 20;
/// Arrivals of one block.
const BLOCK_ARRIVALS: u32 = 4_096;
/// The most blocks of a trace: a hundred megabytes of places where they stand, which is what is kept of a trace.
const BLOCKS_MAX: u32 = 1 << 22;
/// Blocks that are read ahead of whoever plays them, so that the disk takes no part in what is measured.
const BLOCKS_AHEAD: usize = 2;

/// What a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum BlockKind {
    /// Arrivals of one operator.
    Arrivals = 1,
    /// Nothing follows; how many arrivals each operator has.
    End = 2,
}

/// The fixed fields of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct BlockHead {
    kind: BlockKind,
    operator: u16,
    /// Arrivals in it; of the end, operators in it.
    count: u32,
    /// What its times count from.
    base_ns: u64,
    body_bytes: u32,
}

impl BlockHead {
    fn to_bytes(self) -> [u8; BLOCK_CHECKED_BYTES] {
        let mut bytes = [0; BLOCK_CHECKED_BYTES];
        bytes[0] = self.kind as u8;
        bytes[2..4].copy_from_slice(&self.operator.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.count.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.base_ns.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.body_bytes.to_le_bytes());
        bytes
    }

    /// `None` for bytes that [`Self::to_bytes`] never wrote.
    fn from_bytes(bytes: &[u8; BLOCK_CHECKED_BYTES]) -> Option<Self> {
        let [kind, 0, operator_0, operator_1, c0, c1, c2, c3, rest @ ..] = *bytes else { return None };
        let [b0, b1, b2, b3, b4, b5, b6, b7, l0, l1, l2, l3] = rest;
        let kind = match kind {
            1 => BlockKind::Arrivals,
            2 => BlockKind::End,
            _ => return None,
        };
        Some(Self {
            kind,
            operator: u16::from_le_bytes([operator_0, operator_1]),
            count: u32::from_le_bytes([c0, c1, c2, c3]),
            base_ns: u64::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, b7]),
            body_bytes: u32::from_le_bytes([l0, l1, l2, l3]),
        })
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use tests::played;
