//! The calls an operator has open, as a state machine.
//!
//! Requests, answers, the coming and going of links and the switch's time go in; copies to send and outcomes come out.
//!
//! Invariants: a call ends once; "not done" only where exactly one copy was ever sent and refused, or none was sent;
//! after its expiry a request is never sent (rule 5).

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use holdfast_protocol::{Answer, Message, Outcome, Reason, RequestId, UnixMillis};

use super::agreement::{Agreement, Operation, agreement};
use super::outcome::{Approval, CallOutcome, Decline, NotDone, Unknown};
use super::requests::{CallId, CallRequest, Copy};

/// The largest budget a message can carry.
const BUDGET_MS_MAX: u64 = 600_000;

/// Limits and times of an operator's calls (I8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallSettings {
    /// Calls open at once; beyond it a call ends at once as not done, with [`Reason::WindowExceeded`].
    pub calls_max: usize,
    /// How long a copy on a live link may be unanswered before it is repeated; doubled each time.
    pub repeat_after_ms: u64,
    /// The longest pause between two copies.
    pub repeat_after_max_ms: u64,
}

impl Default for CallSettings {
    fn default() -> Self {
        Self { calls_max: 100_000, repeat_after_ms: 2_000, repeat_after_max_ms: 30_000 }
    }
}

#[derive(Debug)]
struct Call {
    request: CallRequest,
    call: CallId,
    /// When its caller stops waiting.
    deadline: UnixMillis,
    /// Copies that may have reached the switch.
    copies: u32,
    /// Whether one of them is unanswered on the link that stands.
    unanswered: bool,
    /// Whether it waits in the queue to be sent.
    queued: bool,
    refused: Option<Reason>,
    /// When something is to be done about it, as in the agenda.
    due: UnixMillis,
}

/// See the module's documentation.
#[derive(Debug)]
pub struct Calls {
    settings: CallSettings,
    open: HashMap<RequestId, Call>,
    /// What is to be sent, in order.
    queue: VecDeque<RequestId>,
    agenda: BTreeSet<(UnixMillis, RequestId)>,
    done: VecDeque<CallOutcome>,
    /// The switch's window on the link that stands; `None` without a link.
    window: Option<u32>,
    /// Why there is no link, in words; none while one stands.
    no_link: Option<Arc<str>>,
    unanswered: u32,
}

impl Calls {
    /// No calls, no link.
    pub fn new(settings: CallSettings) -> Self {
        Self {
            settings,
            open: HashMap::new(),
            queue: VecDeque::new(),
            agenda: BTreeSet::new(),
            done: VecDeque::new(),
            window: None,
            no_link: None,
            unanswered: 0,
        }
    }

    /// Begins a call, to end by `deadline`.
    ///
    /// # Errors
    /// The outcome of a call that cannot begin: too many are open, or one with the same id is.
    pub fn start(
        &mut self,
        call: CallId,
        request: CallRequest,
        deadline: UnixMillis,
    ) -> Result<(), CallOutcome> {
        let (id, copies, reason) = (call.id, u32::from(call.sent_before), Reason::WindowExceeded);
        if let Some(same) = self.open.get(&id) {
            return Err(CallOutcome::Unknown(Unknown {
                id,
                copies: same.copies,
                refused: None,
                no_link: None,
            }));
        }
        if self.open.len() >= self.settings.calls_max {
            // Of a call that may have been sent before, nothing is known.
            return Err(if copies == 0 {
                CallOutcome::NotDone(NotDone { id, reason, retry_after_ms: 0, no_link: None })
            } else {
                CallOutcome::Unknown(Unknown { id, copies, refused: Some(reason), no_link: None })
            });
        }
        let (unanswered, queued) = (false, true);
        let open = Call { request, call, deadline, copies, unanswered, queued, refused: None, due: deadline };
        self.agenda.insert((deadline, id));
        self.open.insert(id, open);
        self.queue.push_back(id);
        Ok(())
    }

    /// A link is signed on: whatever is open is sent again under its id, as a repeat where it was sent before.
    pub fn link_up(&mut self, window: u32) {
        (self.window, self.no_link) = (Some(window), None);
        self.unanswered = 0;
        let mut ids: Vec<_> = self.open.iter().filter(|(_, call)| !call.queued).map(|(id, _)| *id).collect();
        // In the order in which they were made.
        ids.sort_unstable();
        for id in ids {
            self.enqueue(id);
        }
    }

    /// The link was lost, or could not be made, because of `why`: what was unanswered on it is unknown, and will be
    /// repeated on the next. A call that ends before there is one says why there was none.
    pub fn link_lost(&mut self, why: impl std::fmt::Display) {
        (self.window, self.no_link) = (None, Some(why.to_string().into()));
        self.unanswered = 0;
        self.open.values_mut().for_each(|call| call.unanswered = false);
    }

    /// The switch changed its window.
    pub const fn set_window(&mut self, window: u32) {
        if self.window.is_some() {
            self.window = Some(window);
        }
    }

    /// The next copy to send, while the link stands and its window has room.
    pub fn next_send(&mut self, now: UnixMillis) -> Option<Message> {
        while self.unanswered < self.window? {
            let id = self.queue.pop_front()?;
            let Some(call) = self.open.get_mut(&id) else { continue };
            call.queued = false;
            if now >= call.call.expires {
                // The switch would refuse it as expired. Without a copy sent, nothing was done.
                if call.copies == 0 {
                    let not_done = NotDone { id, reason: Reason::Expired, retry_after_ms: 0, no_link: None };
                    self.finish(id, CallOutcome::NotDone(not_done));
                }
                continue;
            }
            return Some(self.send_copy(id, now));
        }
        None
    }

