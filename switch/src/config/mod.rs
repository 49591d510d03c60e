//! What the configuration file says, as plain data.
//!
//! Invariant: a [`Config`] that exists is valid: every name leads somewhere, every amount has its currency, every limit
//! is in its range. Whoever takes one need not look again (rule 7 of the house).
//!
//! `docs/holdfast.example.toml` is the reference of every key, with its default and range; a test reads it.
//!
//! Absent on purpose: secrets. The file names where keys lie and never holds one.

mod decimal;
mod fault;
mod keys;
mod participants;
mod read;
mod reload;
mod routes;
mod section;

use std::net::SocketAddr;
use std::path::PathBuf;

use holdfast_core::Settings;
use holdfast_core::registry::{ParticipantRecord, Route};
use holdfast_protocol::Partition;

pub use decimal::{ParseDecimalError, minor_from_text, text_from_minor};
pub use fault::{ConfigError, Fault};
pub use read::admin_default;
pub use reload::{Change, Reload};

/// Everything the configuration file says. Paths are absolute or relative to the process, never to the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where it came from.
    pub file: PathBuf,
    /// The name of the switch: in its certificate, in `/status` and in the logs.
    pub name: String,
    /// The UDP addresses on which participants dial in; at least one.
    pub listen: Vec<SocketAddr>,
    /// The TCP address of the admin interface; always loopback.
    pub admin: SocketAddr,
    /// The journal.
    pub journal: JournalConfig,
    /// The certificates.
    pub tls: TlsConfig,
    /// Who takes part, sorted by number; numbers and names are unique.
    pub participants: Vec<ParticipantRecord>,
    /// Where payment IDs lead, sorted; no two are equal in payment system and merchants.
    pub routes: Vec<Route>,
    /// Times and limits of the core. `hash_seed` is not configured: `serve` draws one at each start.
    pub settings: Settings,
    /// Limits of links.
    pub sessions: SessionConfig,
    /// QUIC and threads.
    pub transport: TransportConfig,
}

/// Where and how the journal is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalConfig {
    /// Its directory.
    pub directory: PathBuf,
    /// How many partitions the switch has, each with a core and a journal of its own; for ever, once there is a journal.
    pub partitions: u16,
    /// The size of a segment, preallocated.
    pub segment_bytes: u64,
    /// How long a commit waits for more facts when busy.
    pub gather_us: u64,
    /// A commit of this size leaves without waiting.
    pub gather_bytes: u64,
    /// At this many unsynced bytes new payments are busy, at twice as many captures and releases, too (I8).
    pub unsynced_bytes_max: u64,
    /// With no room for a next segment and less than this left in the current one, new work is refused.
    pub full_reserve_bytes: u64,
    /// So many segments are sealed between two snapshots, at least; zero makes none.
    pub snapshot_segments: u64,
    /// Segments that no start needs are removed after so many days; zero keeps everything.
    pub retention_days: u16,
    /// Indexes of the archive are removed once they are so many days old; none is where this is zero.
    pub archive_days: u16,
    /// Ids that left memory and are in no index yet; about 64 bytes each.
    pub unindexed_max: u64,
}

impl JournalConfig {
    /// The directory of one partition's journal.
    pub fn of_partition(&self, partition: Partition) -> PathBuf {
        if self.partitions == 1 {
            self.directory.clone()
        } else {
            self.directory.join(format!("partition-{}", partition.0))
        }
    }
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("journal"),
            partitions: 1,
            segment_bytes: 256 << 20,
            gather_us: 0,
            gather_bytes: 256 << 10,
            unsynced_bytes_max: 64 << 20,
            full_reserve_bytes: 128 << 20,
            snapshot_segments: 4,
            retention_days: 0,
            archive_days: 0,
            unindexed_max: 20_000_000,
        }
    }
}

/// The certificate of the switch and who may sign those of the participants. All in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsConfig {
    /// The chain of the switch, its own certificate first.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities that sign participants.
    pub ca: PathBuf,
    /// Further names by which participants dial the switch: `holdfast certs` writes them into its certificate.
    pub names: Vec<String>,
}

impl Default for TlsConfig {
    fn default() -> Self {
        Self {
            certificate: PathBuf::from("certs/switch.pem"),
            key: PathBuf::from("certs/switch.key"),
            ca: PathBuf::from("certs/ca.pem"),
            names: Vec::new(),
        }
    }
}

/// Limits of links and of what a participant may ask (I8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionConfig {
    /// How many requests a participant may have unanswered on each of its links.
    pub window: u32,
    /// How many links a participant may have at once.
    pub links_for_participant_max: u32,
    /// How many links may be signed on or signing on, in all.
    pub links_max: u32,
    /// How many inquiries a participant may send in a second (rule 23).
    pub inquiries_per_s: u32,
    /// How many authorizes a participant may send in a second; zero: as many as its window allows. More are refused as busy.
    pub authorizes_per_s: u32,
    /// At this many bytes waiting for a link that does not read, the link is closed.
    pub outbound_bytes_max: u64,
    /// How many new requests of one participant a turn takes before the next participant has its share.
    pub turn_quota: u32,
    /// A link that has not signed on by then is closed.
    pub sign_on_timeout_ms: u64,
    /// How often a silent link is asked for an echo.
    pub echo_interval_ms: u64,
    /// A link whose echo is not answered by then is taken out of routing.
    pub echo_timeout_ms: u64,
    /// How long a stopping or draining switch waits for what is in flight.
    pub drain_timeout_ms: u64,
    /// So long after a start a payment for a destination that is not signed on is refused as busy instead of declined for ever.
    pub start_grace_ms: u64,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            window: 16_384,
            links_for_participant_max: 16,
            links_max: 1_024,
            inquiries_per_s: 10_000,
            authorizes_per_s: 0,
            outbound_bytes_max: 16 << 20,
            turn_quota: 1_024,
            sign_on_timeout_ms: 5_000,
            echo_interval_ms: 1_000,
            echo_timeout_ms: 3_000,
            drain_timeout_ms: 30_000,
            start_grace_ms: 2_000,
        }
    }
}

/// QUIC settings, and where the driver runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransportConfig {
    /// The largest UDP payload sent. 1,452 fits Ethernet; more only on loopback or jumbo frames.
    pub mtu: u16,
    /// The socket buffers asked for, each way.
    pub socket_buffer_bytes: u64,
    /// The congestion window a link begins with.
    pub initial_window_bytes: u64,
    /// How much one lane may have received and not yet read.
    pub stream_window_bytes: u64,
    /// A link from which nothing is heard for so long is lost.
    pub idle_timeout_ms: u64,
    /// How many threads of links there are. With more than one the driver has a thread of its own.
    pub io_threads: u16,
    /// How long a thread of links pauses before it waits, in microseconds, while it is awake most of the time; zero: never.
    pub gather_us: u64,
    /// Where the driver runs.
    pub driver: DriverMode,
    /// The real-time priority of the threads that a payment passes through; zero: as the process was started.
    pub real_time_priority: u8,
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            mtu: 1_452,
            socket_buffer_bytes: 4 << 20,
            initial_window_bytes: 1 << 20,
            stream_window_bytes: 4 << 20,
            idle_timeout_ms: 10_000,
            io_threads: 1,
            gather_us: 200,
            driver: DriverMode::Auto,
            real_time_priority: 0,
        }
    }
}

/// Where the driver runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DriverMode {
    /// Inline on machines of up to four cores where there is one thread of links, else on its own thread.
    #[default]
    Auto,
    /// On the thread of the links, after each poll.
    Inline,
    /// On a thread of its own.
    Thread,
}
