//! Everything about a run that is fixed before it begins: who takes part, within which limits, and how often what goes
//! wrong. A function of the seed alone.

use std::time::Duration;

use holdfast::driver::DriverSettings;
use holdfast::driver::archive::WAITING_MAX;
use holdfast_core::registry::{CurrencyLimits, Debtor, Limits, MerchantPattern, Route};
use holdfast_protocol::{
    Amount, Currency, Kind, Merchant, MpsId, ParticipantNumber, PaymentId, SecurityLevel, Total, UnixMillis,
};

use super::configuration::{guest_destination, guest_operator};
use super::faults::Rates;
use super::random::Random;

/// When every run begins, some hours before midnight.
pub(crate) const START: UnixMillis = UnixMillis::from_48_bits(1_795_388_000_000);

/// A participant.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Party {
    pub(crate) number: ParticipantNumber,
    /// Processes that run at once.
    pub(crate) instances: u16,
    /// They share their deduplication store.
    pub(crate) shared: bool,
    /// Forwards that each takes unanswered.
    pub(crate) window: u32,
}

/// How much the archive can take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArchivePlan {
    /// Asks that wait for it.
    pub(crate) asks_max: usize,
    /// Turns whose leavings wait for room.
    pub(crate) waiting_max: usize,
    /// Asks that it serves in a turn are fewer than this; 0 where it serves all at once.
    pub(crate) served_below: u64,
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) operators: Vec<Party>,
    pub(crate) destinations: Vec<Party>,
    pub(crate) core: holdfast_core::Settings,
    pub(crate) driver: DriverSettings,
    pub(crate) journal: holdfast_journal::Settings,
    /// How many partitions the switch has.
    pub(crate) partitions: u16,
    /// Requests that may be unanswered over a link.
    pub(crate) request_window: u32,
    /// New requests after which the traffic ends.
    pub(crate) operations: u64,
    pub(crate) rates: Rates,
    /// The net debit caps in the tight currency.
    pub(crate) tight_cap: i128,
    pub(crate) routes: Vec<Route>,
    /// The same transactions are asked about again and again, each time after they have left memory.
    pub(crate) returning: bool,
    pub(crate) archive: ArchivePlan,
}

pub(crate) fn number(n: u16) -> ParticipantNumber {
    ParticipantNumber::new(n).expect("participants are numbered from one")
}

fn currency(code: &str) -> Currency {
    Currency::from_code(code).expect("a currency of ISO 4217")
}

/// The usual currency.
pub(crate) fn euro() -> Currency {
    currency("EUR")
}

/// The currency with small caps.
pub(crate) fn pound() -> Currency {
    currency("GBP")
}

/// The currency that nobody agreed to.
pub(crate) fn dollar() -> Currency {
    currency("USD")
}

