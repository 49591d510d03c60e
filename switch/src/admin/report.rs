//! What the driver tells the admin interface: the view types behind `/status`, `/metrics` and the commands.
//!
//! Sums of money are text: decimal digits of minor units, so that no reader rounds them. Fields are added, never
//! changed in meaning.

mod transactions;

use serde::{Deserialize, Serialize};

pub use transactions::{TransactionDelivery, TransactionReport, UndeliveredReport, UndeliveredTransaction};

/// How everything stands, at one moment between two turns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusReport {
    /// Of the switch.
    pub name: String,
    /// The build: version and commit.
    pub build: String,
    /// How it was compiled: `release` or `debug`.
    #[serde(default)]
    pub profile: String,
    /// `recovering`, `serving`, `draining`.
    pub state: String,
    /// The switch's time, in milliseconds since 1970.
    pub time_ms: u64,
    /// How long the process runs.
    pub uptime_ms: u64,
    /// What new work gets.
    pub business_date: String,
    /// Days cut over but not closed yet.
    pub open_days: Vec<String>,
    /// Which partition.
    pub partition: u16,
    /// Which leadership of the journal.
    pub epoch: u32,
    /// The last decided fact.
    pub sequence: u64,
    /// The last durable fact.
    pub durable: u64,
    /// Where there are several partitions, how far each is; the four before are those of the first then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partitions: Vec<PartitionReport>,
    /// Everybody configured, by number.
    pub participants: Vec<ParticipantReport>,
    /// Every position, by participant and currency.
    pub positions: Vec<PositionReport>,
    /// What each destination has not acknowledged, and what is in doubt: everybody who receives, also with nothing.
    pub deliveries: Vec<DeliveryReport>,
    /// The journal.
    pub journal: JournalReport,
    /// How full everything is that has a limit.
    pub queues: QueueReport,
    /// What should not happen and did, since the start of the process.
    #[serde(default)]
    pub oddities: OddityReport,
    /// How long the certificates last that the switch runs with.
    #[serde(default)]
    pub certificates: Vec<CertificateReport>,
    /// Alarms that stand now, in words.
    pub alarms: Vec<String>,
    /// The settings that run.
    pub settings: SettingsReport,
}

/// A part of the switch with a journal of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionReport {
    /// Which.
    pub partition: u16,
    /// Which leadership of its journal.
    pub epoch: u32,
    /// Its last decided fact.
    pub sequence: u64,
    /// Its last durable fact.
    pub durable: u64,
}

/// A certificate of the switch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateReport {
    /// `switch` or `authority`.
    pub of: String,
    /// In milliseconds since 1970; of several, the first that ends.
    pub valid_until_ms: u64,
}

/// A participant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParticipantReport {
    /// Its number.
    pub number: u16,
    /// Its name.
    pub name: String,
    /// `active`, `draining`, `suspended`; `removed` where it is configured no more and its books or deliveries are not empty.
    pub status: String,
    /// It may send requests.
    pub originates: bool,
    /// It may be a destination.
    pub receives: bool,
    /// Its live links.
    pub links: Vec<LinkReport>,
    /// Its requests without an answer yet.
    pub unanswered: u64,
    /// Transactions that wait for its answer.
    #[serde(default)]
    pub pending: u64,
    /// Deliveries that it has not acknowledged.
    #[serde(default)]
    pub undelivered: u64,
    /// Transactions pending, held or undelivered of which it is originator or destination.
    #[serde(default)]
    pub open: u64,
    /// It is draining or suspended, and nothing of it is unanswered, pending or undelivered. Holds may still be open.
    #[serde(default)]
    pub drained: bool,
}

/// A signed-on link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkReport {
    /// Numbered since the start of the process.
    pub session: u64,
    /// Which of the participant's instances.
    pub instance: u16,
    /// Where from.
    pub address: String,
    /// It sends requests.
    pub originates: bool,
    /// It takes forwards and deliveries.
    pub receives: bool,
    /// Payment lanes.
    pub lanes: u8,
    /// How long it has been signed on.
    pub age_ms: u64,
    /// Bytes that wait because it does not read.
    pub outbound_bytes: u64,
}

/// What a participant owes and is owed in one currency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PositionReport {
    /// Its name.
    pub participant: String,
    /// Its number.
    pub number: u16,
    /// ISO 4217 letters.
    pub currency: String,
    /// Held by open reservations, in minor units.
    pub held: String,
    /// Debited.
    pub debits: String,
    /// Credited.
    pub credits: String,
    /// held + debits - credits.
    pub exposure: String,
    /// The net debit cap; absent where the currency is no longer agreed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap: Option<String>,
}

/// What a destination still has to acknowledge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryReport {
    /// Its name.
    pub destination: String,
    /// Its number.
    pub number: u16,
    /// Captures, releases and reversals without an acknowledgement.
    pub undelivered: u64,
    /// Of those, how many are on their way.
    pub on_their_way: u64,
    /// How old the oldest is.
    pub oldest_ms: u64,
    /// The money behind reversals that are not acknowledged: the destination may still hold it.
    pub in_doubt: Vec<InDoubtReport>,
}

/// Money that a destination may hold although the switch reversed it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InDoubtReport {
    /// ISO 4217 letters.
    pub currency: String,
    /// In minor units.
    pub amount: String,
    /// Transactions.
    pub count: u64,
}

