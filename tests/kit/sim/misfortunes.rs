//! What goes wrong at a step, besides what participants do to themselves.

use holdfast_core::Input;
use holdfast_core::registry::ParticipantStatus;
use holdfast_journal::{Fault as DiskFault, Storage};
use holdfast_protocol::{Drain, Message, ParticipantNumber, SignOff, UnixMillis};

use super::configuration::Configuration;
use super::crashes::Crash;
use super::faults::Fault;
use super::network::WireId;
use super::violation::Verdict;
use super::world::World;

impl World {
    pub(super) fn misfortune(&mut self) -> Verdict {
        let rates = self.plan().rates.clone();
        self.strike_wires(rates.cut, rates.delay);
        self.strike_participants(rates.crash, rates.freeze);
        self.set_the_clock(rates.clock);
        self.by_the_operator_of_the_switch(rates.configuration);
        self.let_leave();
        self.strike_the_disk(rates.disk);
        self.any();
        self.strike_the_archive()?;
        self.strike_the_switch(rates.switch)
    }

    fn wires(&self) -> Vec<WireId> {
        let operators = self.operators.iter().flat_map(|o| o.dialler.all());
        let destinations = self.destinations.iter().flat_map(|d| d.dialler.all());
        operators.chain(destinations).map(|(_, wire)| wire).filter(|wire| self.network.here(*wire)).collect()
    }

    fn strike_wires(&mut self, cut: u64, delay: u64) {
        let now = self.now;
        if self.random.rarely(delay) {
            self.faults.add(Fault::MessageDelayed);
            self.network.slow_until(now.plus(self.random.below(3_000)));
        }
        let wires = self.wires();
        if self.random.rarely(cut)
            && let Some(wire) = self.random.pick(&wires).copied()
        {
            let noticed = self.random.percent(60);
            self.faults.add(if noticed { Fault::LinkCut } else { Fault::LinkHalfOpen });
            self.trace.note(now, || format!("wire {wire} is cut, noticed: {noticed}"));
            self.network.cut(wire, noticed, now);
        }
        if self.random.rarely(cut / 4)
            && let Some(wire) = self.random.pick(&wires).copied()
        {
            self.faults.add(Fault::LinkSignedOff);
            let message: Message =
                if self.random.percent(50) { SignOff.into() } else { Drain { within_ms: 0 }.into() };
            self.network.send(wire, 0, &[message], now);
        }
    }

    fn strike_participants(&mut self, crash: u64, freeze: u64) {
        let now = self.now;
        if self.random.rarely(freeze) {
            self.faults.add(Fault::ParticipantFroze);
            let until = now.plus(self.random.between(500, 6_000));
            let number = self.anybody();
            for wire in self.wires_of(number) {
                self.network.freeze(wire, until);
            }
            self.operators.iter_mut().filter(|o| o.number == number).for_each(|o| o.frozen_until = until);
            self.destinations.iter_mut().filter(|d| d.number == number).for_each(|d| d.frozen_until = until);
        }
        if self.random.rarely(crash) {
            let number = self.anybody();
            self.trace.note(now, || format!("{number} crashes"));
            for wire in self.wires_of(number) {
                self.network.participant_gone(wire, now);
            }
            let forgets = self.random.percent(35);
            match self.destinations.iter_mut().find(|d| d.number == number) {
                Some(destination) if forgets => {
                    self.faults.add(Fault::ParticipantForgot);
                    destination.forget();
                }
                Some(destination) => {
                    self.faults.add(Fault::ParticipantCrashed);
                    destination.crash();
                }
                None => self.faults.add(Fault::ParticipantCrashed),
            }
        }
        if self.random.rarely(crash) {
            self.replace_a_link();
        }
    }

    /// A process dials again although its link stands.
    fn replace_a_link(&mut self) {
        self.faults.add(Fault::LinkReplaced);
        let number = self.anybody();
        self.dial_again(number);
    }

    fn anybody(&mut self) -> ParticipantNumber {
        let operators = self.operators.iter().map(|o| o.number);
        let all: Vec<ParticipantNumber> =
            operators.chain(self.destinations.iter().map(|d| d.number)).collect();
        *self.random.pick(&all).expect("somebody takes part")
    }

    fn wires_of(&self, number: ParticipantNumber) -> Vec<WireId> {
        let operators = self.operators.iter().filter(|o| o.number == number).flat_map(|o| o.dialler.all());
        let destinations =
            self.destinations.iter().filter(|d| d.number == number).flat_map(|d| d.dialler.all());
        operators.chain(destinations).map(|(_, wire)| wire).collect()
    }

    fn set_the_clock(&mut self, clock: u64) {
        if self.random.rarely(clock) {
            let forward = self.random.percent(50);
            let by = 1_000 + self.random.below(600_000) as i64;
            self.wall_ahead_ms += if forward { by } else { -by };
            self.faults.add(if forward { Fault::ClockForward } else { Fault::ClockBack });
        }
    }

