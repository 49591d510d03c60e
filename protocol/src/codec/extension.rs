//! Extensions: fields that this version does not know, carried along unchanged.
//!
//! | offset | bytes | field |
//! | --- | --- | --- |
//! | 0 | 2 | type; bit 15 set: critical, to be refused by whoever does not know it |
//! | 2 | 2 | length of the value |
//! | 4 | | value |
//!
//! Repeated to the end of the frame, 2,048 bytes in all at most. Extensions are content: a repeat has the same.

use bytes::Bytes;

use super::DecodeError;
use crate::reason::Reason;

/// The most bytes that a frame's extensions may take.
pub const EXTENSION_BYTES_MAX: usize = 2_048;

/// Set in the type of an extension that whoever does not know it must refuse.
pub const CRITICAL: u16 = 0x8000;

/// An extension area whose structure was checked. No type is known to version 1.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Extensions(Bytes);

/// One extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// The type, critical bit included.
    pub kind: u16,
    /// The value.
    pub value: &'a [u8],
}

impl Extensions {
    /// No extensions.
    pub const NONE: Self = Self(Bytes::new());

    /// Checks the structure, and copies, so that a few bytes that are remembered do not keep a whole chunk of the
    /// stream in memory. A critical extension is refused, since version 1 knows none.
    ///
    /// # Errors
    /// [`Reason::Malformed`] where lengths do not fit, [`Reason::ExtensionUnknown`] for a critical type.
    pub fn from_wire(area: &[u8]) -> Result<Self, DecodeError> {
        if area.is_empty() {
            return Ok(Self::NONE);
        }
        if area.len() > EXTENSION_BYTES_MAX {
            return Err(DecodeError::malformed("extensions"));
        }
        let mut rest = area;
        while !rest.is_empty() {
            let (extension, tail) = split(rest).ok_or(DecodeError::malformed("extensions"))?;
            if extension.kind & CRITICAL != 0 {
                return Err(DecodeError::new(Reason::ExtensionUnknown, "extensions"));
            }
            rest = tail;
        }
        Ok(Self(Bytes::copy_from_slice(area)))
    }

    /// The extensions in the order they came.
    pub fn iter(&self) -> impl Iterator<Item = Extension<'_>> {
        let mut rest: &[u8] = &self.0;
        std::iter::from_fn(move || {
            let (extension, tail) = split(rest)?;
            rest = tail;
            Some(extension)
        })
    }

    /// Bytes on the wire.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As on the wire.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

fn split(area: &[u8]) -> Option<(Extension<'_>, &[u8])> {
    let (kind, rest) = area.split_first_chunk::<2>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (value, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))?;
    Some((Extension { kind: u16::from_le_bytes(*kind), value }, rest))
}
