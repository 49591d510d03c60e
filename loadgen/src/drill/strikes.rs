//! The strikes themselves, beside the run: what is due is done, and when it was over is written down.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio::time::{sleep, sleep_until, timeout};

use super::fault::Fault;
use super::process::SwitchProcess;
use super::schedule::Strike;
use crate::admin::{self, JournalCounters};
use crate::live::Errand;
use crate::player::Act;
use crate::run::{Backstage, RunError, nanos};

/// How often a process is asked whether it has ended.
const LOOK: Duration = Duration::from_millis(2);
/// How often a switch that starts is asked whether it is ready, and one that should run whether it does.
const ASK: Duration = Duration::from_millis(20);
/// How long before the end of a process its journal's counters are read, and how long that may take.
const AHEAD: Duration = Duration::from_millis(100);
/// What a process had sent when it ended is read within this, and no new one starts and answers so soon.
const RESIDUE: Duration = Duration::from_millis(5);

/// A fault as it came.
#[derive(Clone, Debug)]
pub struct Struck {
    /// What.
    pub fault: Fault,
    /// When, in nanoseconds since the run began.
    pub at_ns: u64,
    /// When it was over: started again, thawed, no longer cut off.
    pub lifted_ns: Option<u64>,
    /// When a switch that was started again was ready.
    pub ready_ns: Option<u64>,
    /// Requests that the switch owed an answer.
    pub in_flight: u64,
}

/// Everything that strikes share with the drill around them.
#[derive(Clone, Debug)]
pub struct Arm {
    /// The switch, where it is ours.
    pub switch: Rc<RefCell<Option<SwitchProcess>>>,
    /// What was done so far.
    pub struck: Rc<RefCell<Vec<Struck>>>,
    /// Says whether the switch is ready.
    pub admin: Option<SocketAddr>,
    /// How long it may take to be, and to end.
    pub patience: Duration,
    /// Whether nothing is said meanwhile.
    pub quiet: bool,
    /// Where it stands on the screen, where there is one.
    pub errand: Option<Errand>,
}

impl Arm {
    /// Strikes as the schedule says, until it is through or the run ends early.
    ///
    /// # Errors
    /// Where the switch ended by itself, or did not come back.
    pub async fn strike(self, backstage: Backstage, schedule: Vec<Strike>) -> Result<(), RunError> {
        for (done, strike) in schedule.iter().enumerate() {
            self.show(done, &schedule);
            let due = backstage.stage.origin + strike.at;
            let mut counted = None;
            if strike.fault.ends_the_process() {
                // Some time before: who has just been heard from has just answered, and less would be in flight.
                let ahead = due.checked_sub(AHEAD).unwrap_or(due);
                if !self.wait_until(&backstage, ahead).await? {
                    return Ok(());
                }
                counted = Some(self.read_journal().await);
            }
            if !self.wait_until(&backstage, due).await? {
                return Ok(());
            }
            if backstage.stage.ns() >= backstage.stage.rules.measure_until_ns {
                // Faults before it took so long that nothing is sent any more.
                return Ok(());
            }
            backstage.ended.borrow_mut().extend(counted);
            self.carry_out(&backstage, strike.fault.clone()).await?;
        }
        self.show(schedule.len(), &schedule);
        Ok(())
    }

    /// Waits, and watches the switch; whether the run still sends.
    async fn wait_until(&self, backstage: &Backstage, due: Instant) -> Result<bool, RunError> {
        let mut act = backstage.act.clone();
        loop {
            self.check_alive()?;
            let next = due.min(Instant::now() + ASK);
            tokio::select! {
                () = sleep_until(next.into()) => {}
                _ = act.wait_for(|act| *act > Act::Sending) => return Ok(false),
            }
            if Instant::now() >= due {
                return Ok(true);
            }
        }
    }

    async fn carry_out(&self, backstage: &Backstage, fault: Fault) -> Result<(), RunError> {
        let in_flight =
            backstage.operators.iter().map(|(_, tally)| u64::from(tally.borrow().unanswered)).sum();
        let index = self.struck.borrow().len();
        let at_ns = backstage.stage.ns();
        self.say(format!("{fault}, {in_flight} in flight"));
        let struck = Struck { fault: fault.clone(), at_ns, lifted_ns: None, ready_ns: None, in_flight };
        self.struck.borrow_mut().push(struck);
        match fault {
            Fault::Kill => self.replace(backstage, index, Signal::KILL).await,
            Fault::Restart => self.replace(backstage, index, Signal::TERM).await,
            Fault::Freeze(pause) => {
                self.signal(Signal::STOP)?;
                self.pause(backstage, pause).await;
                self.signal(Signal::CONT)?;
                self.lift(backstage, index, Duration::ZERO, None);
                Ok(())
            }
            Fault::Cut(name, pause) => {
                let cables = Rc::clone(&backstage.cables);
                let cable = cables.iter().find(|(of, _)| *of == name).map(|(_, cable)| cable);
                let cable = cable.ok_or_else(|| RunError::Drill(format!("{name} does not take part")))?;
                // The others' outcomes count at once: nobody touched their links.
                for (_, tally) in backstage.operators.iter().filter(|(of, _)| *of != name) {
                    tally.borrow_mut().expect(index, at_ns);
                }
                cable.send_replace(true);
                self.pause(backstage, pause).await;
                cable.send_replace(false);
                self.lift(backstage, index, Duration::ZERO, Some(&name));
                Ok(())
            }
        }
    }

