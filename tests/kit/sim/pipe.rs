//! One direction of one stream: what is on its way arrives in order, each chunk at its time.

use std::collections::VecDeque;

use bytes::Bytes;
use holdfast_protocol::UnixMillis;

/// Bytes of one stream in one direction, each with the time when it arrives.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    chunks: VecDeque<(UnixMillis, Bytes)>,
    last: UnixMillis,
    pub(super) bytes: usize,
}

impl Pipe {
    pub(super) fn push(&mut self, at: UnixMillis, bytes: Bytes) {
        self.last = self.last.max(at);
        self.bytes += bytes.len();
        self.chunks.push_back((self.last, bytes));
    }

    pub(super) fn pop(&mut self, now: UnixMillis) -> Option<Bytes> {
        let (at, _) = self.chunks.front()?;
        if *at > now {
            return None;
        }
        let (_, bytes) = self.chunks.pop_front()?;
        self.bytes -= bytes.len();
        Some(bytes)
    }

    pub(super) fn lose(&mut self) {
        self.chunks.clear();
        self.bytes = 0;
    }
}
