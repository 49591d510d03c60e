//! The steward's way to the drivers: errands that run on their threads, between two turns.
//!
//! Nothing here waits for a disk: what must be durable first is said by the driver's clerk when it is.

use std::sync::{Arc, Mutex, PoisonError};

use crossbeam::channel::{Receiver, Sender, bounded, unbounded};
use holdfast_journal::Handle;
use holdfast_protocol::UnixMillis;

use super::clerk::{Clerk, Errand, Order};
use crate::driver::Driver;
use crate::transport::Wake;

/// The way to one driver. The steward has one errand under way at a time, so the queue stays short.
#[derive(Debug)]
pub(super) struct Post {
    orders: Sender<Order>,
    wake: Wake,
}

/// A way to a driver that is woken like this, and what the driver takes the orders with.
pub(super) fn post(wake: Wake) -> (Post, Clerk) {
    let (orders, taken) = unbounded();
    (Post { orders, wake }, Clerk::new(taken))
}

/// The driver has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended;

impl Post {
    fn order(&self, order: Order) -> Result<(), Ended> {
        self.orders.send(order).map_err(|_| Ended)?;
        self.wake.wake();
        Ok(())
    }

    fn send(&self, errand: Errand) -> Result<(), Ended> {
        self.order(Order::Do(errand))
    }
}

/// The ways to all drivers, one for each partition.
#[derive(Debug)]
pub(super) struct Posts(Vec<Post>);

impl Posts {
    /// By partition.
    pub(super) const fn new(posts: Vec<Post>) -> Self {
        Self(posts)
    }

    /// Does something with one driver, and waits for what comes of it.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        partition: usize,
        what: impl FnOnce(&mut Driver<Handle>, UnixMillis) -> T + Send + 'static,
    ) -> Result<T, Ended> {
        let (told, answer) = bounded(1);
        self.0[partition].send(Box::new(move |driver, now| {
            tell(&told, what(driver, now));
            None
        }))?;
        answer.recv().map_err(|_| Ended)
    }

    /// Does the same with all drivers, and waits for what comes of it, by partition.
    pub(super) fn ask_all<T: Send + 'static>(
        &self,
        what: impl Fn(&mut Driver<Handle>, UnixMillis) -> T + Clone + Send + 'static,
    ) -> Result<Vec<T>, Ended> {
        let ask = |post: &Post| {
            let ((told, answer), what) = (bounded(1), what.clone());
            post.send(Box::new(move |driver, now| {
                tell(&told, what(driver, now));
                None
            }))?;
            Ok(answer)
        };
        let answers: Vec<Receiver<T>> = self.0.iter().map(ask).collect::<Result<_, Ended>>()?;
        answers.iter().map(|answer| answer.recv().map_err(|_| Ended)).collect()
    }

    /// Does something with one driver; what comes of it is said once everything decided by then is durable.
    pub(super) fn once_durable<T: Send + 'static>(
        &self,
        partition: usize,
        what: impl FnOnce(&mut Driver<Handle>, UnixMillis) -> T + Send + 'static,
        say: impl FnOnce(T) + Send + 'static,
    ) -> Result<(), Ended> {
        self.0[partition].send(Box::new(move |driver, now| {
            let done = what(driver, now);
            Some(Box::new(move || say(done)))
        }))
    }

    /// Does the same with all drivers; what comes of it, by partition, is said once everything decided by then is durable in all.
    pub(super) fn once_durable_in_all<T: Send + 'static>(
        &self,
        what: impl Fn(&mut Driver<Handle>, UnixMillis) -> T + Clone + Send + 'static,
        say: impl FnOnce(Vec<T>) + Send + 'static,
    ) -> Result<(), Ended> {
        let none = self.0.iter().map(|_| None).collect();
        let all = Arc::new(Mutex::new(Gathering { done: none, say: Some(say) }));
        for (partition, post) in self.0.iter().enumerate() {
            let (all, what) = (Arc::clone(&all), what.clone());
            post.send(Box::new(move |driver, now| {
                let done = what(driver, now);
                Some(Box::new(move || {
                    let whole = all.lock().unwrap_or_else(PoisonError::into_inner).add(partition, done);
                    if let Some((done, say)) = whole {
                        say(done);
                    }
                }))
            }))?;
        }
        Ok(())
    }

    /// Where `check` finds nothing against it in any driver, `between` is done, then `act` in each; and no driver has a turn in between.
    /// Otherwise nothing is done; the first fault is returned.
    pub(super) fn all_or_none<E: Send + 'static>(
        &self,
        check: impl Fn(&Driver<Handle>) -> Result<(), E> + Clone + Send + 'static,
        between: impl FnOnce() -> Result<(), E>,
        act: impl Fn(&mut Driver<Handle>, UnixMillis) + Clone + Send + 'static,
    ) -> Result<Result<(), E>, Ended> {
        let begin = |post: &Post| {
            let ((told, answer), (go, going)) = (bounded(1), bounded(1));
            let (check, act) = (check.clone(), act.clone());
            post.send(Box::new(move |driver, now| {
                tell(&told, check(driver));
                // The steward has only the other drivers to hear, each within a turn.
                if going.recv().is_ok() {
                    act(driver, now);
                }
                None
            }))?;
            Ok((answer, go))
        };
        let begun: Vec<(Receiver<_>, Sender<()>)> = self.0.iter().map(begin).collect::<Result<_, Ended>>()?;
        let mut checked = Ok(());
        for (answer, _) in &begun {
            checked = checked.and(answer.recv().map_err(|_| Ended)?);
        }
        let checked = checked.and_then(|()| between());
        if checked.is_ok() {
            begun.iter().try_for_each(|(_, go)| go.send(()).map_err(|_| Ended))?;
        }
        Ok(checked)
    }

    /// Ends all drivers.
    pub(super) fn end(&self) {
        for post in &self.0 {
            if post.order(Order::End).is_err() {
                tracing::debug!("a driver had ended before it was told to");
            }
        }
    }
}

/// What is done in several drivers and not yet durable in all.
struct Gathering<T, S> {
    done: Vec<Option<T>>,
    say: Option<S>,
}

impl<T, S> Gathering<T, S> {
    /// Adds what one has; with the last of them all of it, and what says it.
    fn add(&mut self, partition: usize, done: T) -> Option<(Vec<T>, S)> {
        self.done[partition] = Some(done);
        if self.done.iter().any(Option::is_none) {
            return None;
        }
        Some((self.done.drain(..).flatten().collect(), self.say.take()?))
    }
}

fn tell<T>(told: &Sender<T>, answer: T) {
    if told.send(answer).is_err() {
        tracing::debug!("the steward has ended before it heard a driver");
    }
}
