//! Memory that the disk can be given directly.
//!
//! Reads and writes past the page cache want address, offset and length in multiples of a block.

/// The unit in which the journal reads, writes and aligns frames.
pub const BLOCK_BYTES: usize = 4_096;

/// The same as a file offset.
pub(crate) const BLOCK: u64 = 4_096;

/// `bytes` rounded up to whole blocks; `None` where that does not fit.
pub(crate) fn whole_blocks(bytes: usize) -> Option<usize> {
    bytes.checked_next_multiple_of(BLOCK_BYTES)
}

/// A buffer of fixed size whose first byte lies on a block boundary.
///
/// The vector is one block longer than asked for and never grows, so an aligned part of it exists and stays where it
/// is.
#[derive(Debug)]
pub(crate) struct BlockBuffer {
    bytes: Vec<u8>,
    start: usize,
    len: usize,
}

impl BlockBuffer {
    /// Zeroed, of `len` bytes rounded up to whole blocks.
    pub(crate) fn new(len: usize) -> Self {
        let len = whole_blocks(len.max(1)).expect("a buffer is far smaller than the address space");
        let bytes = vec![0; len.saturating_add(BLOCK_BYTES)];
        let start = bytes.as_ptr().align_offset(BLOCK_BYTES);
        assert!(start < BLOCK_BYTES, "an aligned byte lies within the first block of any buffer");
        Self { bytes, start, len }
    }

    /// How many bytes it has.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// All of it.
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(self.start..self.start.saturating_add(self.len)).unwrap_or_default()
    }

    /// All of it.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.start..self.start.saturating_add(self.len)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_starts_on_a_block_boundary_wherever_it_is_moved() {
        let buffers: Vec<_> = (1..50).map(|n| BlockBuffer::new(n * 1_000)).collect();
        for buffer in buffers {
            assert_eq!(buffer.as_slice().as_ptr().align_offset(BLOCK_BYTES), 0);
            assert_eq!(buffer.as_slice().len(), buffer.len());
            assert_eq!(buffer.len() % BLOCK_BYTES, 0);
        }
    }
}