    fn send_copy(&mut self, id: RequestId, now: UnixMillis) -> Message {
        let call = self.open.get_mut(&id).expect("the caller found it just now");
        let budget_ms = call.deadline.since(now).clamp(1, BUDGET_MS_MAX);
        let copy = Copy {
            repeat: call.copies > 0,
            attempt: u8::try_from(call.copies.saturating_add(1)).unwrap_or(u8::MAX),
            budget_ms: u32::try_from(budget_ms).expect("clamped to ten minutes"),
        };
        let message = call.request.message(call.call, copy);
        call.copies = call.copies.saturating_add(1);
        if !std::mem::replace(&mut call.unanswered, true) {
            self.unanswered += 1;
        }
        let pause = self.pause(id);
        self.plan(id, now.plus(pause));
        message
    }

    /// How long to wait for an answer before the next copy.
    fn pause(&self, id: RequestId) -> u64 {
        let copies = self.open.get(&id).map_or(1, |call| call.copies).clamp(1, 16);
        self.settings.repeat_after_ms.saturating_mul(1 << (copies - 1)).min(self.settings.repeat_after_max_ms)
    }

    /// Looks at a call at `due`, or at its deadline if that is earlier.
    fn plan(&mut self, id: RequestId, due: UnixMillis) {
        let Some(call) = self.open.get_mut(&id) else { return };
        let due = due.min(call.deadline);
        self.agenda.remove(&(std::mem::replace(&mut call.due, due), id));
        self.agenda.insert((due, id));
    }

    fn enqueue(&mut self, id: RequestId) {
        if let Some(call) = self.open.get_mut(&id)
            && !std::mem::replace(&mut call.queued, true)
        {
            self.queue.push_back(id);
        }
    }

    /// Takes an answer. One that nobody waits for is left alone: its call has ended as unknown.
    pub fn answer(&mut self, answer: &Answer, now: UnixMillis) {
        let Some(call) = self.open.get_mut(&answer.id) else { return };
        if std::mem::replace(&mut call.unanswered, false) {
            self.unanswered = self.unanswered.saturating_sub(1);
        }
        let operation = call.request.operation();
        let outcome = match answer.outcome {
            Outcome::Refused => return self.refused(answer, now),
            Outcome::Declined => CallOutcome::Declined(Decline::of(answer, answer.reason)),
            Outcome::Approved => match agreement(operation, answer.state) {
                Agreement::Stands => CallOutcome::Approved(Approval::of(answer)),
                Agreement::Undone(reason) => CallOutcome::Declined(Decline::of(answer, reason)),
                Agreement::Contradiction => {
                    let copies = call.copies;
                    CallOutcome::Unknown(Unknown { id: answer.id, copies, refused: None, no_link: None })
                }
            },
        };
        self.finish(answer.id, outcome);
    }

    /// A refusal says nothing about other copies (rule 5). A reversal cannot be given up: it is repeated as long as
    /// the refusal is one that passes.
    fn refused(&mut self, answer: &Answer, now: UnixMillis) {
        let (id, reason, retry_after_ms) = (answer.id, answer.reason, answer.retry_after_ms);
        let Some(call) = self.open.get_mut(&id) else { return };
        call.refused = Some(reason);
        let keeps_trying = call.request.operation() == Operation::Reverse || call.copies > 1;
        if keeps_trying && passes(reason) {
            let pause = self.pause(id).max(u64::from(retry_after_ms));
            self.plan(id, now.plus(pause));
        } else if call.copies == 1 {
            let not_done = NotDone { id, reason, retry_after_ms, no_link: None };
            self.finish(id, CallOutcome::NotDone(not_done));
        } else {
            let unknown = Unknown { id, copies: call.copies, refused: Some(reason), no_link: None };
            self.finish(id, CallOutcome::Unknown(unknown));
        }
    }

    /// Ends what has reached its deadline and repeats what was unanswered for too long.
    pub fn handle_time(&mut self, now: UnixMillis) {
        while let Some(&(due, id)) = self.agenda.first()
            && due <= now
        {
            let Some(call) = self.open.get(&id) else {
                self.agenda.pop_first();
                continue;
            };
            let (deadline, copies, refused) = (call.deadline, call.copies, call.refused);
            if deadline > now {
                self.plan(id, deadline);
                self.enqueue(id);
            } else if copies == 0 {
                let (reason, no_link) = (Reason::NotSignedOn, self.no_link.clone());
                let not_done = NotDone { id, reason, retry_after_ms: 0, no_link };
                self.finish(id, CallOutcome::NotDone(not_done));
            } else {
                let no_link = self.no_link.clone();
                self.finish(id, CallOutcome::Unknown(Unknown { id, copies, refused, no_link }));
            }
        }
    }

    fn finish(&mut self, id: RequestId, outcome: CallOutcome) {
        let Some(call) = self.open.remove(&id) else { return };
        self.agenda.remove(&(call.due, id));
        if call.unanswered {
            self.unanswered = self.unanswered.saturating_sub(1);
        }
        self.done.push_back(outcome);
    }

    /// The next call that has ended.
    pub fn next_done(&mut self) -> Option<CallOutcome> {
        self.done.pop_front()
    }

    /// When [`Self::handle_time`] is due.
    pub fn next_deadline(&self) -> Option<UnixMillis> {
        self.agenda.first().map(|(due, _)| *due)
    }

    /// How many calls are open.
    pub fn open(&self) -> usize {
        self.open.len()
    }
}

/// Whether the same request may be taken a little later.
const fn passes(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::Busy
            | Reason::NotSignedOn
            | Reason::OriginalUnavailable
            | Reason::WindowExceeded
            | Reason::JournalFull
            | Reason::DeliveryQueueFull
            | Reason::ShuttingDown
            | Reason::ReversalWaiting
    )
}
