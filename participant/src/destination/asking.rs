//! When a destination asks the switch, and what the status tells it.
//!
//! Three things are asked about: an approval that stays provisional, a hold that outlives its end, and deliveries whose
//! completion was not heard. The status is no ending by itself while the switch still has something to deliver.

use holdfast_protocol::{Reason, State, Status, TransactionKey, UnixMillis};

use super::book::Book;
use super::entry::Entry;
use super::handler::Notice;
use super::record::Record;
use super::terms::{Action, Contradiction};

impl Book {
    /// Sets when to ask about an entry, after something about it changed.
    pub(super) fn plan(&mut self, key: TransactionKey, now: UnixMillis) {
        let Some(entry) = self.entries.get(&key) else { return };
        let soon = now.plus(self.settings.inquire_after_ms);
        let ask_at = if entry.provisional() {
            Some(entry.ask_at.unwrap_or(soon))
        } else if let Some(hold_until) = entry.holding() {
            Some(hold_until.plus(self.settings.inquire_after_ms))
        } else if entry.awaiting_completion() {
            Some(now.plus(self.settings.inquire_again_ms))
        } else {
            None
        };
        self.ask_at(key, ask_at);
    }

    fn ask_at(&mut self, key: TransactionKey, at: Option<UnixMillis>) {
        let Some(entry) = self.entries.get_mut(&key) else { return };
        let before = std::mem::replace(&mut entry.ask_at, at);
        if before != at {
            before.map(|before| self.agenda.remove(&(before, key)));
            at.map(|at| self.agenda.insert((at, key)));
        }
    }

    /// Sends the inquiries that are due, a few at a time (rule 23), and plans to ask again.
    pub(super) fn ask(&mut self, now: UnixMillis) {
        while self.linked
            && self.inquiries.len() < self.settings.inquiries_max
            && let Some(&(at, key)) = self.agenda.first()
            && at <= now
        {
            self.correlation += 1;
            self.inquiries.insert(self.correlation, (key, now));
            self.send_inquiry(key, self.correlation);
            self.ask_at(key, Some(now.plus(self.settings.inquire_again_ms)));
        }
    }

    /// An inquiry whose status never came makes room for another.
    pub(super) fn give_up_inquiries(&mut self, now: UnixMillis) {
        let again = self.settings.inquire_again_ms;
        while let Some(first) = self.inquiries.first_entry() {
            if first.get().1.plus(again) > now {
                break;
            }
            first.remove();
        }
    }

    /// The switch answers an inquiry. An answer that is no longer waited for is left alone.
    pub(super) fn status(&mut self, status: &Status, now: UnixMillis) -> Result<(), Contradiction> {
        let Some((key, _)) = self.inquiries.remove(&status.correlation) else { return Ok(()) };
        if status.id != key.id || status.originator.is_some_and(|originator| originator != key.originator) {
            return Err(Contradiction::StatusOfAnother);
        }
        // Where it was not looked up, it is asked again when that is due.
        if status.reason == Reason::None {
            self.found(key, status, now);
        } else if status.reason == Reason::OriginalUnknown {
            self.unknown(key);
        }
        Ok(())
    }

    fn found(&mut self, key: TransactionKey, status: &Status, now: UnixMillis) {
        match status.state {
            // Not decided: asked again when it is due.
            State::None | State::Pending => {}
            State::Held => self.cover(key, now),
            State::Captured | State::Released | State::Expired => {
                self.cover(key, now);
                if status.undelivered == 0 {
                    self.nothing_more_comes(key, status.state);
                }
            }
            // The approval does not stand. Where its reversal is still to come, that undoes it.
            State::Reversed | State::Declined | State::TimedOut => {
                if status.undelivered == 0 {
                    self.nothing_more_comes(key, status.state);
                }
            }
        }
    }

    /// The switch has ended the transaction and has nothing to deliver for it: every capture has come, and what is
    /// still held is let go. So is any approval, a pay's too, that the switch did not accept and has no reversal for.
    fn nothing_more_comes(&mut self, key: TransactionKey, state: State) {
        let Some(entry) = self.entries.get(&key) else { return };
        let busy = entry.applying.is_some() || !entry.waiting.is_empty();
        let holding = entry.holding().is_some();
        let refused = matches!(state, State::Reversed | State::Declined | State::TimedOut);
        let approved = entry.approval().is_some() && !entry.reversed() && !entry.hold_ended();
        let complete = entry.awaiting_completion();
        if busy {
            return;
        }
        if holding || (refused && approved) {
            self.record(Record::LetGo(key));
            self.actions.push_back(Action::Notice(Notice::LetGo(key, state)));
        }
        if complete {
            self.record(Record::Complete(key));
            self.actions.push_back(Action::Notice(Notice::Complete(key)));
        }
        if !self.entries.get(&key).is_some_and(Entry::is_open) {
            self.ask_at(key, None);
        }
    }

    /// The switch keeps what is undelivered or held whatever its age: so nothing more comes for what has ended here.
    /// For anything else it is no ending, and somebody should look.
    fn unknown(&mut self, key: TransactionKey) {
        let Some(entry) = self.entries.get(&key) else { return };
        if entry.awaiting_completion() && !entry.provisional() && entry.holding().is_none() {
            self.record(Record::Complete(key));
            self.actions.push_back(Action::Notice(Notice::Complete(key)));
            self.ask_at(key, None);
        } else if entry.is_open() {
            self.actions.push_back(Action::Notice(Notice::UnknownToSwitch(key)));
        }
    }
}
