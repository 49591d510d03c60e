//! The switch's process: all its partitions, which start, stand still and end together, and have one clock.
//!
//! What is done with one partition is done with the one that is here; the others wait elsewhere, in no order that matters.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Instant;

use holdfast::clock::Timeline;
use holdfast::serve::together::bring_together;
use holdfast_core::{Core, Input};
use holdfast_protocol::{Partition, Reason, UnixMillis};

use super::archiving::Troubles;
use super::configuration::Configuration;
use super::disk::Disk;
use super::door::{Door, members};
use super::log::Decided;
use super::plan::Plan;
use super::planted::Planted;
use super::rot::Rotten;
use super::switch::{Surroundings, Switch, instant};
use super::violation::Verdict;
use super::watch::Watched;
use super::world::World;

/// One partition, and what is wrong with its files.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) around: Surroundings,
    pub(crate) switch: Switch,
    /// Snapshots in which a bit has flipped.
    pub(crate) rotten: Vec<Rotten>,
    pub(crate) troubles: Troubles,
}

/// The switch's time: its own clock, slewed once a second towards the wall clock.
#[derive(Debug)]
pub(crate) struct SwitchClock {
    timeline: Timeline,
    started: UnixMillis,
    slewed: UnixMillis,
}

impl SwitchClock {
    /// From the latest time in any journal.
    pub(crate) fn start(now: UnixMillis, wall: UnixMillis, last: UnixMillis) -> Self {
        Self { timeline: Timeline::start(wall.get() * 1_000, last), started: now, slewed: now }
    }

    pub(crate) fn time(&mut self, now: UnixMillis, wall: UnixMillis) -> UnixMillis {
        let elapsed_us = now.since(self.started) * 1_000;
        if now.since(self.slewed) >= 1_000 {
            self.slewed = now;
            self.timeline.slew(elapsed_us, wall.get() * 1_000);
        }
        self.timeline.now(elapsed_us)
    }
}

/// Of a partition before its first start.
pub(crate) fn surroundings(
    partition: Partition,
    plan: &Rc<Plan>,
    planted: Option<Planted>,
    base: Instant,
    configuration: &Rc<RefCell<Configuration>>,
) -> Surroundings {
    Surroundings {
        partition,
        disk: Disk::new(planted.and_then(Planted::disk)),
        decided: Rc::new(RefCell::new(Decided::new(plan.core.clone()))),
        watched: Rc::new(RefCell::new(Watched::new(Rc::clone(plan)))),
        planted,
        found: Rc::default(),
        base,
        configuration: Rc::clone(configuration),
        plan: Rc::clone(plan),
    }
}

impl World {
    /// The next partition is here.
    pub(crate) fn next(&mut self) {
        if let Some(next) = self.elsewhere.pop_front() {
            self.elsewhere.push_back(std::mem::replace(&mut self.here, next));
        }
    }

    /// Does something with each partition.
    ///
    /// # Errors
    /// The first of them; the others are left out.
    pub(crate) fn each(&mut self, mut act: impl FnMut(&mut Self) -> Verdict) -> Verdict {
        for _ in 0..=self.elsewhere.len() {
            act(self)?;
            self.next();
        }
        Ok(())
    }

    /// One of them is here, by chance.
    pub(crate) fn any(&mut self) {
        for _ in 0..self.random.below(self.elsewhere.len() as u64 + 1) {
            self.next();
        }
    }

    /// By their numbers.
    pub(crate) fn parts(&self) -> Vec<&Part> {
        let mut parts: Vec<&Part> = std::iter::once(&self.here).chain(&self.elsewhere).collect();
        parts.sort_by_key(|part| part.around.partition);
        parts
    }

    /// By their numbers.
    pub(crate) fn cores(&self) -> Vec<&Core> {
        self.parts().into_iter().map(|part| part.switch.driver.core()).collect()
    }

    fn parts_mut(&mut self) -> impl Iterator<Item = &mut Part> {
        std::iter::once(&mut self.here).chain(&mut self.elsewhere)
    }

    pub(crate) fn command(&mut self, time: UnixMillis, input: &Input) {
        self.parts_mut().for_each(|part| part.switch.driver.command(time, input));
    }

    pub(crate) fn stop_new_work(&mut self) {
        self.parts_mut().for_each(|part| part.switch.driver.stop_new_work());
    }

    /// All were recovered: they are configured as the program does it, with one clock.
    pub(crate) fn started(&mut self, wall: UnixMillis) {
        let last = self.parts_mut().map(|part| part.switch.last_time).max().unwrap_or_default();
        self.clock = SwitchClock::start(self.now, wall, last);
        let wanted = self.here.around.configuration.borrow().participants(&self.plan());
        if self.cores().iter().any(|core| core.check_configuration(&wanted).is_err()) {
            // The crash undid what had settled somebody who was removed then: there is no start before that one is back.
            self.here.around.configuration.borrow_mut().removed.clear();
        }
        let time = self.time();
        self.configured();
        let now = self.here.around.configuration.borrow().clone();
        let (participants, routes) = (now.participants(&self.plan()), now.routes(&self.plan()));
        let mut drivers: Vec<_> = self.parts_mut().map(|part| &mut part.switch.driver).collect();
        bring_together(&mut drivers, &participants, &routes, time);
    }

    /// Takes over another configuration, as a reload does: all or nothing. Returns whether it did.
    pub(crate) fn take_over(&mut self, to: Configuration, time: UnixMillis) -> bool {
        let (participants, routes) = (to.participants(&self.plan()), to.routes(&self.plan()));
        if self.cores().iter().any(|core| core.check_configuration(&participants).is_err()) {
            return false;
        }
        *self.here.around.configuration.borrow_mut() = to;
        self.command(time, &Input::Configure(participants, routes));
        self.configured();
        true
    }

    /// What stands beside the cores knows the configuration as it is now.
    fn configured(&mut self) {
        let now = self.here.around.configuration.borrow().clone();
        self.members = Rc::new(members(&self.plan(), &now));
        for part in self.parts_mut() {
            part.around.watched.borrow_mut().configuration = now.clone();
            part.switch.driver.close_links_of(Reason::Removed, |number| now.removed.contains(&number));
        }
    }

    /// Founds all partitions; nothing fails before the first step.
    pub(crate) fn found(&mut self, time: UnixMillis) -> Verdict {
        let partitions = self.plan().partitions;
        self.each(|world| {
            let partition = world.here.around.partition;
            world.here.switch.driver.command(time, &Input::Found(partition, partitions));
            while !world.here.switch.driver.is_settled() {
                // The journal may gather.
                world.now = world.now.plus(1);
                world.here.switch.turn(world.now, time, u64::MAX);
                let written = world.here.switch.write(world.now);
                super::violation::ensure!("founding", written.is_ok(), "{written:?}");
            }
            Ok(())
        })
    }

    /// Where wires come in.
    pub(crate) fn deliver_up(&mut self, time: UnixMillis) -> Verdict {
        let mut door = Door {
            at: instant(self.here.around.base, self.now),
            time,
            offers: self.parts().into_iter().map(|part| part.switch.offer).collect(),
            members: Rc::clone(&self.members),
            ways: &self.ways,
            sessions: &mut self.sessions,
        };
        self.network.deliver_up(self.now, &mut door)
    }
}

/// Those that are not here.
pub(crate) type Elsewhere = VecDeque<Part>;
