//! What is told about transactions: one of them, or those of a destination that are stuck.

use serde::{Deserialize, Serialize};

/// What is known of a transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionReport {
    /// Who sent the authorize.
    pub originator: String,
    /// The id of the authorize.
    pub id: String,
    /// The id that was asked about, where it is that of a capture, release or reversal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub follow_up: Option<String>,
    /// `pay`, `reserve`, `verify`; absent where only the outcome is remembered. So for the fields that follow.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// The payee.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<String>,
    /// The original that it refunds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_of: Option<String>,
    /// Where it went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<String>,
    /// Which of its instances.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<u16>,
    /// ISO 4217 letters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// `originator`, `destination`, `outside`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub debtor: Option<String>,
    /// When the switch reverses without an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// When the hold expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_until_ms: Option<u64>,
    /// `approved` or `declined`; absent while pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// Of the issuer, where it approved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approval_code: Option<String>,
    /// `destination`, `switch` or `stand_in`; absent while pending.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_by: Option<String>,
    /// Why that outcome: the number and name of the reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How it stands now.
    pub state: String,
    /// In minor units: requested while pending, approved after.
    pub held_for: String,
    /// Captured in all.
    pub captured: String,
    /// Ended without capture.
    pub released: String,
    /// Captured and undone by a reversal.
    pub reversed: String,
    /// Captured and given back by refunds that stand.
    #[serde(default)]
    pub refunded: String,
    /// What refunds that are not decided yet may give back.
    #[serde(default)]
    pub refunding: String,
    /// held_for - captured - released.
    pub open: String,
    /// The date of the transaction.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settlement_date: Option<String>,
    /// The place of the deciding fact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// When its id was made, as the id says.
    #[serde(default)]
    pub created_ms: u64,
    /// What its destination has not acknowledged, in order.
    pub deliveries: Vec<TransactionDelivery>,
    /// What is no longer known here, in words; the journal knows it (`holdfast transaction --journal`).
    #[serde(default)]
    pub forgotten: Vec<String>,
}

/// One message that the destination must acknowledge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TransactionDelivery {
    /// From one.
    pub number: u16,
    /// `capture`, `release`, `reverse`.
    pub kind: String,
    /// `waiting` or `sent`; one that is acknowledged is forgotten here.
    pub state: String,
    /// How often it was sent.
    pub attempts: u32,
    /// When it is sent again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt_ms: Option<u64>,
}

/// Transactions whose destination has not acknowledged something, those that wait longest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndeliveredReport {
    /// The oldest.
    pub transactions: Vec<UndeliveredTransaction>,
    /// How many there are besides.
    pub more: u64,
}

/// One of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndeliveredTransaction {
    /// Who sent the authorize.
    pub originator: String,
    /// The id of the authorize.
    pub id: String,
    /// Who has not acknowledged.
    pub destination: String,
    /// The number of the first unacknowledged delivery.
    pub delivery: u16,
    /// `capture`, `release`, `reverse`.
    pub kind: String,
    /// How many deliveries wait behind it.
    pub behind: u16,
    /// How long it has been the first.
    pub age_ms: u64,
    /// How often it was sent, or may have been.
    pub attempts: u32,
    /// ISO 4217 letters of the amount in doubt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Money behind an unacknowledged reversal, in minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub in_doubt: Option<String>,
    /// What it waits for, in words.
    pub why: String,
    /// When it is sent again, where it was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt_ms: Option<u64>,
}
