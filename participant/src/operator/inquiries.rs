//! The inquiries an operator waits for. They change nothing, so they are simply asked again on a new link.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use holdfast_protocol::{Inquiry, Message, Reason, RequestId, Status, UnixMillis};

use super::outcome::InquiryOutcome;

/// Set in the correlation of an operator's inquiry; those of a destination's book have it clear.
pub(crate) const OPERATORS: u64 = 1 << 63;

#[derive(Debug)]
struct Asked {
    id: RequestId,
    deadline: UnixMillis,
}

/// See the module's documentation.
#[derive(Debug, Default)]
pub(crate) struct Inquiries {
    open: BTreeMap<u64, Asked>,
    agenda: BTreeSet<(UnixMillis, u64)>,
    queue: VecDeque<u64>,
    done: VecDeque<(u64, InquiryOutcome)>,
    last: u64,
}

impl Inquiries {
    /// Asks about a request, until a time; gives the number under which the outcome will come.
    pub(crate) fn start(&mut self, id: RequestId, deadline: UnixMillis) -> u64 {
        self.last += 1;
        let correlation = self.last | OPERATORS;
        self.open.insert(correlation, Asked { id, deadline });
        self.agenda.insert((deadline, correlation));
        self.queue.push_back(correlation);
        correlation
    }

    pub(crate) fn link_up(&mut self) {
        self.queue = self.open.keys().copied().collect();
    }

    pub(crate) fn next_send(&mut self) -> Option<Message> {
        let (id, correlation) = std::iter::from_fn(|| self.queue.pop_front())
            .find_map(|correlation| Some((self.open.get(&correlation)?.id, correlation)))?;
        Some(Message::Inquiry(Inquiry { id, originator: None, correlation }))
    }

    pub(crate) fn status(&mut self, status: Status) {
        let correlation = status.correlation;
        let outcome = if status.reason == Reason::OriginalUnknown {
            InquiryOutcome::NotInMemory
        } else if status.reason != Reason::None {
            InquiryOutcome::Refused(status.reason)
        } else if self.open.get(&correlation).is_some_and(|asked| asked.id == status.id) {
            InquiryOutcome::Found(Box::new(status))
        } else {
            return;
        };
        self.finish(correlation, outcome);
    }

    pub(crate) fn handle_time(&mut self, now: UnixMillis) {
        while let Some(&(deadline, correlation)) = self.agenda.first()
            && deadline <= now
        {
            self.finish(correlation, InquiryOutcome::Unknown);
        }
    }

    fn finish(&mut self, correlation: u64, outcome: InquiryOutcome) {
        if let Some(asked) = self.open.remove(&correlation) {
            self.agenda.remove(&(asked.deadline, correlation));
            self.done.push_back((correlation, outcome));
        }
    }

    pub(crate) fn next_done(&mut self) -> Option<(u64, InquiryOutcome)> {
        self.done.pop_front()
    }

    pub(crate) fn next_deadline(&self) -> Option<UnixMillis> {
        self.agenda.first().map(|(deadline, _)| *deadline)
    }

    pub(crate) fn open(&self) -> usize {
        self.open.len()
    }
}