impl Plan {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed, 1);
        let r = &mut random;
        let party = |n, r: &mut Random, destination: bool| {
            let instances = if r.percent(35) { 2 } else { 1 };
            let window = if destination && r.percent(20) { 6 } else { 10_000 };
            Party { number: number(n), instances, shared: destination && r.percent(50), window }
        };
        let mut operators: Vec<Party> = (0..r.between(1, 4)).map(|n| party(1 + n as u16, r, false)).collect();
        let mut destinations: Vec<Party> =
            (0..r.between(1, 4)).map(|n| party(11 + n as u16, r, true)).collect();
        if r.percent(40) {
            operators.push(party(guest_operator().get(), r, false));
            destinations.push(party(guest_destination().get(), r, true));
        }
        let mut core = core_settings(r);
        // Soon enough that they leave several times.
        let returning = r.percent(40);
        core.window_max_ms = if returning { r.between(6_000, 13_000) } else { core.window_max_ms };
        Self {
            routes: routes(seed, &operators, &destinations),
            operators,
            destinations,
            core,
            returning,
            archive: archive_plan(r),
            driver: driver_settings(r, start_grace_ms(seed)),
            journal: journal_settings(r),
            partitions: [1, 1, 2, 3][Random::new(seed, 2).below(4) as usize],
            request_window: if r.percent(20) { 12 } else { 10_000 },
            operations: r.between(1_000, 1_300),
            rates: Rates::new(r),
            tight_cap: i128::from(r.between(4_000, 60_000)),
        }
    }

    /// Who comes and goes: what they take part in is settled elsewhere, so that their positions stay flat.
    pub(crate) fn guests(&self) -> impl Iterator<Item = ParticipantNumber> {
        let all = self.operators.iter().chain(&self.destinations).map(|party| party.number);
        all.filter(|number| is_guest(*number))
    }

    /// Who owes whom by a captured transaction that this destination got: the debtor and the creditor.
    pub(crate) fn legs(
        &self,
        originator: ParticipantNumber,
        destination: ParticipantNumber,
        payment_id: PaymentId,
        kind: Kind,
    ) -> Option<(ParticipantNumber, ParticipantNumber)> {
        // Of a system that leads to different destinations at different times, the agreement is the destination's.
        let of_destination = |route: &&Route| route.destination == destination;
        let same = self.routes.iter().filter(of_destination).find(|route| route.mps == payment_id.mps);
        let route = same.or_else(|| self.routes.iter().find(of_destination))?;
        match route.debtor(kind) {
            Debtor::Originator => Some((originator, destination)),
            Debtor::Destination => Some((destination, originator)),
            Debtor::Outside => None,
        }
    }

    /// Where a payment ID leads at first.
    pub(crate) fn destination(&self, payment_id: PaymentId) -> Option<ParticipantNumber> {
        self.routes.iter().find(|route| route.mps == payment_id.mps).map(|route| route.destination)
    }

    /// Of how many ids it can be said for certain that they are remembered: those created after this.
    pub(crate) fn remembered_from(&self, time: UnixMillis) -> UnixMillis {
        time.minus(self.core.window_max_ms + self.core.skew_max_ms)
    }
}

/// Where payment IDs lead: each destination serves a system; the first also part of another; each operator is named by
/// one, so that a payment can lead back to its sender.
fn routes(seed: u64, operators: &[Party], destinations: &[Party]) -> Vec<Route> {
    let mut routes = Vec::new();
    for (at, party) in destinations.iter().enumerate() {
        let (pay_debtor, reserve_debtor) = match (seed as usize).wrapping_add(at) % 4 {
            _ if is_guest(party.number) => (Debtor::Outside, Debtor::Outside),
            0 | 1 => (Debtor::Originator, Debtor::Destination),
            2 => (Debtor::Destination, Debtor::Originator),
            _ => (Debtor::Outside, Debtor::Destination),
        };
        let mps = mps(&format!("acq{}", party.number));
        let (merchants, destination) = (MerchantPattern::Default, party.number);
        routes.push(Route { mps, merchants, destination, pay_debtor, reserve_debtor });
    }
    let merchants = MerchantPattern::Prefix(Merchant::from_text("shop").expect("allowed text"));
    let destination = destinations[0].number;
    let (pay_debtor, reserve_debtor) = (Debtor::Originator, Debtor::Destination);
    routes.push(Route { mps: mps("only"), merchants, destination, pay_debtor, reserve_debtor });
    for party in operators {
        let (mps, merchants) = (mps(&format!("own{}", party.number)), MerchantPattern::Default);
        routes.push(Route { mps, merchants, destination: party.number, pay_debtor, reserve_debtor });
    }
    routes
}

/// Whether it comes and goes.
pub(crate) fn is_guest(number: ParticipantNumber) -> bool {
    number == guest_operator() || number == guest_destination()
}

fn mps(text: &str) -> MpsId {
    MpsId::from_text(text).expect("allowed text")
}

