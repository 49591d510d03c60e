//! Finds frames in the chunks of a stream.

use bytes::{Bytes, BytesMut};

use super::DecodeError;
use super::extension::Extensions;
use crate::reason::Reason;

/// Bytes before the fixed part.
pub const HEADER_BYTES: usize = 6;
/// The longest frame, header included.
pub const FRAME_BYTES_MAX: usize = 4_096;

/// One whole frame, inside the chunk it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The number of the message type, known or not.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    fixed: &'a [u8],
    extension_area: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The frame that takes up all of `bytes`.
    ///
    /// # Errors
    /// [`Reason::FrameMalformed`]: they are no whole frame, or more than one.
    #[inline]
    pub fn whole(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        if frame_length(bytes)? == Some(bytes.len()) {
            parse(bytes)
        } else {
            Err(DecodeError::new(Reason::FrameMalformed, "length"))
        }
    }

    /// The fixed part.
    #[inline]
    pub const fn fixed(&self) -> &'a [u8] {
        self.fixed
    }

    /// The extension area.
    #[inline]
    pub const fn extension_area(&self) -> &'a [u8] {
        self.extension_area
    }

    /// The extensions, once their structure was checked.
    #[inline]
    pub(crate) fn extensions(&self) -> Result<Extensions, DecodeError> {
        Extensions::from_wire(self.extension_area())
    }

    /// Refuses a flag that the message type does not know.
    #[inline]
    pub(crate) fn only_flags(&self, known: u8) -> Result<(), DecodeError> {
        if self.flags & !known == 0 { Ok(()) } else { Err(DecodeError::malformed("flags")) }
    }

    /// For a message without flags that carries no extensions on: refuses flags and critical extensions.
    #[inline]
    pub(crate) fn plain(&self) -> Result<(), DecodeError> {
        self.only_flags(0)?;
        self.extensions().map(|_| ())
    }
}

/// Cuts the chunks of one stream into frames. A frame inside one chunk is not copied.
#[derive(Debug, Default)]
pub struct FrameReader {
    /// The chunk being read.
    chunk: Bytes,
    /// How much of the chunk was taken as frames.
    taken: usize,
    /// The beginning of a frame whose end is in a later chunk; after it was taken, all of it.
    partial: Vec<u8>,
    /// The frame in `partial` was taken.
    partial_taken: bool,
}

impl FrameReader {
    /// Adds the next chunk of the stream. Frames of the chunk before that were not taken are copied.
    pub fn push(&mut self, chunk: Bytes) {
        let rest = self.rest();
        if rest.is_empty() {
            self.chunk = chunk;
        } else {
            let mut both = BytesMut::with_capacity(rest.len().saturating_add(chunk.len()));
            both.extend_from_slice(rest);
            both.extend_from_slice(&chunk);
            self.chunk = both.freeze();
        }
        self.taken = 0;
    }

    /// The next whole frame; `None` where more bytes are needed.
    ///
    /// # Errors
    /// [`Reason::FrameMalformed`]: lengths do not fit each other; nothing after this can be read.
    #[inline]
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, DecodeError> {
        if !self.partial.is_empty() {
            if !self.partial_taken {
                return self.finish_partial();
            }
            self.partial.clear();
            self.partial_taken = false;
        }
        let length = frame_length(self.rest())?;
        let Some(length) = length.filter(|length| *length <= self.rest().len()) else {
            self.keep_rest();
            return Ok(None);
        };
        let start = self.taken;
        self.taken = start.saturating_add(length);
        parse(self.chunk.get(start..self.taken).unwrap_or_default()).map(Some)
    }

    /// Bytes of a frame that has not come whole.
    pub fn pending_bytes(&self) -> usize {
        let partial = if self.partial_taken { 0 } else { self.partial.len() };
        partial.saturating_add(self.rest().len())
    }

    #[inline]
    fn rest(&self) -> &[u8] {
        self.chunk.get(self.taken..).unwrap_or_default()
    }

    fn keep_rest(&mut self) {
        self.fill_partial(FRAME_BYTES_MAX);
        self.chunk = Bytes::new();
        self.taken = 0;
    }

    fn finish_partial(&mut self) -> Result<Option<Frame<'_>>, DecodeError> {
        self.fill_partial(HEADER_BYTES);
        let Some(length) = frame_length(&self.partial)? else { return Ok(None) };
        self.fill_partial(length);
        if self.partial.len() < length {
            return Ok(None);
        }
        self.partial_taken = true;
        parse(&self.partial).map(Some)
    }

    /// Moves bytes of the chunk to `partial` until that has `length`, or the chunk ends.
    fn fill_partial(&mut self, length: usize) {
        let rest = self.chunk.get(self.taken..).unwrap_or_default();
        let missing = length.saturating_sub(self.partial.len()).min(rest.len());
        self.partial.extend_from_slice(rest.get(..missing).unwrap_or_default());
        self.taken = self.taken.saturating_add(missing);
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
fn parse(whole: &[u8]) -> Result<Frame<'_>, DecodeError> {
    let Some(([_, _, kind, flags, low, high], body)) = whole.split_first_chunk::<HEADER_BYTES>() else {
        return Err(DecodeError::new(Reason::FrameMalformed, "header"));
    };
    let fixed_bytes = usize::from(u16::from_le_bytes([*low, *high]));
    let Some((fixed, extension_area)) = body.split_at_checked(fixed_bytes) else {
        return Err(DecodeError::new(Reason::FrameMalformed, "fixed part"));
    };
    Ok(Frame { kind: *kind, flags: *flags, fixed, extension_area })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_takes_up_all_of_its_bytes_and_no_more() {
        let bytes = [9, 0, 0x77, 1, 2, 0, 7, 8, 9];
        let frame = Frame::whole(&bytes).unwrap();
        assert_eq!((frame.kind, frame.flags), (0x77, 1));
        assert_eq!((frame.fixed(), frame.extension_area()), ([7, 8].as_slice(), [9].as_slice()));
        for wrong in [
            &bytes[..8],
            &bytes[..1],
            &[bytes.as_slice(), &[0]].concat(),
            &[6, 0, 1, 0, 1, 0],
            &[5, 0, 1, 0, 0],
        ] {
            assert!(Frame::whole(wrong).is_err(), "{wrong:?}");
        }
    }
}
