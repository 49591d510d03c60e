//! What a driver is told, and what it tells of itself: limits, whether it wants to go on, how much waits.

/// Limits of a turn and of a link's queue.
#[derive(Clone, Copy, Debug)]
pub struct DriverSettings {
    /// New requests decided in one turn.
    pub work_per_turn: usize,
    /// Of those, how many of one participant before the next has its turn.
    pub quota: usize,
    /// Facts after which a turn takes no more events.
    pub facts_per_turn: usize,
    /// Events taken in one turn.
    pub events_per_turn: usize,
    /// Bytes queued for a link that does not read before it is closed.
    pub outbound_bytes_max: usize,
    /// Bytes of facts not yet durable at which new payments are busy; at twice as many, captures and releases, too.
    pub unsynced_bytes_max: u64,
    /// Requests that may wait for their turn, in all; more are refused as busy.
    pub backlog_max: usize,
    /// What such a refusal says about when to come again.
    pub retry_after_ms: u16,
    /// Instances of one participant that may be signed on.
    pub instances_max: usize,
    /// So long after the first turn a destination that is not signed on may be on its way back: what is for it is busy.
    pub start_grace_ms: u64,
}

impl Default for DriverSettings {
    fn default() -> Self {
        Self {
            // Longer turns let everything in flight move in step, and the disk, the links and the core wait for each
            // other: measured, p99 at half load doubles with four times as much.
            work_per_turn: 512,
            quota: 256,
            facts_per_turn: 1_024,
            events_per_turn: 1_024,
            outbound_bytes_max: 16 << 20,
            unsynced_bytes_max: 64 << 20,
            backlog_max: 100_000,
            retry_after_ms: 100,
            instances_max: 64,
            start_grace_ms: 0,
        }
    }
}

/// Whether the driver wants another turn at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Work waits.
    More,
    /// Nothing to do until something arrives, a fact becomes durable, or the next deadline.
    Idle,
}

/// How much waits where in the driver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queues {
    /// Events of links.
    pub events: usize,
    /// Requests that arrived and are not decided.
    pub work: usize,
    /// Turns whose effects wait for the disk.
    pub outbox_turns: usize,
    /// Bytes of facts the log has not taken.
    pub unsubmitted_bytes: usize,
    /// Bytes queued for links.
    pub outbound_bytes: usize,
}
