//! Who takes part, and where payment IDs lead. Journaled as facts, so that a restart and a replica know the same.

use holdfast_protocol::{Amount, Currency, Kind, Merchant, MpsId, ParticipantNumber, SecurityLevel, Total};

/// Participants that may be configured at once (I8).
pub const PARTICIPANTS_MAX: usize = 4_096;

/// Routes that may be configured: all are one fact, which must fit the smallest batch of the journal (I8).
pub const ROUTES_MAX: usize = 20_000;

/// A participant as configured (SW-10, SW-12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParticipantRecord {
    /// Its number, for ever.
    pub number: ParticipantNumber,
    /// Its name, as in its certificate.
    pub name: String,
    /// It may send requests.
    pub originates: bool,
    /// It may be a destination.
    pub receives: bool,
    /// The currencies it agreed to, with the net debit cap of each, sorted by currency.
    pub caps: Vec<(Currency, Total)>,
    /// What it may originate, for each security level, sorted by level. A level that is absent is not agreed.
    pub limits: Vec<(SecurityLevel, Limits)>,
}

/// Limits of an originator for one security level, by currency and sorted by it. A currency that is absent has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Each with its currency: an amount means nothing without one.
    pub currencies: Vec<(Currency, CurrencyLimits)>,
}

impl Limits {
    /// Those that hold for a currency.
    pub fn of(&self, currency: Currency) -> CurrencyLimits {
        let found = self.currencies.iter().find(|(of, _)| *of == currency);
        found.map_or(CurrencyLimits::NONE, |(_, limits)| *limits)
    }
}

/// Limits of an originator for one security level and currency. `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CurrencyLimits {
    /// For one transaction.
    pub amount: Option<Amount>,
    /// For a business date.
    pub daily_amount: Option<Total>,
    /// For a business date.
    pub daily_count: Option<u64>,
}

impl CurrencyLimits {
    /// No limits.
    pub const NONE: Self = Self { amount: None, daily_amount: None, daily_count: None };
}

/// Whether a participant takes part now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ParticipantStatus {
    /// It does.
    #[default]
    Active,
    /// No new work from it or to it; what is in flight finishes (rule 25).
    Draining,
    /// As draining, and its requests for change other than reversals are refused.
    Suspended,
}

/// Where a payment ID leads (SW-1). The longest matching merchant prefix of the MPS wins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// The payment system.
    pub mps: MpsId,
    /// Which merchants.
    pub merchants: MerchantPattern,
    /// Who serves them.
    pub destination: ParticipantNumber,
    /// Who owes whom, for payments and for reservations. A verification holds on nobody.
    pub pay_debtor: Debtor,
    /// For reservations.
    pub reserve_debtor: Debtor,
}

/// Which merchants of an MPS a route serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MerchantPattern {
    /// All that no other route matches.
    Default,
    /// Those that begin with this text.
    Prefix(Merchant),
    /// This one.
    Exact(Merchant),
}

/// Whose position carries the hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Debtor {
    /// The originator owes the destination.
    Originator,
    /// The destination owes the originator.
    Destination,
    /// Settled elsewhere: no position moves.
    Outside,
}

impl Debtor {
    /// Who is debtor of what gives back: the creditor.
    pub const fn opposite(self) -> Self {
        match self {
            Self::Originator => Self::Destination,
            Self::Destination => Self::Originator,
            Self::Outside => Self::Outside,
        }
    }
}

impl Route {
    /// Who is debtor for a kind; a verification holds on nobody.
    pub const fn debtor(&self, kind: Kind) -> Debtor {
        match kind {
            Kind::Pay => self.pay_debtor,
            Kind::Reserve => self.reserve_debtor,
            Kind::Verify => Debtor::Outside,
        }
    }
}
