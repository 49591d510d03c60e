//! One run: traffic from a seed, ten power cuts, and the healing at the end.

use std::rc::Rc;
use std::time::{Duration, Instant};

use holdfast_journal::{Fault, ForgetfulStorage};
use holdfast_protocol::UnixMillis;

use crate::books::{check_closed, check_told};
use crate::destination::Destination;
use crate::link::Link;
use crate::operator::Operator;
use crate::random::Random;
use crate::switch::{Broken, Decided, Switch};
use crate::{DESTINATIONS, OPERATORS};

/// Power cuts of each run.
pub(crate) const CUTS: u64 = 10;
/// When every run begins.
const START: u64 = 1_790_000_000_000;
/// Steps of a hundred milliseconds after which everything must be finished.
const HEALING_STEPS_MAX: u64 = 2_000;

/// What a run went through.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Course {
    pub(crate) cuts: u64,
    /// Cuts that tore a write.
    pub(crate) torn: u64,
    /// Facts that were decided and undone by a cut before anybody heard of them.
    pub(crate) undone: u64,
    pub(crate) facts: u64,
    pub(crate) requests: u64,
    /// Answers that said again what an operator knew.
    pub(crate) said_again: u64,
    pub(crate) forwards: u64,
    pub(crate) deliveries: u64,
    pub(crate) digest: String,
}

struct Run {
    random: Random,
    broken: Broken,
    now: UnixMillis,
    base: Instant,
    storage: ForgetfulStorage,
    decided: Decided,
    switch: Switch,
    operators: Vec<Operator>,
    destinations: Vec<Destination>,
    course: Course,
}

/// Plays a seed.
///
/// # Errors
/// The first thing that somebody was told and that does not hold.
pub(crate) fn run(seed: u64, broken: Broken) -> Result<Course, String> {
    let mut run = Run::new(seed, broken)?;
    for _ in 0..CUTS {
        run.work()?;
        run.cut_power()?;
    }
    run.heal()?;
    run.cut_power()?;
    check_closed(run.switch.driver.core(), &run.operators, &run.destinations)?;
    run.course.digest = run.switch.driver.core().digest().to_string();
    run.course.facts = run.switch.driver.core().sequence().0;
    for operator in &run.operators {
        run.course.requests += operator.requests.len() as u64;
        run.course.said_again += operator.said_again;
    }
    for entry in run.destinations.iter().flat_map(|d| d.entries.values()) {
        run.course.forwards += u64::from(entry.forward.is_some());
        run.course.deliveries += entry.deliveries.len() as u64;
    }
    Ok(run.course)
}

impl Run {
    fn new(seed: u64, broken: Broken) -> Result<Self, String> {
        let storage = ForgetfulStorage::new();
        let decided = Decided::default();
        let now = UnixMillis::new(START).unwrap();
        if broken == Broken::SyncsLeftOut {
            storage.lie();
        }
        Ok(Self {
            random: Random::new(seed, 0),
            switch: Switch::start(&storage, &decided, broken, now)?,
            broken,
            now,
            base: Instant::now(),
            storage,
            decided,
            operators: OPERATORS.iter().map(|n| Operator::new(*n, seed)).collect(),
            destinations: DESTINATIONS.iter().map(|n| Destination::new(*n, seed)).collect(),
            course: Course::default(),
        })
    }

    fn at(&self) -> Instant {
        self.base + Duration::from_millis(self.now.get() - START)
    }

    /// Traffic until the moment of the cut: between two steps, or in the middle of what the journal writes next.
    fn work(&mut self) -> Result<(), String> {
        for _ in 0..30 + self.random.below(90) {
            self.step()?;
        }
        if self.random.percent(80) {
            // A frame is a write and a sync: after an odd number of operations a write is most often there unsynced.
            let odd = u64::from(self.random.percent(80));
            self.storage.set_fault(Fault::CutAfter(self.random.below(4) * 2 + odd));
            for _ in 0..20 {
                if !self.step()? {
                    break;
                }
            }
        }
        Ok(())
    }

    /// A moment in which each part may get its turn or not; false where the power is off.
    fn step(&mut self) -> Result<bool, String> {
        let stall = self.random.percent(2);
        self.now = self.now.plus(if stall { 700 } else { self.random.below(25) });
        self.connect(15)?;
        self.disconnect();
        for operator in &mut self.operators {
            if self.random.percent(70) {
                operator.act(self.now)?;
            }
        }
        for destination in &mut self.destinations {
            if self.random.percent(70) {
                destination.act(self.now)?;
            }
        }
        if self.random.percent(80) {
            self.switch.turn(self.now, self.at());
        }
        let on = !self.random.percent(60) || self.switch.write(self.now);
        if self.random.percent(50) {
            self.switch.turn(self.now, self.at());
        }
        self.read(60)?;
        Ok(on)
    }

