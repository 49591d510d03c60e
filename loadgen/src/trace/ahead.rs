//! The blocks of one operator, read a little ahead of whoever plays them.
//!
//! Promises: the thread that plays waits for the disk only where that is slower than the load; no more than a few blocks are in
//! memory; a block that is not what it was when the trace was checked is not played, nor any after it.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use super::{BLOCKS_AHEAD, Trace};

/// A block and what its times count from.
pub(super) type Read = (u64, Vec<u8>);

/// Reads each block when it is asked for.
#[derive(Debug)]
pub(super) struct Blocks {
    trace: Arc<Trace>,
    operator: usize,
    /// The next.
    place: usize,
}

impl Blocks {
    pub(super) fn new(trace: Arc<Trace>, operator: usize) -> Self {
        Self { trace, operator, place: 0 }
    }
}

impl Iterator for Blocks {
    type Item = Read;

    fn next(&mut self) -> Option<Read> {
        let block = self.trace.blocks.get(self.operator)?.get(self.place)?;
        match self.trace.block(block) {
            Ok(bytes) => {
                self.place += 1;
                Some((block.base_ns, bytes))
            }
            Err(fault) => {
                self.place = usize::MAX;
                self.trace.note(fault);
                None
            }
        }
    }
}

/// The same, read by a thread of its own before they are asked for.
#[derive(Debug)]
pub(super) struct Ahead {
    read: Option<Receiver<Read>>,
    thread: Option<JoinHandle<()>>,
}

impl Ahead {
    /// Begins to read. Where no thread can be started, nobody reads ahead.
    pub(super) fn begin(trace: &Arc<Trace>, operator: usize) -> std::io::Result<Self> {
        let (put, read) = sync_channel(BLOCKS_AHEAD);
        let blocks = Blocks::new(Arc::clone(trace), operator);
        let thread = std::thread::Builder::new().name("trace".to_owned()).spawn(move || {
            for block in blocks {
                if put.send(block).is_err() {
                    // Nobody plays any more.
                    return;
                }
            }
        })?;
        Ok(Self { read: Some(read), thread: Some(thread) })
    }
}

impl Iterator for Ahead {
    type Item = Read;

    fn next(&mut self) -> Option<Read> {
        self.read.as_ref()?.recv().ok()
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        // It notices that nobody takes its next block.
        self.read = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("the thread that reads a trace panicked");
        }
    }
}
