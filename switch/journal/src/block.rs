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

/// Bytes of a piece.
const PIECE_BYTES: usize = 1 << 20;

/// Bytes on their way to a file that is written from its start to its end, in pieces that the disk can be given directly.
#[derive(Debug)]
pub(crate) struct Pieces {
    buffer: BlockBuffer,
    used: usize,
}

impl Default for Pieces {
    fn default() -> Self {
        Self { buffer: BlockBuffer::new(PIECE_BYTES), used: 0 }
    }
}

impl Pieces {
    /// Forgets what was not handed on.
    pub(crate) const fn clear(&mut self) {
        self.used = 0;
    }

    /// Takes the next bytes; hands a piece on to `each` whenever one is full.
    ///
    /// # Errors
    /// What `each` returns.
    pub(crate) fn push<E>(
        &mut self,
        mut bytes: &[u8],
        each: &mut dyn FnMut(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        loop {
            let room = self.buffer.as_mut_slice().get_mut(self.used..).unwrap_or_default();
            let (now, later) = bytes.split_at(bytes.len().min(room.len()));
            if let Some(room) = room.get_mut(..now.len()) {
                room.copy_from_slice(now);
            }
            self.used = self.used.saturating_add(now.len());
            if self.used < self.buffer.len() {
                return Ok(());
            }
            each(self.buffer.as_slice())?;
            (self.used, bytes) = (0, later);
        }
    }

    /// Hands on what is left: whole blocks first, then what is less than one.
    ///
    /// # Errors
    /// What `each` returns.
    pub(crate) fn finish<E>(&mut self, each: &mut dyn FnMut(&[u8]) -> Result<(), E>) -> Result<(), E> {
        let held = self.buffer.as_slice().get(..self.used).unwrap_or_default();
        let rest = held.len().checked_rem(BLOCK_BYTES).unwrap_or(0);
        let (blocks, rest) = held.split_at(held.len().saturating_sub(rest));
        for piece in [blocks, rest].into_iter().filter(|piece| !piece.is_empty()) {
            each(piece)?;
        }
        self.used = 0;
        Ok(())
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

    #[test]
    fn pieces_are_whole_blocks_in_their_order_and_the_rest_comes_last() {
        for lengths in
            [&[0_usize][..], &[5, 4_091], &[1 << 20, 1], &[700_000; 4], &[3 << 20], &[12, 1_048_564, 32]]
        {
            let (mut pieces, mut made, mut sizes) = (Pieces::default(), Vec::new(), Vec::new());
            let mut file = Vec::new();
            let mut each = |piece: &[u8]| {
                assert!(!piece.is_empty() && piece.len() <= PIECE_BYTES);
                assert_eq!(piece.as_ptr().align_offset(BLOCK_BYTES), 0);
                sizes.push(piece.len());
                file.extend_from_slice(piece);
                Ok::<(), ()>(())
            };
            for (length, start) in lengths.iter().zip(1_usize..) {
                let bytes: Vec<u8> =
                    (0..*length).map(|at| u8::try_from((at + start) % 251).unwrap()).collect();
                made.extend_from_slice(&bytes);
                pieces.push(&bytes, &mut each).unwrap();
            }
            pieces.finish(&mut each).unwrap();
            assert!(file == made, "{lengths:?}");
            let whole = sizes.iter().take_while(|size| size.is_multiple_of(BLOCK_BYTES)).count();
            assert!(sizes.len() - whole <= 1, "{sizes:?}");
        }
    }
}
