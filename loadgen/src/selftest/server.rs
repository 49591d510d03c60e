//! One server with a queue in front of it, in real time: each payment takes a random time, exponential, one after the
//! other.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::Poll;
use std::time::{Duration, Instant};

use holdfast_protocol::Message;
use tokio::sync::Notify;

use crate::alarm::Alarm;
use crate::random::Random;

/// See the module.
#[derive(Debug)]
pub(super) struct Server {
    served_per_s: f64,
    state: RefCell<State>,
    came: Notify,
}

#[derive(Debug)]
struct State {
    random: Random,
    /// When the last in the queue will have been served.
    free: Instant,
    /// Who, with when it will have been served and where it goes.
    queue: VecDeque<(Instant, usize, Message)>,
}

impl Server {
    /// A server of so many a second, whose times follow from the seed.
    pub(super) fn new(served_per_s: f64, seed: u64) -> Self {
        let state = State { random: Random::new(seed, 0x5e7), free: Instant::now(), queue: VecDeque::new() };
        Self { served_per_s, state: RefCell::new(state), came: Notify::new() }
    }

    /// Takes a message into the queue.
    pub(super) fn take(&self, place: usize, message: Message) {
        let mut state = self.state.borrow_mut();
        let takes = -state.random.unit().ln() / self.served_per_s;
        let begins = state.free.max(Instant::now());
        state.free = begins + Duration::from_secs_f64(takes);
        let entry = (state.free, place, message);
        state.queue.push_back(entry);
        self.came.notify_one();
    }

    /// Waits until somebody has been served; gives all who have.
    pub(super) async fn next(&self) -> Vec<(usize, Message)> {
        loop {
            let due = self.state.borrow().queue.front().map(|(due, _, _)| *due);
            match due {
                None => self.came.notified().await,
                Some(due) if due > Instant::now() => ring(due).await,
                Some(_) => return self.served(),
            }
        }
    }

    fn served(&self) -> Vec<(usize, Message)> {
        let (now, queue) = (Instant::now(), &mut self.state.borrow_mut().queue);
        let count = queue.partition_point(|(due, _, _)| *due <= now);
        queue.drain(..count).map(|(_, place, message)| (place, message)).collect()
    }
}

/// Waits as exactly as the machine can; where it has no descriptor left, as exactly as the runtime can.
async fn ring(when: Instant) {
    let Ok(mut alarm) = Alarm::new() else { return tokio::time::sleep_until(when.into()).await };
    if alarm.set(when).is_err() {
        return tokio::time::sleep_until(when.into()).await;
    }
    poll_fn(|cx| match alarm.poll(cx) {
        Poll::Ready(Ok(()) | Err(_)) => Poll::Ready(()),
        Poll::Pending => Poll::Pending,
    })
    .await;
}
