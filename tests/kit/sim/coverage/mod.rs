//! Which cells of the two tables and which reasons were reached, and what look-ups in the archive came to, and which must be.
//!
//! A reachable cell that the fixed set of seeds never reaches is a failure, and so is an impossible one that is reached.

pub mod archive;
pub mod delivery;
pub mod money;
pub mod reasons;

use std::fmt::{self, Write as _};

use holdfast_core::transaction::delivery::{Event as DeliveryEvent, Progress};
use holdfast_core::transaction::money::{Event as MoneyEvent, Money};
use holdfast_protocol::Reason;

use archive::LookedUp;

/// Whether a cell can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The simulator must reach it.
    Reachable,
    /// It never may, for this reason.
    Impossible(&'static str),
}

/// Reasons have numbers below this.
const REASONS: usize = 512;

/// How often each was reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    money: [[u64; MoneyEvent::ALL.len()]; Money::ALL.len()],
    delivery: [[u64; DeliveryEvent::ALL.len()]; Progress::ALL.len()],
    archive: [u64; LookedUp::ALL.len()],
    reasons: Vec<u64>,
}

impl Default for Coverage {
    fn default() -> Self {
        let (money, delivery, archive) = Default::default();
        Self { money, delivery, archive, reasons: vec![0; REASONS] }
    }
}

fn place<T: PartialEq>(all: &[T], of: &T) -> usize {
    all.iter().position(|other| other == of).expect("every one is listed")
}

impl Coverage {
    /// An event met a transaction in this state.
    pub(crate) fn money(&mut self, state: Money, event: MoneyEvent) {
        self.money[place(&Money::ALL, &state)][place(&MoneyEvent::ALL, &event)] += 1;
    }

    /// An event met a delivery in this state.
    pub(crate) fn delivery(&mut self, progress: Progress, event: DeliveryEvent) {
        self.delivery[place(&Progress::ALL, &progress)][place(&DeliveryEvent::ALL, &event)] += 1;
    }

    /// Look-ups came to this so many times.
    pub(crate) fn looked_up(&mut self, to: LookedUp, count: u64) {
        self.archive[place(&LookedUp::ALL, &to)] += count;
    }

    /// Somebody was told a reason.
    pub(crate) fn reason(&mut self, reason: Reason) {
        self.reasons[usize::from(reason.number())] += 1;
    }

    /// Links ended for a reason.
    pub(crate) fn ended(&mut self, reason: Reason, count: u64) {
        self.reasons[usize::from(reason.number())] += count;
    }

    /// Adds what another run reached.
    pub fn merge(&mut self, other: &Self) {
        let (money, delivery) = (other.money.iter().flatten(), other.delivery.iter().flatten());
        self.money.iter_mut().flatten().zip(money).for_each(|(sum, more)| *sum += more);
        self.delivery.iter_mut().flatten().zip(delivery).for_each(|(sum, more)| *sum += more);
        self.archive.iter_mut().zip(&other.archive).for_each(|(sum, more)| *sum += more);
        self.reasons.iter_mut().zip(&other.reasons).for_each(|(sum, more)| *sum += more);
    }

    fn cells(&self) -> impl Iterator<Item = (String, Reach, u64)> + '_ {
        let money = Money::ALL.iter().zip(&self.money).flat_map(|(state, row)| {
            let cell = move |(event, count): (&MoneyEvent, &u64)| {
                (format!("money {state:?} {event:?}"), money::reach(*state, *event), *count)
            };
            MoneyEvent::ALL.iter().zip(row).map(cell)
        });
        let delivery = Progress::ALL.iter().zip(&self.delivery).flat_map(|(state, row)| {
            let cell = move |(event, count): (&DeliveryEvent, &u64)| {
                (format!("delivery {state:?} {event:?}"), delivery::reach(*state, *event), *count)
            };
            DeliveryEvent::ALL.iter().zip(row).map(cell)
        });
        let archive = LookedUp::ALL.iter().zip(&self.archive);
        let archive = archive.map(|(to, count)| (format!("archive {to:?}"), Reach::Reachable, *count));
        money.chain(delivery).chain(archive)
    }

    fn reasons(&self) -> impl Iterator<Item = (Reason, reasons::Tried, u64)> + '_ {
        let count = |reason: &Reason| self.reasons[usize::from(reason.number())];
        Reason::ALL.iter().map(move |reason| (*reason, reasons::tried(*reason), count(reason)))
    }

    /// Impossible cells that were reached: of any run a failure.
    pub fn impossible_reached(&self) -> Vec<String> {
        let reached = |(cell, reach, count): (String, Reach, u64)| match reach {
            Reach::Impossible(why) if count > 0 => Some(format!("{cell}, reached {count} times: {why}")),
            Reach::Impossible(_) | Reach::Reachable => None,
        };
        self.cells().filter_map(reached).collect()
    }

    /// How much of what must be reached was.
    pub fn in_short(&self) -> String {
        let cells: Vec<_> = self.cells().filter(|(_, reach, _)| *reach == Reach::Reachable).collect();
        let reached = cells.iter().filter(|(.., count)| *count > 0).count();
        let reasons: Vec<_> =
            self.reasons().filter(|(_, tried, _)| *tried == reasons::Tried::Simulator).collect();
        let heard = reasons.iter().filter(|(.., count)| *count > 0).count();
        format!(
            "{reached} of {} reachable cells and {heard} of {} reasons were reached",
            cells.len(),
            reasons.len()
        )
    }

    /// What the fixed set must reach and has not.
    pub fn missing(&self) -> Vec<String> {
        let cells = self.cells().filter(|(_, reach, count)| *reach == Reach::Reachable && *count == 0);
        let reasons =
            self.reasons().filter(|(_, tried, count)| *tried == reasons::Tried::Simulator && *count == 0);
        cells.map(|(cell, ..)| cell).chain(reasons.map(|(reason, ..)| format!("reason {reason}"))).collect()
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line = String::new();
        for (cell, reach, count) in self.cells() {
            line.clear();
            match reach {
                Reach::Reachable => write!(line, "{count:>10}  {cell}")?,
                Reach::Impossible(why) => write!(line, "{count:>10}  {cell}: impossible, {why}")?,
            }
            writeln!(f, "{line}")?;
        }
        for (reason, tried, count) in self.reasons() {
            writeln!(f, "{count:>10}  {reason}: {tried}")?;
        }
        Ok(())
    }
}
