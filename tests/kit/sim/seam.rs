//! What stands between the simulated driver and its core and outbox: the watcher, and a known wrong where one was planted.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;

use holdfast::driver::Seam;
use holdfast::driver::outbox::{Outbox, Waiting};
use holdfast_core::{Core, Effect, Input, Output, View};
use holdfast_protocol::{Epoch, Sequence, UnixMillis};

use super::planted::{Planted, Wrongdoer};
use super::switch::Surroundings;
use super::violation::Violation;
use super::watch::Watched;

/// See the module.
pub(crate) struct Observer {
    watched: Rc<RefCell<Watched>>,
    wrongdoer: Option<Wrongdoer>,
    /// Effects that a planted wrong lets go before their time.
    early: VecDeque<Waiting>,
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer").finish_non_exhaustive()
    }
}

impl Observer {
    pub(crate) fn new(around: &Surroundings, epoch: Epoch) -> Self {
        let wrongdoer =
            around.planted.map(|planted| Wrongdoer::new(planted, epoch, Rc::clone(&around.found)));
        Self { watched: Rc::clone(&around.watched), wrongdoer, early: VecDeque::new() }
    }

    fn note(&self, violation: Violation) {
        self.watched.borrow_mut().violation.get_or_insert(violation);
    }
}

impl Seam for Observer {
    fn step(&mut self, core: &mut Core, now: UnixMillis, input: &Input, view: &View, out: &mut Output) {
        let changed = match self.wrongdoer.as_mut() {
            Some(wrongdoer) => match wrongdoer.before(core, input, view, out) {
                Some(changed) => Some(changed),
                None => return,
            },
            None => None,
        };
        let input = changed.as_ref().unwrap_or(input);
        let before = self.watched.borrow().before(core, input, view);
        let (facts, effects) = (out.facts.len(), out.effects.len());
        core.step(now, input, view, out);
        let (new_facts, new_effects) = (&out.facts[facts..], &out.effects[effects..]);
        let verdict =
            self.watched.borrow_mut().after(core, before.as_ref(), input, new_facts, new_effects, now);
        if let Err(violation) = verdict {
            self.note(violation);
        }
        if let Some(wrongdoer) = self.wrongdoer.as_mut() {
            let watched = self.watched.borrow();
            let early = wrongdoer.after(core, now, input, view, out, (facts, effects), &watched);
            self.early.extend(early);
        }
    }

    fn push(&mut self, outbox: &mut Outbox, mut turn: Waiting) {
        if self.wrongdoer.as_ref().is_some_and(|wrongdoer| wrongdoer.is(Planted::DecidedThroughTooFar)) {
            turn.decided.iter_mut().for_each(|decided| decided.answers += 1);
        }
        outbox.push(turn);
    }

    fn pop_ready(&mut self, outbox: &mut Outbox, durable: Sequence) -> Option<Waiting> {
        let turn = self.early.pop_front().or_else(|| outbox.pop_ready(durable))?;
        let really = self.watched.borrow().durable;
        if turn.until > really {
            let what = format!("effects of {:?} leave, and {really:?} is durable", turn.until);
            self.note(Violation::new("I1", what));
        }
        Some(turn)
    }

    fn let_go(&mut self, effect: Effect) -> Option<Effect> {
        match self.wrongdoer.as_mut() {
            Some(wrongdoer) => Some(wrongdoer.let_go(effect)),
            None => Some(effect),
        }
    }
}
