//! Limits and times of the core. Each has a name here and nowhere else (I8).

/// The most captures of one transaction: after them its last capture, its release and its reversal still have numbers.
pub const DELIVERIES_MOST: u16 = 60;

/// How many deliveries a new link gets before it acknowledges any. Each acknowledgement makes room for one more, up to the
/// window: what waited for a link cannot overrun the link that comes, which would lose that too, for ever.
pub(crate) const DELIVERIES_FIRST: usize = 16;

/// So long a question for leases waits for its answers; then it is asked again.
pub(crate) const LEASE_PATIENCE_MS: u64 = 5_000;

/// So long it counts that no partition had room under a cap.
pub(crate) const LEASE_FRESH_MS: u64 = 1_000;

/// What the configuration file sets for the core. Times in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The longest life of a request: `expires` is at most its id's creation and this.
    pub window_max_ms: u64,
    /// How far an id's creation may lie ahead of the switch's time.
    pub skew_max_ms: u64,
    /// A larger budget is cut to this.
    pub budget_max_ms: u64,
    /// Of the originator's budget the switch keeps this for the way back; a request with less left is declined.
    pub budget_share_ms: u64,
    /// The longest hold.
    pub hold_max_ms: u64,
    /// The longest hold of a verification, which only proves an instrument; at most `hold_max_ms`.
    pub verify_hold_max_ms: u64,
    /// Transactions waiting for their destination, in all.
    pub pending_max: u32,
    /// The same for one destination.
    pub pending_for_destination_max: u32,
    /// Transactions that are pending, held or undelivered, in all.
    pub open_max: u32,
    /// Ids remembered in all; about 80 bytes each.
    pub remembered_max: u32,
    /// Messages that one destination has not acknowledged; at 80 % new forwards to it are refused.
    pub undelivered_for_destination_max: u32,
    /// Of those, how many are on their way at once over each of its links; fewer over a link that has acknowledged few.
    pub delivery_window: u32,
    /// Captures that one transaction may need acknowledged, at most 60; its ending always fits.
    pub deliveries_for_transaction_max: u16,
    /// The first pause before a delivery is sent again; doubled each time.
    pub delivery_retry_ms: u64,
    /// The longest pause between two sends of a delivery.
    pub delivery_retry_max_ms: u64,
    /// An unacknowledged delivery older than this is an alarm.
    pub delivery_alarm_ms: u64,
    /// How long a request waits for a recall.
    pub recall_wait_ms: u64,
    /// Requests waiting for a recall at once; inquiries at most half as many, or one.
    pub recalls_max: u32,
    /// Originals that were recalled and have not left memory again; beyond it what would need one more is busy.
    pub recalled_max: u32,
    /// What `Busy` says about when to come again.
    pub retry_after_ms: u64,
    /// Inquiries that a participant may make in a second; more are refused (rule 23).
    pub inquiries_per_s: u32,
    /// Bytes of extensions of answers that are remembered in all; beyond it answers are passed on without theirs.
    pub answer_extension_bytes_max: usize,
    /// How many ids a second to make room for in advance: [`crate::Core::prepare`] touches about 85 bytes for each of
    /// these and each second that an id is remembered.
    pub expected_rate_per_s: u32,
    /// Seed of the hash tables; never influences behaviour.
    pub hash_seed: u64,
}

impl Settings {
    /// How many seconds an id is remembered, at most.
    pub(crate) fn remembered_seconds(&self) -> usize {
        let millis = self.window_max_ms + 2 * self.skew_max_ms;
        // The second in which it begins, and that in which it ends.
        usize::try_from(millis / 1_000 + 2).unwrap_or(usize::MAX)
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            window_max_ms: 60_000,
            skew_max_ms: 5_000,
            budget_max_ms: 60_000,
            budget_share_ms: 5,
            hold_max_ms: 30 * 86_400_000,
            verify_hold_max_ms: 600_000,
            pending_max: 1_000_000,
            pending_for_destination_max: 500_000,
            open_max: 20_000_000,
            remembered_max: 100_000_000,
            undelivered_for_destination_max: 1_000_000,
            delivery_window: 4_096,
            deliveries_for_transaction_max: 60,
            delivery_retry_ms: 1_000,
            delivery_retry_max_ms: 60_000,
            delivery_alarm_ms: 300_000,
            recall_wait_ms: 5_000,
            recalls_max: 10_000,
            recalled_max: 1_000_000,
            retry_after_ms: 100,
            inquiries_per_s: 10_000,
            answer_extension_bytes_max: 64 * 1_024 * 1_024,
            expected_rate_per_s: 10_000,
            hash_seed: 0,
        }
    }
}
