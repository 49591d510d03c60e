//! The shell around a destination's book: runs the handler, commits to the store, sends what may leave.
//!
//! Records are committed in groups: while one batch syncs, the next one gathers.

use std::sync::Arc;
use std::time::Duration;

use holdfast_protocol::{Authorize, DeliveryNumber, Refund, TransactionKey, UnixMillis};
use tokio::task::{JoinError, JoinHandle, JoinSet};

use super::ParticipantError;
use crate::destination::{Action, Book, BookSettings, Decision, DedupStore, Delivery, Handler, StoreError};
use crate::link::LinkSender;

/// Records kept since the last compaction before another is worth it, at least.
const COMPACT_RECORDS_MIN: u64 = 1_000_000;

/// What the handler has done.
pub(super) enum Done {
    Decided(Box<Authorize>, Option<Decision>),
    RefundDecided(Box<Refund>, Option<Decision>),
    Delivered(TransactionKey, DeliveryNumber),
}

type Store = Box<dyn DedupStore>;

/// A batch on its way to the disk.
struct Commit {
    through: u64,
    task: JoinHandle<(Store, Result<(), StoreError>)>,
}

/// What happened to a destination besides messages.
pub(super) enum ServingEvent {
    Handled(Result<Done, JoinError>),
    Kept(Result<(Store, Result<(), StoreError>), JoinError>),
}

/// A destination at work.
pub(super) struct Serving<H> {
    pub(super) book: Book,
    handler: Arc<H>,
    tasks: JoinSet<Done>,
    /// `None` while a batch is on its way.
    store: Option<Store>,
    commit: Option<Commit>,
    since_compaction: u64,
}

impl<H: Handler> Serving<H> {
    /// Begins with what the store kept.
    pub(super) async fn start(
        settings: BookSettings,
        handler: H,
        mut store: Store,
    ) -> Result<Self, ParticipantError> {
        let recovering = tokio::task::spawn_blocking(move || {
            let records = store.recover();
            (store, records)
        });
        let (store, records) = recovering.await.map_err(|_| ParticipantError::StorePanicked)?;
        let records = records?;
        Ok(Self {
            book: Book::new(settings, &records),
            handler: Arc::new(handler),
            tasks: JoinSet::new(),
            store: Some(store),
            commit: None,
            since_compaction: records.len() as u64,
        })
    }

    /// Gives the handler its work and the store its batch.
    pub(super) fn pump(&mut self, now: UnixMillis) {
        self.book.handle_time(now);
        while let Some(action) = self.book.next_action() {
            match action {
                Action::Decide(request) => self.decide(request),
                Action::DecideRefund(request) => self.decide_refund(request),
                Action::Deliver(delivery) => self.deliver(delivery),
                Action::Notice(notice) => self.handler.notice(notice),
            }
        }
        self.commit();
    }

    fn decide(&mut self, request: Box<Authorize>) {
        let handler = Arc::clone(&self.handler);
        self.tasks.spawn(async move {
            let budget = Duration::from_millis(u64::from(request.budget_ms));
            let decision = tokio::time::timeout(budget, handler.decide(&request)).await.ok();
            Done::Decided(request, decision)
        });
    }

    fn decide_refund(&mut self, request: Box<Refund>) {
        let handler = Arc::clone(&self.handler);
        self.tasks.spawn(async move {
            let budget = Duration::from_millis(u64::from(request.budget_ms));
            let decision = tokio::time::timeout(budget, handler.refund(&request)).await.ok();
            Done::RefundDecided(request, decision)
        });
    }

    fn deliver(&mut self, delivery: Delivery) {
        let handler = Arc::clone(&self.handler);
        self.tasks.spawn(async move {
            let (key, number) = (delivery.key, delivery.number);
            handler.deliver(delivery).await;
            Done::Delivered(key, number)
        });
    }

    fn commit(&mut self) {
        let Some(mut store) = self.store.take() else { return };
        let (batch, through) = self.book.take_records();
        if batch.is_empty() {
            self.store = Some(store);
            return;
        }
        self.since_compaction += batch.len() as u64;
        // What lives includes the batch, so a compaction takes its place.
        let worth_it = COMPACT_RECORDS_MIN.max(self.book.remembered() as u64 * 8);
        let live = (self.since_compaction > worth_it).then(|| self.book.live_records());
        if let Some(live) = &live {
            self.since_compaction = live.len() as u64;
        }
        let task = tokio::task::spawn_blocking(move || {
            let kept = match live {
                Some(live) => store.compact(&live),
                None => store.commit(&batch),
            };
            (store, kept)
        });
        self.commit = Some(Commit { through, task });
    }

    /// The next thing that the handler or the store has done; waits for ever where neither works. Cancelling it loses
    /// nothing.
    pub(super) async fn next(&mut self) -> ServingEvent {
        let commit = async {
            match &mut self.commit {
                Some(commit) => (&mut commit.task).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(done) = self.tasks.join_next() => ServingEvent::Handled(done),
            kept = commit => ServingEvent::Kept(kept),
        }
    }

    /// Takes an event into account, and with it all else that the handler has done meanwhile.
    pub(super) fn handle(&mut self, event: ServingEvent, now: UnixMillis) -> Result<(), ParticipantError> {
        match event {
            ServingEvent::Handled(done) => {
                self.done(done, now)?;
                while let Some(done) = self.tasks.try_join_next() {
                    self.done(done, now)?;
                }
            }
            ServingEvent::Kept(kept) => {
                let (store, kept) = kept.map_err(|_| ParticipantError::StorePanicked)?;
                kept?;
                self.store = Some(store);
                if let Some(commit) = self.commit.take() {
                    self.book.durable_through(commit.through);
                }
            }
        }
        Ok(())
    }

    fn done(&mut self, done: Result<Done, JoinError>, now: UnixMillis) -> Result<(), ParticipantError> {
        // A handler that panicked is in a state nobody knows. What it was doing the switch reverses or delivers again.
        match done.map_err(|_| ParticipantError::HandlerPanicked)? {
            Done::Decided(request, decision) => self.book.decided(&request, decision, now),
            Done::RefundDecided(request, decision) => self.book.refund_decided(&request, decision, now),
            Done::Delivered(key, number) => self.book.delivered(key, number, now),
        }
        Ok(())
    }

    /// Pushes what may leave, while there is room.
    pub(super) fn send(&mut self, sender: &mut LinkSender, bytes_max: usize) {
        while sender.waiting_bytes() < bytes_max
            && let Some(message) = self.book.next_send()
        {
            match sender.push(message) {
                Ok(lane) => self.book.sent(lane),
                Err(error) => {
                    tracing::error!(%error, "a destination's message could not be pushed");
                    return;
                }
            }
        }
    }

    /// Whether nothing is being done, kept, sent or waited for.
    pub(super) fn is_idle(&self) -> bool {
        self.tasks.is_empty() && self.commit.is_none() && self.book.is_settled()
    }
}
