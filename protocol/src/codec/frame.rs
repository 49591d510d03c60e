//! Finds frames in the chunks of a stream.

use bytes::{Buf, Bytes, BytesMut};

use super::DecodeError;
use crate::reason::Reason;

/// Bytes before the fixed part.
pub const HEADER_BYTES: usize = 6;
/// The longest frame, header included.
pub const FRAME_BYTES_MAX: usize = 4_096;

/// One whole frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The number of the message type, known or not.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// The fixed part and the extensions.
    body: Bytes,
    fixed_bytes: usize,
}

impl Frame {
    /// The fixed part.
    #[inline]
    pub fn fixed(&self) -> &[u8] {
        self.body.get(..self.fixed_bytes).unwrap_or_default()
    }

    /// The extension area, sharing the frame's memory.
    #[inline]
    pub fn extension_area(&self) -> Bytes {
        if self.body.len() > self.fixed_bytes { self.body.slice(self.fixed_bytes..) } else { Bytes::new() }
    }
}

/// Cuts the chunks of one stream into frames. A frame inside one chunk is not copied.
#[derive(Debug, Default)]
pub struct FrameReader {
    /// The chunk being read.
    chunk: Bytes,
    /// The beginning of a frame whose end is in a later chunk.
    partial: BytesMut,
}

impl FrameReader {
    /// Adds the next chunk of the stream. All frames of the chunk before must have been taken.
    pub fn push(&mut self, chunk: Bytes) {
        debug_assert!(self.chunk.is_empty(), "frames are taken before the next chunk is pushed");
        self.chunk = chunk;
    }

    /// The next whole frame; `None` where more bytes are needed.
    ///
    /// # Errors
    /// [`Reason::FrameMalformed`]: lengths do not fit each other; nothing after this can be read.
    #[inline]
    pub fn next_frame(&mut self) -> Result<Option<Frame>, DecodeError> {
        if !self.partial.is_empty() {
            return self.finish_partial();
        }
        let Some(length) = frame_length(&self.chunk)? else {
            self.keep_rest();
            return Ok(None);
        };
        if self.chunk.len() < length {
            self.keep_rest();
            return Ok(None);
        }
        parse(self.chunk.split_to(length)).map(Some)
    }

    /// Bytes of a frame that has not come whole.
    pub fn pending_bytes(&self) -> usize {
        self.partial.len().saturating_add(self.chunk.len())
    }

    fn keep_rest(&mut self) {
        if !self.chunk.is_empty() {
            self.partial.extend_from_slice(&self.chunk);
            self.chunk = Bytes::new();
        }
    }

    fn finish_partial(&mut self) -> Result<Option<Frame>, DecodeError> {
        self.fill_partial(HEADER_BYTES);
        let Some(length) = frame_length(&self.partial)? else { return Ok(None) };
        self.fill_partial(length);
        if self.partial.len() < length {
            return Ok(None);
        }
        parse(self.partial.split().freeze()).map(Some)
    }

    fn fill_partial(&mut self, length: usize) {
        let missing = length.saturating_sub(self.partial.len()).min(self.chunk.len());
        if let Some(bytes) = self.chunk.get(..missing) {
            self.partial.extend_from_slice(bytes);
            self.chunk.advance(missing);
        }
    }
}

/// The length in the header, once it can be read.
#[inline]
fn frame_length(bytes: &[u8]) -> Result<Option<usize>, DecodeError> {
    let Some(length) = bytes.first_chunk::<2>() else { return Ok(None) };
    let length = usize::from(u16::from_le_bytes(*length));
    if (HEADER_BYTES..=FRAME_BYTES_MAX).contains(&length) {
        Ok(Some(length))
    } else {
        Err(DecodeError::new(Reason::FrameMalformed, "length"))
    }
}

#[inline]
fn parse(mut whole: Bytes) -> Result<Frame, DecodeError> {
    let Some([_, _, kind, flags, low, high]) = whole.first_chunk::<HEADER_BYTES>().copied() else {
        return Err(DecodeError::new(Reason::FrameMalformed, "header"));
    };
    whole.advance(HEADER_BYTES);
    let fixed_bytes = usize::from(u16::from_le_bytes([low, high]));
    if fixed_bytes > whole.len() {
        return Err(DecodeError::new(Reason::FrameMalformed, "fixed part"));
    }
    Ok(Frame { kind, flags, body: whole, fixed_bytes })
}
