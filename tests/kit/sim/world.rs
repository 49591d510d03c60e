//! One run: the switch, its disk, the network and everybody who takes part, step by step in virtual time.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use holdfast_protocol::{BusinessDate, Epoch, ParticipantNumber, Sequence, TransactionKey, UnixMillis};

use super::archiving::Troubles;
use super::checks::{i1, i3, i4, i5, i6, i8};
use super::configuration::Configuration;
use super::coverage::Coverage;
use super::destination::Destination;
use super::disk::Disk;
use super::faults::{Fault, FaultCounts};
use super::log::Decided;
use super::network::Network;
use super::operator::Operator;
use super::plan::{Plan, START};
use super::planted::Planted;
use super::random::Random;
use super::rot::Rotten;
use super::scene::Scene;
use super::switch::{Surroundings, Switch};
use super::trace::Trace;
use super::violation::{Verdict, ensure};
use super::watch::Watched;
use super::{Course, auditor};

/// Steps after which a run whose traffic does not end is cut off.
const STEPS_MAX: u64 = 12_000;
/// Steps of half a second and less after which everything must be finished.
const CALM_STEPS_MAX: u64 = 1_500;
/// The auditor says the least that must be booked after so many steps: it reads all that was ever asked.
const AUDIT_EVERY: u64 = 32;

/// See the module.
pub(crate) struct World {
    pub(crate) around: Surroundings,
    pub(crate) switch: Switch,
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
    /// Snapshots in which a bit has flipped.
    pub(crate) rotten: Vec<Rotten>,
    pub(crate) troubles: Troubles,
    gossip: Vec<TransactionKey>,
    /// The switch's time when each epoch began.
    began: BTreeMap<Epoch, UnixMillis>,
    time_high: UnixMillis,
    pub(crate) calm: bool,
}

impl World {
    pub(crate) fn new(seed: u64, planted: Option<Planted>, trace: Trace) -> Verdict<Self> {
        let plan = Rc::new(Plan::new(seed));
        let around = Surroundings {
            disk: Disk::new(planted.and_then(Planted::disk)),
            decided: Rc::new(RefCell::new(Decided::new(plan.core.clone()))),
            watched: Rc::new(RefCell::new(Watched::new(Rc::clone(&plan)))),
            planted,
            found: Rc::default(),
            // Ahead of everything that reads a clock of its own.
            base: Instant::now() + Duration::from_secs(3_600),
            configuration: RefCell::new(Configuration::default()),
            plan: Rc::clone(&plan),
        };
        let switch = Switch::start(&around, START, START)?;
        Ok(Self {
            around,
            switch,
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
            rotten: Vec::new(),
            troubles: Troubles::default(),
            gossip: Vec::new(),
            began: BTreeMap::new(),
            time_high: START,
            calm: false,
        })
    }

    pub(crate) fn plan(&self) -> Rc<Plan> {
        Rc::clone(&self.around.plan)
    }

    pub(crate) fn wall(&self) -> UnixMillis {
        let ahead = self.wall_ahead_ms.unsigned_abs();
        if self.wall_ahead_ms < 0 { self.now.minus(ahead) } else { self.now.plus(ahead) }
    }

