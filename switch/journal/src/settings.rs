//! Limits and times of the journal. Each has a name here and nowhere else (I8).

use std::time::Duration;

use crate::block::{BLOCK, whole_blocks};
use crate::format::{FRAME_BODY_BYTES_MAX, FRAME_HEADER_BYTES};

/// What the configuration sets for the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Length of a new segment, whole blocks.
    pub segment_bytes: u64,
    /// The largest batch.
    pub batch_bytes_max: usize,
    /// Batches share a frame up to this many bytes; what is more waits for the next.
    pub frame_bytes_max: usize,
    /// When busy, a frame waits this long for more batches. Zero: whatever is waiting goes at once.
    pub gather: Duration,
    /// A frame of this many bytes waits for nothing.
    pub gather_bytes: usize,
    /// After this long without a frame, what is unsealed is sealed.
    pub seal_after: Duration,
    /// Batches handed in and not yet taken by the writer.
    pub queue_batches_max: usize,
    /// Where there is no room for the next segment and less than this is left in the current, the journal says that it
    /// is full, so that work in flight can still finish.
    pub full_reserve_bytes: u64,
    /// How often room for the next segment is tried again.
    pub room_retry: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            segment_bytes: 256 << 20,
            batch_bytes_max: FRAME_BODY_BYTES_MAX,
            frame_bytes_max: 1 << 20,
            gather: Duration::ZERO,
            gather_bytes: 256 << 10,
            seal_after: Duration::from_millis(5),
            queue_batches_max: 256,
            full_reserve_bytes: 128 << 20,
            room_retry: Duration::from_secs(1),
        }
    }
}

/// Settings that cannot work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The segment is no whole number of blocks.
    #[error("journal segment of {0} bytes: expected a multiple of {BLOCK}")]
    SegmentNotWhole(u64),
    /// The frame or batch is too long.
    #[error("journal frame or batch of {0} bytes: expected 1 to {FRAME_BODY_BYTES_MAX}")]
    FrameBytes(usize),
    /// The largest frame does not fit a segment.
    #[error("journal segment of {segment_bytes} bytes: expected room for a frame of {frame_bytes_max} bytes")]
    SegmentTooShort {
        /// Of the segment.
        segment_bytes: u64,
        /// Of the frame.
        frame_bytes_max: usize,
    },
    /// No batch could be handed in.
    #[error("journal queue of no batches: expected at least one")]
    NoQueue,
}

impl Settings {
    /// For tests and simulations: segments of 64 KiB, frames of 16 KiB.
    pub fn small() -> Self {
        Self {
            segment_bytes: 64 << 10,
            batch_bytes_max: 16 << 10,
            frame_bytes_max: 16 << 10,
            gather_bytes: 8 << 10,
            full_reserve_bytes: 32 << 10,
            ..Self::default()
        }
    }

    /// The longest body of a frame: of one large batch, or of several.
    pub(crate) fn body_bytes_max(&self) -> usize {
        self.frame_bytes_max.max(self.batch_bytes_max)
    }

    /// # Errors
    /// Names the first setting that cannot work.
    pub fn check(&self) -> Result<(), SettingsError> {
        let (segment_bytes, frame_bytes_max) = (self.segment_bytes, self.body_bytes_max());
        if !segment_bytes.is_multiple_of(BLOCK) {
            return Err(SettingsError::SegmentNotWhole(segment_bytes));
        }
        for bytes in [self.frame_bytes_max, self.batch_bytes_max] {
            if bytes == 0 || bytes > FRAME_BODY_BYTES_MAX {
                return Err(SettingsError::FrameBytes(bytes));
            }
        }
        if self.queue_batches_max == 0 {
            return Err(SettingsError::NoQueue);
        }
        let frame = whole_blocks(frame_bytes_max.saturating_add(FRAME_HEADER_BYTES));
        let frame = frame.and_then(|frame| u64::try_from(frame).ok()).unwrap_or(u64::MAX);
        // The segment header takes a block, and an epoch frame or a seal another.
        if frame.saturating_add(BLOCK.saturating_mul(2)) > segment_bytes {
            return Err(SettingsError::SegmentTooShort { segment_bytes, frame_bytes_max });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_cannot_work_are_named() {
        assert_eq!(Settings::default().check(), Ok(()));
        assert_eq!(Settings::small().check(), Ok(()));
        let odd = Settings { segment_bytes: 100_000, ..Settings::small() };
        assert_eq!(odd.check(), Err(SettingsError::SegmentNotWhole(100_000)));
        let short = Settings { segment_bytes: 16 << 10, ..Settings::small() };
        assert!(matches!(short.check(), Err(SettingsError::SegmentTooShort { .. })));
        let long = Settings { frame_bytes_max: 17 << 20, ..Settings::default() };
        assert_eq!(long.check(), Err(SettingsError::FrameBytes(17 << 20)));
    }
}
