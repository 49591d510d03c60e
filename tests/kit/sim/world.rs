//! One run: the switch, its disk, the network and everybody who takes part, step by step in virtual time.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use holdfast_core::invariant::leases;
use holdfast_protocol::{BusinessDate, Epoch, ParticipantNumber, Partition, TransactionKey, UnixMillis};

use super::archiving::Troubles;
use super::checks::{i3, i4, i6, i8};
use super::configuration::Configuration;
use super::coverage::Coverage;
use super::destination::Destination;
use super::door::{Members, Ways};
use super::faults::{Fault, FaultCounts};
use super::network::Network;
use super::operator::Operator;
use super::partitions::{Elsewhere, Part, SwitchClock, surroundings};
use super::plan::{Plan, START};
use super::planted::Planted;
use super::random::Random;
use super::scene::Scene;
use super::switch::Switch;
use super::trace::Trace;
use super::violation::{Verdict, Violation, ensure};
use super::{Course, auditor};

/// Steps after which a run whose traffic does not end is cut off.
const STEPS_MAX: u64 = 12_000;
/// Steps of half a second and less after which everything must be finished.
const CALM_STEPS_MAX: u64 = 1_500;
/// The auditor says the least that must be booked after so many steps: it reads all that was ever asked.
const AUDIT_EVERY: u64 = 32;

/// See the module.
pub(crate) struct World {
    pub(crate) here: Part,
    pub(crate) elsewhere: Elsewhere,
    pub(crate) clock: SwitchClock,
    pub(crate) ways: Ways,
    pub(crate) members: Rc<Members>,
    /// Given so far.
    pub(crate) sessions: u64,
    pub(crate) network: Network,
    pub(crate) operators: Vec<Operator>,
    pub(crate) destinations: Vec<Destination>,
    pub(crate) random: Random,
    pub(crate) now: UnixMillis,
    /// The wall clock less the true time.
    pub(crate) wall_ahead_ms: i64,
    pub(crate) faults: FaultCounts,
    pub(crate) coverage: Coverage,
    pub(crate) trace: Trace,
    pub(crate) operations: u64,
    /// The room on the disk comes back then.
    pub(crate) room_again: Option<UnixMillis>,
    /// No new work is taken, and the switch is started again then.
    pub(crate) stops_at: Option<UnixMillis>,
    /// Who is to be taken out of the configuration.
    pub(crate) leaving: Option<ParticipantNumber>,
    gossip: Vec<TransactionKey>,
    /// The switch's time when each epoch of each partition began.
    began: BTreeMap<(Partition, Epoch), UnixMillis>,
    pub(crate) time_high: UnixMillis,
    pub(crate) calm: bool,
}

impl World {
    pub(crate) fn new(seed: u64, planted: Option<Planted>, trace: Trace) -> Verdict<Self> {
        let plan = Rc::new(Plan::new(seed));
        // Ahead of everything that reads a clock of its own.
        let base = Instant::now() + Duration::from_secs(3_600);
        let (configuration, ways) = (Rc::default(), Ways::new(plan.partitions));
        let part = |partition| {
            let around = surroundings(Partition(partition), &plan, planted, base, &configuration);
            let switch = Switch::start(&around, &ways, START, START)?;
            Ok(Part { around, switch, rotten: Vec::new(), troubles: Troubles::default() })
        };
        let mut parts = (0..plan.partitions).map(part).collect::<Verdict<Elsewhere>>()?;
        let mut world = Self {
            here: parts.pop_front().expect("there is one partition at least"),
            elsewhere: parts,
            clock: SwitchClock::start(START, START, UnixMillis::default()),
            ways,
            members: Rc::default(),
            sessions: 0,
            network: Network::new(seed),
            operators: plan.operators.iter().map(|party| Operator::new(*party, seed)).collect(),
            destinations: plan.destinations.iter().map(|party| Destination::new(*party, seed)).collect(),
            random: Random::new(seed, 0),
            now: START,
            wall_ahead_ms: 0,
            faults: FaultCounts::default(),
            coverage: Coverage::default(),
            trace,
            operations: 0,
            room_again: None,
            stops_at: None,
            leaving: None,
            gossip: Vec::new(),
            began: BTreeMap::new(),
            time_high: START,
            calm: false,
        };
        world.found(START)?;
        world.started(START);
        Ok(world)
    }

    pub(crate) fn plan(&self) -> Rc<Plan> {
        Rc::clone(&self.here.around.plan)
    }

    pub(crate) fn wall(&self) -> UnixMillis {
        let ahead = self.wall_ahead_ms.unsigned_abs();
        if self.wall_ahead_ms < 0 { self.now.minus(ahead) } else { self.now.plus(ahead) }
    }

    /// The switch's time.
    pub(crate) fn time(&mut self) -> UnixMillis {
        let wall = self.wall();
        let time = self.clock.time(self.now, wall);
        for part in std::iter::once(&self.here).chain(&self.elsewhere) {
            let epoch = part.switch.driver.core().epoch();
            self.began.entry((part.around.partition, epoch)).or_insert(time);
        }
        self.time_high = self.time_high.max(time);
        time
    }