    /// The switch's time.
    pub(crate) fn time(&mut self) -> UnixMillis {
        let wall = self.wall();
        let time = self.switch.time(self.now, wall);
        self.began.entry(self.switch.driver.core().epoch()).or_insert(time);
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
        self.count_look_ups();
        self.coverage.merge(&self.around.watched.borrow().coverage);
        for (reason, count) in &self.network.ended {
            self.coverage.ended(*reason, *count);
        }
        let core = self.switch.driver.core();
        Course {
            seed,
            steps: self.trace.step,
            operations: self.operations,
            facts: core.sequence().0,
            simulated_ms: self.now.since(START),
            faults: self.faults,
            coverage: self.coverage,
            digest: core.digest().to_string(),
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
        self.network.deliver_up(now, &mut self.switch.door(now, time))?;
        if self.calm || self.random.percent(85) {
            self.turn(time);
        }
        if self.calm || self.random.percent(70) {
            self.write()?;
        }
        let time = self.time();
        if self.calm || self.random.percent(60) {
            self.turn(time);
        }
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
        let mut scene = Scene {
            now: self.now,
            time,
            time_high: self.time_high,
            began: &self.began,
            durable: self.switch.durable(),
            core: self.switch.driver.core(),
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
            let route = self.switch.driver.core().transaction(key).and_then(|view| view.destination);
            let at = self.destinations.iter().find(|d| Some(d.number) == route);
            // What is forgotten by now was compared with nothing.
            if route.is_some() {
                let wide = self.around.plan.core.answer_extension_bytes_max > 10_000;
                i6::has_ground(key, &answer, at.and_then(|d| d.entries.get(&key)), wide)?;
            }
        }
        Ok(())
    }

    fn check(&mut self) -> Verdict {
        let found = self.around.watched.borrow_mut().violation.take();
        if let Some(violation) = found {
            return Err(violation);
        }
        let (core, plan) = (self.switch.driver.core(), &self.around.plan);
        i4::check(core)?;
        i8::check(&self.switch.driver, plan)?;
        i3::check(core)?;
        if self.trace.step.is_multiple_of(AUDIT_EVERY) {
            auditor::at_least(core, plan, &self.operators, &self.destinations, self.time_high)?;
        }
        Ok(())
    }

    /// After a restart: nothing that anybody was told is missing or otherwise.
    pub(crate) fn check_told(&mut self) -> Verdict {
        self.time();
        let high = self.time_high;
        let (core, plan) = (self.switch.driver.core(), &self.around.plan);
        let heard =
            self.operators.iter().map(|o| o.heard_of).chain(self.destinations.iter().map(|d| d.heard_of));
        // What was decided after the recovery, like the configuration, only adds to it.
        i1::recovered(heard.max().unwrap_or(Sequence(0)), core.sequence())?;
        for operator in &self.operators {
            for (id, request) in &operator.requests {
                i6::holds(core, operator.number, *id, request, plan, high)?;
            }
        }
        for destination in &self.destinations {
            for (key, entry) in &destination.entries {
                let forgotten = key.id.created() <= plan.remembered_from(high);
                i5::still(core, destination.number, *key, entry, forgotten)?;
            }
        }
        i3::check(core)
    }

    /// Faults stop: disk, clock, links and participants are well again, and everybody is configured as at the start.
    fn calm_down(&mut self) -> Verdict {
        self.calm = true;
        self.trace.note(self.now, || "faults stop".to_owned());
        self.around.disk.storage.set_room(u64::MAX);
        self.heal_snapshots()?;
        self.heal_indexes()?;
        (self.room_again, self.stops_at, self.leaving) = (None, None, None);
        if self.switch.driver.view().stopping {
            self.fail(super::crashes::Crash::Kill)?;
        }
        let time = self.time();
        let all = self.switch.reconfigure(&self.around, Configuration::default(), time);
        ensure!("liveness", all, "a configuration with everybody in it is refused");
        self.activate(time);
        let now = self.now;
        self.operators.iter_mut().for_each(|operator| operator.frozen_until = now);
        self.destinations.iter_mut().for_each(|destination| destination.frozen_until = now);
        Ok(())
    }

    fn is_settled(&self) -> bool {
        let core = self.switch.driver.core();
        core.pending() == 0
            && core.open() == 0
            && self.switch.driver.is_settled()
            && self.operators.iter().all(Operator::is_settled)
            && self.destinations.iter().all(Destination::is_settled)
    }

    fn unfinished(&self) -> String {
        let (core, queues) = (self.switch.driver.core(), self.switch.driver.queues());
        let operators: Vec<_> = self.operators.iter().filter_map(Operator::unsettled).collect();
        let destinations: Vec<_> = self.destinations.iter().filter_map(Destination::unsettled).collect();
        let open: Vec<_> = core.undelivered();
        format!(
            "{} pending, {} open, {queues:?}, undelivered {open:?}, operators wait for {operators:?}, destinations \
             for {destinations:?}",
            core.pending(),
            core.open()
        )
    }

    fn closed(&mut self) -> Verdict {
        let (core, plan) = (self.switch.driver.core(), &self.around.plan);
        ensure!("liveness", core.open() == 0, "{} transactions are open after the last restart", core.open());
        // Rule 27: what is not today has nothing pending, and is closed.
        let days = core.open_days().count();
        ensure!("liveness", days == 1, "{days} business days are open");
        let decided = self.around.decided.borrow();
        auditor::closed(core, plan, &self.operators, &self.destinations, &decided.journaled)
    }

    /// The next business day.
    pub(crate) fn next_date(&self) -> Option<BusinessDate> {
        let today = self.switch.driver.core().business_date()?;
        let days = (0..40).map(|day| BusinessDate::from_utc(START.plus(day * 86_400_000)));
        days.into_iter().find(|date| *date > today)
    }
}