    /// What a process has counted is lost with it.
    async fn read_journal(&self) -> JournalCounters {
        let Some(admin) = self.admin else { return JournalCounters::default() };
        match timeout(AHEAD, admin::journal(admin)).await {
            Ok(Ok(counters)) => counters,
            // Nothing is known of it then, and the fault does not wait for it.
            Ok(Err(_)) | Err(_) => JournalCounters::default(),
        }
    }

    /// Waits for the end of a fault, or for the run to end early.
    async fn pause(&self, backstage: &Backstage, pause: Duration) {
        tokio::select! {
            () = sleep(pause) => {}
            () = over(backstage) => {}
        }
    }

    /// Ends the switch with a signal and starts it again.
    async fn replace(&self, backstage: &Backstage, index: usize, signal: Signal) -> Result<(), RunError> {
        self.signal(signal)?;
        self.until_ended().await?;
        self.with_switch(SwitchProcess::start_again)?;
        self.lift(backstage, index, RESIDUE, None);
        self.until_ready(over(backstage)).await?;
        self.struck.borrow_mut()[index].ready_ns = Some(backstage.stage.ns());
        Ok(())
    }

    /// Waits until the switch has ended, however it was asked to.
    ///
    /// # Errors
    /// Where it does not.
    pub async fn until_ended(&self) -> Result<(), RunError> {
        let until = Instant::now() + self.patience;
        while self.with_switch(SwitchProcess::ended)?.flatten().is_none() {
            if Instant::now() > until {
                return Err(self.failed(&format!("did not end within {} s", self.patience.as_secs_f64())));
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// Waits until the switch takes work, or until `given_up`.
    ///
    /// # Errors
    /// Where it ends or takes too long, and where the user does not want to wait.
    pub async fn until_ready(&self, given_up: impl Future<Output = ()>) -> Result<(), RunError> {
        let Some(admin) = self.admin else { return Ok(()) };
        let until = Instant::now() + self.patience;
        let ready = async {
            loop {
                self.check_alive()?;
                if admin::is_ready(admin).await {
                    return Ok(());
                }
                if Instant::now() > until {
                    let within = format!("was not ready within {} s", self.patience.as_secs_f64());
                    return Err(self.failed(&within));
                }
                sleep(ASK).await;
            }
        };
        tokio::select! {
            ready = ready => ready,
            () = given_up => Err(RunError::Interrupted),
        }
    }

    /// The fault is over: from now on outcomes count again, for everybody or only for the one it touched.
    fn lift(&self, backstage: &Backstage, index: usize, residue: Duration, only: Option<&str>) {
        let lifted_ns = backstage.stage.ns();
        self.struck.borrow_mut()[index].lifted_ns = Some(lifted_ns);
        let touched = |name: &str| only.is_none_or(|only| only == name);
        for (_, tally) in backstage.operators.iter().filter(|(name, _)| touched(name)) {
            tally.borrow_mut().expect(index, lifted_ns + nanos(residue));
        }
    }

    /// Sends the switch a signal.
    pub(super) fn signal(&self, signal: Signal) -> Result<(), RunError> {
        self.with_switch(|switch| switch.signal(signal)).map(|_| ())
    }

    /// An error where the switch is ours and has ended by itself.
    fn check_alive(&self) -> Result<(), RunError> {
        match self.with_switch(SwitchProcess::ended)?.flatten() {
            Some(status) => Err(self.failed(&format!("ended by itself ({status})"))),
            None => Ok(()),
        }
    }

    /// `None` where the switch is not ours.
    fn with_switch<T>(
        &self,
        act: impl FnOnce(&mut SwitchProcess) -> io::Result<T>,
    ) -> Result<Option<T>, RunError> {
        self.switch.borrow_mut().as_mut().map(act).transpose().map_err(RunError::io("the switch's process"))
    }

    fn failed(&self, what: &str) -> RunError {
        let log = self.switch.borrow().as_ref().map_or_else(String::new, SwitchProcess::log_tail);
        RunError::Drill(format!("the switch {what}; the end of its log:\n{log}"))
    }

    fn show(&self, done: usize, schedule: &[Strike]) {
        if let Some(errand) = &self.errand {
            errand.say(progress(done, schedule));
        }
    }

    fn say(&self, text: String) {
        if !self.quiet && self.errand.is_none() {
            eprintln!("{text}");
        }
    }
}

/// How far the faults are.
fn progress(done: usize, schedule: &[Strike]) -> String {
    let planned = schedule.len();
    match schedule.get(done) {
        Some(Strike { at, fault }) => {
            format!("{done} of {planned} faults; next: {fault} at {:.1} s", at.as_secs_f64())
        }
        None => format!("all {planned} faults came"),
    }
}

/// Waits until the run does not send any more because somebody asked for its end, or because it is over.
async fn over(backstage: &Backstage) {
    let mut act = backstage.act.clone();
    match act.wait_for(|act| *act > Act::Sending).await {
        // That nobody is left to say so means the same.
        Ok(_) | Err(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_screen_says_how_far_the_faults_are_and_what_is_next() {
        let strike = |seconds, fault| Strike { at: Duration::from_millis(seconds), fault };
        let schedule = [strike(5_120, Fault::Kill), strike(9_900, Fault::Freeze(Duration::from_secs(1)))];
        assert_eq!(progress(0, &schedule), "0 of 2 faults; next: kill switch at 5.1 s");
        assert_eq!(progress(1, &schedule), "1 of 2 faults; next: freeze switch:1s at 9.9 s");
        assert_eq!(progress(2, &schedule), "all 2 faults came");
    }
}