    /// Traffic and faults, then calm, a last restart, and the closing of all books.
    ///
    /// # Errors
    /// The first promise that was broken.
    pub(crate) fn run(&mut self) -> Verdict {
        while self.operations < self.plan().operations {
            let stuck = self.trace.step >= STEPS_MAX;
            ensure!(
                "liveness",
                !stuck,
                "after {STEPS_MAX} steps only {} requests were made",
                self.operations
            );
            self.step()?;
        }
        self.calm_down()?;
        let first = self.trace.step;
        while !self.is_settled() {
            let over = self.trace.step - first >= CALM_STEPS_MAX;
            ensure!("liveness", !over, "not finished: {}", self.unfinished());
            self.step()?;
        }
        self.fail(super::crashes::Crash::Power)?;
        self.closed()
    }

    /// What the run was like.
    pub(crate) fn into_course(mut self, seed: u64) -> Course {
        for _ in 0..=self.elsewhere.len() {
            self.count_look_ups();
            self.coverage.merge(&self.here.around.watched.borrow().coverage);
            self.next();
        }
        for (reason, count) in &self.network.ended {
            self.coverage.ended(*reason, *count);
        }
        let cores = self.cores();
        let digests: Vec<String> = cores.iter().map(|core| core.digest().to_string()).collect();
        let facts = cores.iter().map(|core| core.sequence().0).sum();
        Course {
            seed,
            steps: self.trace.step,
            operations: self.operations,
            facts,
            simulated_ms: self.now.since(START),
            faults: self.faults,
            coverage: self.coverage,
            digest: digests.join(" "),
        }
    }

    pub(crate) fn into_trace(self) -> Trace {
        self.trace
    }

    /// A moment in which each part may get its turn or not.
    fn step(&mut self) -> Verdict {
        self.trace.step += 1;
        self.pass_time();
        if !self.calm {
            self.misfortune()?;
        }
        let allowed = self.plan().operations - self.operations;
        self.participants(allowed)?;
        let (now, time) = (self.now, self.time());
        self.deliver_up(time)?;
        self.each(|world| {
            if world.calm || world.random.percent(85) {
                world.turn(time);
            }
            Ok(())
        })?;
        self.write_each()?;
        let time = self.time();
        self.each(|world| {
            if world.calm || world.random.percent(60) {
                world.turn(time);
            }
            Ok(())
        })?;
        self.network.collect(now);
        self.network.deliver_down(now)?;
        self.listen()?;
        self.check()
    }

    fn pass_time(&mut self) {
        let millis = if self.calm {
            if self.trace.step.is_multiple_of(3) { 500 } else { 40 }
        } else if self.random.rarely(100) {
            self.faults.add(Fault::Stalled);
            self.random.between(500, 4_000)
        } else {
            self.random.below(110)
        };
        self.now = self.now.plus(millis);
    }