/// Level two without limits, one and three with small ones, four not agreed.
pub(crate) fn limits() -> Vec<(SecurityLevel, Limits)> {
    let one = CurrencyLimits { amount: Amount::from_minor(2_000), ..CurrencyLimits::NONE };
    let three = CurrencyLimits {
        daily_amount: Some(Total::from_minor(60_000)),
        daily_count: Some(12),
        ..CurrencyLimits::NONE
    };
    let of = |limits| Limits { currencies: vec![(euro(), limits)] };
    let (one, three) = (of(one), of(three));
    vec![(SecurityLevel::One, one), (SecurityLevel::Two, Limits::default()), (SecurityLevel::Three, three)]
}

/// Short windows and few places, so that a run sees ids forgotten and limits reached.
fn core_settings(r: &mut Random) -> holdfast_core::Settings {
    let mut tight = |percent, tight: u32, wide: u32| if r.percent(percent) { tight } else { wide };
    holdfast_core::Settings {
        pending_max: tight(10, 8, 1_000),
        pending_for_destination_max: tight(10, 6, 1_000),
        open_max: tight(5, 30, 10_000),
        undelivered_for_destination_max: tight(15, 20, 10_000),
        delivery_window: tight(30, 2, 1_000),
        inquiries_per_s: tight(40, 2, 1_000_000),
        recalls_max: tight(20, 1, 100),
        window_max_ms: u64::from(tight(50, 15_000, 30_000)),
        skew_max_ms: 2_000,
        budget_max_ms: 3_000,
        hold_max_ms: 40_000,
        deliveries_for_transaction_max: 4,
        delivery_retry_ms: 300,
        delivery_retry_max_ms: 2_000,
        recall_wait_ms: 1_000,
        expected_rate_per_s: 20,
        answer_extension_bytes_max: if tight(20, 1, 0) == 1 { 40 } else { 1 << 20 },
        ..holdfast_core::Settings::default()
    }
}

/// In half of the seeds it is as fast as it can be; in others slow, and with few places.
fn archive_plan(r: &mut Random) -> ArchivePlan {
    ArchivePlan {
        asks_max: if r.percent(30) { r.between(1, 6) as usize } else { 1_024 },
        waiting_max: if r.percent(40) { r.between(0, 4) as usize } else { WAITING_MAX },
        served_below: if r.percent(50) { r.between(2, 6) } else { 0 },
    }
}

/// Drawn for itself, so that every seed goes on as it did before there was a grace.
fn start_grace_ms(seed: u64) -> u64 {
    let mut random = Random::new(seed, 3);
    if random.percent(50) { random.between(1, 3_000) } else { 0 }
}

/// Small turns, so that a cut finds work and facts everywhere.
fn driver_settings(r: &mut Random, start_grace_ms: u64) -> DriverSettings {
    let tiny = r.percent(20);
    DriverSettings {
        work_per_turn: if tiny { 10 } else { 24 },
        quota: if tiny { 3 } else { 8 },
        facts_per_turn: if tiny { 12 } else { 64 },
        events_per_turn: if tiny { 8 } else { 16 },
        outbound_bytes_max: if r.percent(30) { 4 << 10 } else { 1 << 20 },
        unsynced_bytes_max: if r.percent(20) { 1_500 } else { 64 << 20 },
        backlog_max: if r.percent(15) { 8 } else { 100_000 },
        start_grace_ms,
        ..DriverSettings::default()
    }
}

/// Small segments, so that a run crosses many.
fn journal_settings(r: &mut Random) -> holdfast_journal::Settings {
    let small = holdfast_journal::Settings::small();
    holdfast_journal::Settings {
        segment_bytes: if r.percent(50) { 128 << 10 } else { 512 << 10 },
        batch_bytes_max: 32 << 10,
        frame_bytes_max: if r.percent(30) { 1 << 10 } else { 16 << 10 },
        gather: Duration::from_millis(if r.percent(30) { 60 } else { 0 }),
        queue_batches_max: if r.percent(30) { 2 } else { 256 },
        full_reserve_bytes: 64 << 10,
        ..small
    }
}
