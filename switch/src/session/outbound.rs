//! Bytes that wait to be written to one link.
//!
//! Invariant I8: the bytes queued for a link are limited; a peer that does not read loses its link, nobody else
//! notices.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::{Bytes, BytesMut};
use holdfast_protocol::{DecidedThrough, LANES_MAX, Message, Partition, Reason};
use tokio::sync::Notify;

use super::answers::Answers;

/// The control stream and the payment lanes.
const STREAMS: usize = 1 + LANES_MAX as usize;

/// The control stream among the streams of a link; payment lane `n` is stream `n + 1`.
pub const CONTROL: usize = 0;

/// What the drivers and a link's own tasks have in common.
#[derive(Debug, Default)]
pub struct Outbound {
    streams: [Stream; STREAMS],
    /// Of each payment lane.
    answers: [Mutex<Answers>; LANES_MAX as usize],
    queued_bytes: AtomicUsize,
    /// Requests that came over this link and are not answered yet.
    unanswered: AtomicU32,
    closing: OnceLock<Reason>,
    closed: Notify,
    /// What is queued is the last.
    finishing: AtomicBool,
}

#[derive(Debug, Default)]
struct Stream {
    chunks: Mutex<Vec<Bytes>>,
    ready: Notify,
}

impl Stream {
    fn take(&self, into: &mut Vec<Bytes>) {
        // A panic stops the process (release profile), so a poisoned lock is only ever seen in tests.
        into.append(&mut self.chunks.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Outbound {
    /// Queues bytes for a stream; returns how many bytes wait on all streams now.
    pub fn push(&self, stream: usize, bytes: Bytes) -> usize {
        let Some(queue) = self.streams.get(stream) else { return 0 };
        let length = bytes.len();
        // Counted before they can be taken: the writer, on another thread, may have written them a moment later.
        let queued = self.queued_bytes.fetch_add(length, Ordering::Relaxed) + length;
        queue.chunks.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
        queue.ready.notify_one();
        queued
    }

    /// So many answers came on a lane for a partition; said before the partition can decide them.
    pub fn answers_came(&self, lane: u8, partition: Partition, answers: u64) {
        self.lane(lane).came(partition, answers);
    }

    /// A partition has decided so many more of them, and what it has to say first is in `staged`, which is queued. The peer is told
    /// how many of the first are decided, where that has grown; but not over a link that is being ended, for that may be
    /// because one of them could not be taken. Returns how many bytes wait on all streams now.
    pub fn answers_decided(
        &self,
        lane: u8,
        partition: Partition,
        answers: u64,
        staged: &mut BytesMut,
    ) -> usize {
        // Held until it is queued: a lower count must not follow a higher one.
        let mut own = self.lane(lane);
        if self.closing().is_none()
            && let Some(count) = own.decided(partition, answers)
        {
            Message::DecidedThrough(DecidedThrough { count }).encode(staged);
        }
        if staged.is_empty() {
            self.queued_bytes()
        } else {
            self.push(usize::from(lane) + 1, staged.split().freeze())
        }
    }

    fn lane(&self, lane: u8) -> MutexGuard<'_, Answers> {
        self.answers[usize::from(lane)].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves what waits for a stream into `chunks`, without waiting.
    pub fn take(&self, stream: usize, chunks: &mut Vec<Bytes>) {
        if let Some(queue) = self.streams.get(stream) {
            queue.take(chunks);
        }
    }

    /// Waits until there is something for a stream and moves it into `chunks`. Where nothing more will come, it leaves
    /// them empty.
    pub async fn wait(&self, stream: usize, chunks: &mut Vec<Bytes>) {
        let Some(queue) = self.streams.get(stream) else { return };
        loop {
            // Asked first: what was pushed before the end is taken all the same.
            let ends = self.finishing.load(Ordering::Acquire);
            queue.take(chunks);
            if !chunks.is_empty() || ends {
                return;
            }
            queue.ready.notified().await;
        }
    }

    /// Nothing is pushed any more: the streams end when what is queued was written.
    pub fn finish(&self) {
        self.finishing.store(true, Ordering::Release);
        for stream in &self.streams {
            stream.ready.notify_one();
        }
    }

    /// Bytes were handed to the link.
    pub fn written(&self, bytes: usize) {
        self.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Bytes that wait on all streams.
    pub fn queued_bytes(&self) -> usize {
        self.queued_bytes.load(Ordering::Relaxed)
    }

    /// One request more is unanswered; returns how many are now.
    pub fn request_came(&self) -> u32 {
        self.unanswered.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    /// So many requests were answered, or attached to an earlier copy that will be.
    pub fn answered(&self, count: u32) {
        let before = self.unanswered.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |unanswered| {
            Some(unanswered.saturating_sub(count))
        });
        debug_assert!(before.is_ok(), "the update always has a value");
    }

    /// Requests that came over this link and are not answered yet.
    pub fn unanswered(&self) -> u32 {
        self.unanswered.load(Ordering::Relaxed)
    }

    /// Ends the link. The first reason stays.
    pub fn close(&self, reason: Reason) {
        if self.closing.set(reason).is_ok() {
            self.closed.notify_waiters();
        }
    }

    /// Why the link is to end, if it is.
    pub fn closing(&self) -> Option<Reason> {
        self.closing.get().copied()
    }

    /// Waits until the link is to end.
    pub async fn closed(&self) -> Reason {
        loop {
            let notified = self.closed.notified();
            if let Some(reason) = self.closing() {
                return reason;
            }
            notified.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_taken_is_counted() {
        const PUSHED: usize = 1_000_000;
        let outbound = Outbound::default();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..PUSHED {
                    outbound.push(CONTROL, Bytes::from_static(b"x"));
                }
            });
            let (mut chunks, mut written) = (Vec::new(), 0);
            while written < PUSHED {
                outbound.take(CONTROL, &mut chunks);
                let bytes: usize = chunks.drain(..).map(|chunk| chunk.len()).sum();
                let queued = outbound.queued_bytes();
                assert!((bytes..=PUSHED).contains(&queued), "{bytes} taken of {queued}");
                outbound.written(bytes);
                written += bytes;
            }
        });
        assert_eq!(outbound.queued_bytes(), 0);
    }
}
