//! The front for an operator's calls.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use holdfast_protocol::{Amount, Currency, PaymentId, Reason, RequestId, UnixMillis, Welcome};
use tokio::sync::{mpsc, oneshot, watch};

use super::ParticipantError;
use super::engine::{Command, LinkView};
use super::slot::NoLink;
use crate::operator::{CallId, CallOutcome, CallRequest, InquiryOutcome, NotDone, Terms, Unknown};
use crate::request_ids::RequestIds;

/// Typed calls, each with a deadline and one outcome. Cheap to clone.
///
/// A call that loses its link is repeated under its id on the next, while its request has not expired. Dropping the
/// future of a call does not take the call back: its outcome is then unknown.
#[derive(Clone, Debug)]
pub struct Operator {
    commands: mpsc::Sender<Command>,
    view: watch::Receiver<LinkView>,
    ids: Arc<Mutex<RequestIds>>,
}

impl Operator {
    pub(super) fn new(
        commands: mpsc::Sender<Command>,
        view: watch::Receiver<LinkView>,
    ) -> Result<Self, ParticipantError> {
        let ids = RequestIds::new().map_err(ParticipantError::Randomness)?;
        Ok(Self { commands, view, ids: Arc::new(Mutex::new(ids)) })
    }

    /// A new id, made now; the request may be accepted as new work for `lifetime`, and no longer than the switch's
    /// window.
    pub fn new_call(&self, lifetime: Duration) -> CallId {
        let now = self.switch_time();
        let window = self.view.borrow().shared.as_ref().map_or(0, |shared| shared.welcome.window_max_ms);
        let id = self.ids.lock().unwrap_or_else(PoisonError::into_inner).next(now);
        let expires = now.plus(millis(lifetime).min(u64::from(window)));
        CallId { id, expires, sent_before: false }
    }

    /// The switch's time, in which ends of holds are given.
    pub fn switch_time(&self) -> UnixMillis {
        self.view.borrow().shared.as_ref().map_or_else(UnixMillis::default, |shared| shared.clock.now())
    }

    /// What the switch agreed to at the latest sign-on.
    pub fn welcome(&self) -> Option<Welcome> {
        self.view.borrow().shared.as_ref().map(|shared| shared.welcome.clone())
    }

    /// Whether a link stands now.
    pub fn is_linked(&self) -> bool {
        self.view.borrow().linked
    }

    /// Why there is no link now; none while there is one. A call waits for the next link until its deadline.
    pub fn no_link(&self) -> Option<Arc<NoLink>> {
        self.view.borrow().no_link.clone()
    }

    /// Pays.
    pub async fn pay(&self, call: CallId, terms: Terms, within: Duration) -> CallOutcome {
        self.call(call, CallRequest::Pay(terms), within).await
    }

    /// Holds an amount until a time; `captures_many`: it may be captured in several parts.
    pub async fn reserve(
        &self,
        call: CallId,
        terms: Terms,
        hold_until: UnixMillis,
        captures_many: bool,
        within: Duration,
    ) -> CallOutcome {
        self.call(call, CallRequest::Reserve(terms, hold_until, captures_many), within).await
    }

    /// Holds a small amount on an instrument until a time, to prove who owns it (Y.2741 Appendix I).
    pub async fn verify(
        &self,
        call: CallId,
        terms: Terms,
        hold_until: UnixMillis,
        within: Duration,
    ) -> CallOutcome {
        self.call(call, CallRequest::Verify(terms, hold_until), within).await
    }

    /// Takes from a hold; with `last` the rest is released.
    pub async fn capture(
        &self,
        call: CallId,
        original: RequestId,
        amount: Amount,
        currency: Currency,
        last: bool,
        within: Duration,
    ) -> CallOutcome {
        self.call(call, CallRequest::Capture { original, amount, currency, last }, within).await
    }

    /// Gives a hold back.
    pub async fn release(&self, call: CallId, original: RequestId, within: Duration) -> CallOutcome {
        self.call(call, CallRequest::Release { original }, within).await
    }

    /// Undoes a transaction as a whole, whatever became of it: what makes an unknown outcome certain.
    pub async fn reverse(
        &self,
        call: CallId,
        original: RequestId,
        payment_id: PaymentId,
        reason: u16,
        within: Duration,
    ) -> CallOutcome {
        self.call(call, CallRequest::Reverse { original, payment_id, reason }, within).await
    }

    /// Gives captured money back: a part or all of what a payment, or the captures of a reservation, took. A transaction of
    /// its own: an unknown outcome is made certain by [`Self::reverse`] of the call's id, as that of a payment is.
    pub async fn refund(
        &self,
        call: CallId,
        original: RequestId,
        amount: Amount,
        currency: Currency,
        within: Duration,
    ) -> CallOutcome {
        self.call(call, CallRequest::Refund { original, amount, currency }, within).await
    }

    /// Asks what became of a request.
    pub async fn inquire(&self, id: RequestId, within: Duration) -> InquiryOutcome {
        let (inquirer, outcome) = oneshot::channel();
        let deadline = self.switch_time().plus(millis(within));
        match self.commands.send(Command::Inquire(id, deadline, inquirer)).await {
            Ok(()) => outcome.await.unwrap_or(InquiryOutcome::Unknown),
            Err(_) => InquiryOutcome::Unknown,
        }
    }

    /// Any of the calls above.
    pub async fn call(&self, call: CallId, request: CallRequest, within: Duration) -> CallOutcome {
        let (caller, outcome) = oneshot::channel();
        let deadline = self.switch_time().plus(millis(within));
        let (id, copies) = (call.id, u32::from(call.sent_before));
        let unknown = || {
            let no_link = self.why_not_linked();
            CallOutcome::Unknown(Unknown { id, copies, refused: None, no_link })
        };
        match self.commands.send(Command::Call(call, Box::new(request), deadline, caller)).await {
            // A task that ended meanwhile may have sent it.
            Ok(()) => outcome.await.unwrap_or_else(|_| unknown()),
            Err(_) if call.sent_before => unknown(),
            Err(_) => {
                let (reason, no_link) = (Reason::NotSignedOn, self.why_not_linked());
                CallOutcome::NotDone(NotDone { id, reason, retry_after_ms: 0, no_link })
            }
        }
    }

    /// For a call that found the participant's task ended.
    fn why_not_linked(&self) -> Option<Arc<str>> {
        let why =
            self.no_link().map_or_else(|| "it has signed off".to_owned(), |no_link| no_link.to_string());
        Some(format!("this participant has ended: {why}").into())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