/// The journal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalReport {
    /// Its directory.
    pub directory: String,
    /// Syncs since the start.
    pub syncs: u64,
    /// Bytes written since the start.
    pub bytes: u64,
    /// Frames since the start.
    pub frames: u64,
    /// Facts since the start.
    pub facts: u64,
    /// Bytes that are not synced.
    pub unsynced_bytes: u64,
    /// New work is refused because it has no room.
    pub full: bool,
    /// Free space on its disk.
    pub free_bytes: u64,
}

/// What destinations and participants did that they should not have, or that a lost link made necessary.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OddityReport {
    /// Forwards sent again after a lost link or a restart.
    pub forwards_repeated: u64,
    /// Answers to nothing that was asked, or from somebody who was not asked.
    pub answers_unexpected: u64,
    /// Approvals of more than was asked, or of a part where none is allowed: reversed.
    #[serde(default)]
    pub approvals_wrong: u64,
    /// Approvals after the end: reversed.
    pub approvals_late: u64,
    /// Declines after an approval: the destination contradicts itself.
    pub declines_late: u64,
    /// Acknowledgements of nothing that was sent, or from another instance.
    pub acknowledgements_unexpected: u64,
    /// Reversals of requests that their participant had not sent, or not yet: remembered.
    #[serde(default)]
    pub reversals_before_request: u64,
    /// Configurations that the core did not take.
    pub configurations_refused: u64,
}

impl JournalReport {
    /// With what another partition's journal counts.
    pub fn add(&mut self, other: &Self) {
        self.syncs += other.syncs;
        self.bytes += other.bytes;
        self.frames += other.frames;
        self.facts += other.facts;
        self.unsynced_bytes += other.unsynced_bytes;
        self.full |= other.full;
    }
}

impl OddityReport {
    /// With what another partition counts.
    pub fn add(&mut self, other: &Self) {
        self.forwards_repeated += other.forwards_repeated;
        self.answers_unexpected += other.answers_unexpected;
        self.approvals_wrong += other.approvals_wrong;
        self.approvals_late += other.approvals_late;
        self.declines_late += other.declines_late;
        self.acknowledgements_unexpected += other.acknowledgements_unexpected;
        self.reversals_before_request += other.reversals_before_request;
        self.configurations_refused += other.configurations_refused;
    }
}

/// How full everything is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueReport {
    /// Transactions waiting for their destination.
    pub pending: u64,
    /// Transactions that are pending, held or undelivered.
    pub open: u64,
    /// Ids remembered.
    pub remembered: u64,
    /// Originals that were recalled and have not left memory again.
    #[serde(default)]
    pub recalled: u64,
    /// Ids that left memory and are in an index.
    #[serde(default)]
    pub archived: u64,
    /// Ids that left memory and are in no index yet.
    #[serde(default)]
    pub unindexed: u64,
    /// Effects waiting for the disk.
    pub outbox: u64,
    /// Inputs waiting for their turn.
    pub inputs: u64,
    /// Bytes waiting for links, in all.
    pub outbound_bytes: u64,
    /// Links signed on or signing on.
    pub links: u64,
    /// Links signed on, signing on or ending, on each thread of links.
    #[serde(default)]
    pub links_of_threads: Vec<u64>,
}

impl QueueReport {
    /// With what waits in another partition.
    pub fn add(&mut self, other: &Self) {
        self.pending += other.pending;
        self.open += other.open;
        self.remembered += other.remembered;
        self.recalled += other.recalled;
        self.outbox += other.outbox;
        self.inputs += other.inputs;
    }
}

/// Settings and limits by name, as they run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsReport {
    /// The longest life of a request.
    pub window_max_ms: u64,
    /// How far ahead an id may be.
    pub skew_max_ms: u64,
    /// The largest budget.
    pub budget_max_ms: u64,
    /// The longest hold.
    pub hold_max_ms: u64,
    /// The longest hold of a verification.
    #[serde(default)]
    pub verify_hold_max_ms: u64,
    /// Limit of `pending`.
    pub pending_max: u64,
    /// Limit of `open`.
    pub open_max: u64,
    /// Limit of `undelivered`.
    pub undelivered_for_destination_max: u64,
    /// After this age a delivery is an alarm.
    pub delivery_alarm_ms: u64,
    /// Requests that a participant may have unanswered.
    pub window: u64,
}

/// What a reload changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadReport {
    /// Each key whose value differs; certificates are read again in any case.
    pub changes: Vec<ChangeReport>,
}

/// One changed key of the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeReport {
    /// As the file names it, as in `participants.operator-1.caps.EUR`.
    pub key: String,
    /// What it was; absent where it was not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// What it is now; absent where it is there no longer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// It takes effect only after a restart.
    pub needs_restart: bool,
}

/// Where a payment ID leads.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteReport {
    /// Which was asked about.
    pub payment_id: String,
    /// The destination's name; absent where there is no route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// The pattern that matched: `*`, `prefix*` or a merchant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matched: Option<String>,
    /// For payments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pay_debtor: Option<String>,
    /// For reservations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reserve_debtor: Option<String>,
    /// All routes of the payment system, the longest match first, as `PATTERN -> DESTINATION`.
    pub considered: Vec<String>,
    /// Whether a request would be forwarded now; if not, the number and name of its reason.
    pub now: String,
}