    fn by_the_operator_of_the_switch(&mut self, configuration: u64) {
        if !self.random.rarely(configuration) {
            return;
        }
        let time = self.time();
        match self.random.below(12) {
            0..2 => {
                self.faults.add(Fault::ConfigurationChanged);
                let status = if self.random.percent(50) {
                    ParticipantStatus::Draining
                } else {
                    ParticipantStatus::Suspended
                };
                let number = self.anybody();
                self.trace.note(self.now, || format!("{number} is {status:?}"));
                self.command(time, &Input::SetStatus(number, status));
            }
            2..5 => {
                let before = self.here.around.configuration.borrow().clone();
                let to = before.changed(&mut self.random);
                self.reconfigure(&before, to, time);
            }
            5..7 => self.guest_comes_or_goes(time),
            7..11 => self.activate(time),
            _ => {
                if let Some(date) = self.next_date().filter(|_| self.random.percent(40)) {
                    self.faults.add(Fault::DayChanged);
                    self.command(time, &Input::CutOver(date));
                }
            }
        }
    }

    /// One who is not there comes again; one who is begins to leave.
    fn guest_comes_or_goes(&mut self, time: UnixMillis) {
        let guests: Vec<ParticipantNumber> = self.plan().guests().collect();
        let Some(guest) = self.random.pick(&guests).copied() else { return };
        let before = self.here.around.configuration.borrow().clone();
        let mut to = before.clone();
        if to.removed.remove(&guest) {
            self.reconfigure(&before, to, time);
        } else {
            self.leaving = Some(guest);
        }
    }

    /// Who leaves gets no new work, and is taken out when nothing of it is open any more, or before that, which is refused.
    fn let_leave(&mut self) {
        let Some(guest) = self.leaving else { return };
        let time = self.time();
        self.command(time, &Input::SetStatus(guest, ParticipantStatus::Draining));
        let open: u32 = self.cores().iter().map(|core| core.unfinished(guest).open).sum();
        if open == 0 || self.random.percent(1) {
            let before = self.here.around.configuration.borrow().clone();
            let mut to = before.clone();
            to.removed.insert(guest);
            self.reconfigure(&before, to, time);
        }
    }

    fn reconfigure(&mut self, before: &Configuration, to: Configuration, time: UnixMillis) {
        self.trace.note(self.now, || format!("configured as {to:?}"));
        let fault = if to.removed != before.removed {
            Fault::ParticipantsChanged
        } else if to.crossed != before.crossed {
            Fault::RoutesChanged
        } else {
            Fault::ConfigurationChanged
        };
        let taken = self.take_over(to, time);
        self.leaving = self.leaving.filter(|_| !(taken && fault == Fault::ParticipantsChanged));
        self.faults.add(if taken { fault } else { Fault::ConfigurationRefused });
    }

    fn strike_the_disk(&mut self, disk: u64) {
        if self.room_again.is_none() {
            self.any();
        }
        let storage = self.here.around.disk.storage.clone();
        if self.room_again.is_some_and(|at| at <= self.now) {
            self.room_again = None;
            self.parts().iter().for_each(|part| part.around.disk.storage.set_room(u64::MAX));
        }
        if self.random.rarely(disk) && self.room_again.is_none() {
            self.faults.add(Fault::DiskFull);
            let used: u64 = storage.list().map_or(0, |segments| segments.iter().map(|s| s.bytes).sum());
            storage.set_room(used);
            self.room_again = Some(self.now.plus(self.random.between(2_000, 25_000)));
        }
        if self.random.rarely(disk / 2) {
            storage.set_fault(DiskFault::FailAt(1 + self.random.below(4)));
        }
    }

    fn strike_the_switch(&mut self, switch: u64) -> Verdict {
        if let Some(at) = self.stops_at
            && at <= self.now
        {
            self.stops_at = None;
            self.faults.add(Fault::SwitchStopped);
            return self.fail(Crash::Kill);
        }
        if !self.random.rarely(switch) {
            return Ok(());
        }
        match self.random.below(10) {
            0..2 => self.fail(Crash::Kill),
            2..4 => {
                self.faults.add(Fault::PowerCut);
                self.fail(Crash::Power)
            }
            4..9 => {
                // A frame is a write and a sync: after an odd number of operations a write is most often there unsynced.
                self.faults.add(Fault::PowerCutWriting);
                let odd = u64::from(self.random.percent(80));
                let after = self.random.below(4) * 2 + odd;
                self.any();
                self.here.around.disk.storage.set_fault(DiskFault::CutAfter(after));
                Ok(())
            }
            _ => {
                self.stop_new_work();
                self.stops_at.get_or_insert(self.now.plus(1_500));
                Ok(())
            }
        }
    }
}