    /// The scene of a participant, and what operators were told in it.
    fn with_scene<T>(
        &mut self,
        told: &mut Vec<(TransactionKey, holdfast_protocol::Answer)>,
        act: impl FnOnce(&mut [Operator], &mut [Destination], &mut Scene<'_>) -> T,
    ) -> T {
        let (plan, time) = (self.plan(), self.time());
        let mut parts: Vec<&Part> = std::iter::once(&self.here).chain(&self.elsewhere).collect();
        parts.sort_by_key(|part| part.around.partition);
        let mut scene = Scene {
            now: self.now,
            time,
            time_high: self.time_high,
            began: &self.began,
            durable: parts.iter().map(|part| part.switch.durable()).collect(),
            cores: parts.iter().map(|part| part.switch.driver.core()).collect(),
            plan: &plan,
            net: &mut self.network,
            trace: &mut self.trace,
            coverage: &mut self.coverage,
            faults: &mut self.faults,
            gossip: &mut self.gossip,
            told,
            calm: self.calm,
        };
        act(&mut self.operators, &mut self.destinations, &mut scene)
    }

    /// A participant's first process dials, whether or not it has a wire.
    pub(crate) fn dial_again(&mut self, number: ParticipantNumber) {
        self.with_scene(&mut Vec::new(), |operators, destinations, scene| {
            let operators = operators.iter_mut().filter(|o| o.number == number).map(|o| &mut o.dialler);
            let destinations = destinations.iter_mut().filter(|d| d.number == number).map(|d| &mut d.dialler);
            operators.chain(destinations).for_each(|dialler| dialler.dial(0, scene));
        });
    }

    fn participants(&mut self, allowed: u64) -> Verdict {
        let turns: Vec<bool> = (0..self.operators.len() + self.destinations.len())
            .map(|_| self.calm || self.random.percent(60))
            .collect();
        let made = self.with_scene(&mut Vec::new(), |operators, destinations, scene| {
            let (of_operators, of_destinations) = turns.split_at(operators.len());
            let mut left = allowed;
            for (operator, _) in operators.iter_mut().zip(of_operators).filter(|(_, turn)| **turn) {
                left -= operator.act(scene, left);
            }
            for (destination, _) in destinations.iter_mut().zip(of_destinations).filter(|(_, turn)| **turn) {
                destination.act(scene);
            }
            allowed - left
        });
        self.operations += made;
        Ok(())
    }

    fn listen(&mut self) -> Verdict {
        let mut told = Vec::new();
        let heard = self.with_scene(&mut told, |operators, destinations, scene| {
            operators.iter_mut().try_for_each(|operator| operator.read(scene))?;
            destinations.iter_mut().try_for_each(|destination| destination.read(scene))
        });
        heard?;
        for (key, answer) in told {
            let home = usize::from(key.originator.home(self.plan().partitions).0);
            let route = self.cores()[home].transaction(key).and_then(|view| view.destination);
            let at = self.destinations.iter().find(|d| Some(d.number) == route);
            // What is forgotten by now was compared with nothing.
            if route.is_some() {
                let wide = self.here.around.plan.core.answer_extension_bytes_max > 10_000;
                i6::has_ground(key, &answer, at.and_then(|d| d.entries.get(&key)), wide)?;
            }
        }
        Ok(())
    }

    fn check(&mut self) -> Verdict {
        self.each(|world| {
            let found = world.here.around.watched.borrow_mut().violation.take();
            if let Some(violation) = found {
                return Err(violation);
            }
            let driver = &world.here.switch.driver;
            i4::check(driver.core())?;
            i8::check(driver, &world.here.around.plan)?;
            i3::check(driver.core())
        })?;
        let (cores, plan) = (self.cores(), self.plan());
        leases(&cores).map_err(|found| Violation::new("I9", found.to_string()))?;
        if self.trace.step.is_multiple_of(AUDIT_EVERY) {
            auditor::at_least(&cores, &plan, &self.operators, &self.destinations, self.time_high)?;
        }
        Ok(())
    }

    /// Faults stop: disk, clock, links and participants are well again, and everybody is configured as at the start.
    fn calm_down(&mut self) -> Verdict {
        self.calm = true;
        self.trace.note(self.now, || "faults stop".to_owned());
        self.each(|world| {
            world.here.around.disk.storage.set_room(u64::MAX);
            world.heal_snapshots()?;
            world.heal_indexes()
        })?;
        (self.room_again, self.stops_at, self.leaving) = (None, None, None);
        if self.here.switch.driver.view().stopping {
            self.fail(super::crashes::Crash::Kill)?;
        }
        let time = self.time();
        let all = self.take_over(Configuration::default(), time);
        ensure!("liveness", all, "a configuration with everybody in it is refused");
        self.activate(time);
        let now = self.now;
        self.operators.iter_mut().for_each(|operator| operator.frozen_until = now);
        self.destinations.iter_mut().for_each(|destination| destination.frozen_until = now);
        Ok(())
    }

    fn is_settled(&self) -> bool {
        let settled = |part: &&Part| {
            let driver = &part.switch.driver;
            driver.core().pending() == 0 && driver.core().open() == 0 && driver.is_settled()
        };
        self.parts().iter().all(settled)
            && self.operators.iter().all(Operator::is_settled)
            && self.destinations.iter().all(Destination::is_settled)
    }

    fn unfinished(&self) -> String {
        let operators: Vec<_> = self.operators.iter().filter_map(Operator::unsettled).collect();
        let destinations: Vec<_> = self.destinations.iter().filter_map(Destination::unsettled).collect();
        let of = |part: &&Part| {
            let (core, queues) = (part.switch.driver.core(), part.switch.driver.queues());
            let open: Vec<_> = core.undelivered();
            format!("{} pending, {} open, {queues:?}, undelivered {open:?}", core.pending(), core.open())
        };
        let partitions: Vec<_> = self.parts().iter().map(of).collect();
        format!(
            "{}, operators wait for {operators:?}, destinations for {destinations:?}",
            partitions.join("; ")
        )
    }

    fn closed(&mut self) -> Verdict {
        let (parts, plan) = (self.parts(), self.plan());
        let cores = self.cores();
        for core in &cores {
            ensure!(
                "liveness",
                core.open() == 0,
                "{} transactions are open after the last restart",
                core.open()
            );
            // Rule 27: what is not today has nothing pending, and is closed.
            let days = core.open_days().count();
            ensure!("liveness", days == 1, "{days} business days are open");
        }
        let decided: Vec<_> = parts.iter().map(|part| part.around.decided.borrow()).collect();
        let journaled: Vec<_> = decided.iter().map(|decided| &decided.journaled).collect();
        auditor::closed(&cores, &plan, &self.operators, &self.destinations, &journaled)
    }

    /// The next business day.
    pub(crate) fn next_date(&self) -> Option<BusinessDate> {
        let today = self.here.switch.driver.core().business_date()?;
        let days = (0..40).map(|day| BusinessDate::from_utc(START.plus(day * 86_400_000)));
        days.into_iter().find(|date| *date > today)
    }
}
