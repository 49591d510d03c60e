//! Requests that wait until their original was looked up: a bounded number, for a bounded time.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_protocol::{TransactionKey, UnixMillis};

use crate::fact::FollowUp;
use crate::input::From;

/// What waits for one original.
#[derive(Debug)]
struct Waiting {
    until: UnixMillis,
    requests: Vec<(From, FollowUp)>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Recalls {
    waiting: BTreeMap<TransactionKey, Waiting>,
    until: BTreeSet<(UnixMillis, TransactionKey)>,
    count: usize,
}

impl Recalls {
    /// Adds a request; a repeat takes the place of its first copy. Says whether the original is to be looked up;
    /// `None` where no request more may wait.
    pub(crate) fn wait(
        &mut self,
        key: TransactionKey,
        from: From,
        request: FollowUp,
        until: UnixMillis,
        most: u32,
    ) -> Option<bool> {
        let waiting = self.waiting.get_mut(&key);
        if let Some(waiting) = waiting {
            let copy = waiting.requests.iter_mut().find(|(_, other)| other.id() == request.id());
            if let Some(copy) = copy {
                *copy = (from, request);
                return Some(false);
            }
            if self.count >= most as usize {
                return None;
            }
            waiting.requests.push((from, request));
            self.count += 1;
            return Some(false);
        }
        if self.count >= most as usize {
            return None;
        }
        self.count += 1;
        self.waiting.insert(key, Waiting { until, requests: vec![(from, request)] });
        self.until.insert((until, key));
        Some(true)
    }

    /// All that waited for an original.
    pub(crate) fn take(&mut self, key: TransactionKey) -> Vec<(From, FollowUp)> {
        let Some(waiting) = self.waiting.remove(&key) else { return Vec::new() };
        self.until.remove(&(waiting.until, key));
        self.count -= waiting.requests.len();
        waiting.requests
    }

    /// An original that has been waited for long enough.
    pub(crate) fn take_due(&self, now: UnixMillis) -> Option<TransactionKey> {
        self.until.first().filter(|(until, _)| *until <= now).map(|(_, key)| *key)
    }

    pub(crate) fn next(&self) -> Option<UnixMillis> {
        self.until.first().map(|(until, _)| *until)
    }
}