    fn connect(&mut self, percent: u64) -> Result<(), String> {
        let at = self.at();
        for operator in &mut self.operators {
            if operator.link.is_none() && self.random.percent(percent) {
                let (session, events) = self.switch.admit();
                operator.linked(Link::open(operator.number, false, session, events, at), self.now)?;
            }
        }
        for destination in &mut self.destinations {
            if destination.link.is_none() && self.random.percent(percent) {
                let (session, events) = self.switch.admit();
                destination.linked(Link::open(destination.number, true, session, events, at), self.now);
            }
        }
        Ok(())
    }

    /// Now and then the network drops a link, and what was on its way over it.
    fn disconnect(&mut self) {
        let operators = self.operators.iter_mut().map(|o| &mut o.link);
        for link in operators.chain(self.destinations.iter_mut().map(|d| &mut d.link)) {
            if self.random.percent(1)
                && let Some(link) = link.take()
            {
                link.lost();
            }
        }
    }

    fn read(&mut self, percent: u64) -> Result<(), String> {
        for operator in &mut self.operators {
            if self.random.percent(percent) {
                operator.read()?;
            }
        }
        for destination in &mut self.destinations {
            if self.random.percent(percent) {
                destination.read(self.now)?;
            }
        }
        Ok(())
    }

    /// The power goes, and comes back: sometimes it goes again while the switch recovers.
    fn cut_power(&mut self) -> Result<(), String> {
        self.course.cuts += 1;
        // What left the switch before may still arrive: whoever reads it was told.
        self.read(50)?;
        self.operators.iter_mut().for_each(|o| o.link = None);
        self.destinations.iter_mut().for_each(|d| d.link = None);
        let (decided, live) = (self.switch.driver.core().sequence(), self.switch.driver.core().digest());
        self.now = self.now.plus(self.random.below(3_000));
        self.crash();
        if self.random.percent(30) {
            self.storage.set_fault(Fault::CutAfter(self.random.below(12)));
            // It may or may not come so far.
            self.course.torn += u64::from(self.restart().is_ok_and(|switch| tore(&switch)));
            self.crash();
        }
        self.switch = self.restart()?;
        self.course.torn += u64::from(tore(&self.switch));
        let core = self.switch.driver.core();
        let recovered = core.sequence();
        self.course.undone += decided.0.checked_sub(recovered.0).ok_or("more was recovered than decided")?;
        let same = decided != recovered || live == core.digest();
        ensure!(same, "I7: the core that decided had {live}, the recovered has {}", core.digest());
        check_told(core, &self.operators, &self.destinations)
    }

    fn crash(&mut self) {
        self.storage.crash(self.random.bits());
        if self.broken == Broken::SyncsLeftOut {
            self.storage.lie();
        }
    }

    fn restart(&self) -> Result<Switch, String> {
        Switch::start(&self.storage, &Rc::clone(&self.decided), self.broken, self.now)
    }

    /// No new work, every link up, nothing fails: everything finishes.
    fn heal(&mut self) -> Result<(), String> {
        for _ in 0..HEALING_STEPS_MAX {
            self.now = self.now.plus(100);
            self.connect(100)?;
            for operator in &mut self.operators {
                operator.repeat(self.now)?;
            }
            for destination in &mut self.destinations {
                destination.act(self.now)?;
            }
            self.switch.turn(self.now, self.at());
            ensure!(self.switch.write(self.now), "the journal ended although nothing failed");
            self.switch.turn(self.now, self.at());
            self.read(100)?;
            if self.is_settled() {
                return Ok(());
            }
        }
        let (core, queues) = (self.switch.driver.core(), self.switch.driver.queues());
        Err(format!("not finished: {} pending, {} open, {queues:?}", core.pending(), core.open()))
    }

    fn is_settled(&self) -> bool {
        let core = self.switch.driver.core();
        core.pending() == 0
            && core.open() == 0
            && self.switch.driver.is_settled()
            && self.operators.iter().all(Operator::is_settled)
            && self.destinations.iter().all(Destination::is_settled)
    }
}

/// Whether its recovery found a torn write.
fn tore(switch: &Switch) -> bool {
    switch.report.as_ref().is_some_and(|report| report.torn_bytes > 0)
}
