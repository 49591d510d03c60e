//! Requests that wait until their original was looked up: a bounded number, for a bounded time.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_protocol::{TransactionKey, UnixMillis};

use crate::fact::FollowUp;
use crate::input::From;
use crate::view::SessionId;

/// What waits for one original.
#[derive(Debug)]
struct Waiting {
    until: UnixMillis,
    requests: Vec<(From, FollowUp)>,
}

/// What became of a request that is to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wait {
    /// It waits, and its original is to be looked up.
    LookUp,
    /// It waits with others, or in place of an earlier copy, which came over this link.
    Joined(Option<SessionId>),
    /// No request more may wait.
    Full,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Recalls {
    waiting: BTreeMap<TransactionKey, Waiting>,
    until: BTreeSet<(UnixMillis, TransactionKey)>,
    count: usize,
}

impl Recalls {
    /// Adds a request; a repeat takes the place of its earlier copy.
    pub(crate) fn wait(
        &mut self,
        key: TransactionKey,
        from: From,
        request: FollowUp,
        until: UnixMillis,
        most: u32,
    ) -> Wait {
        let waiting = self.waiting.get_mut(&key);
        if let Some(waiting) = waiting {
            let copy = waiting.requests.iter_mut().find(|(_, other)| other.id() == request.id());
            if let Some(copy) = copy {
                let earlier = copy.0.session;
                *copy = (from, request);
                return Wait::Joined(Some(earlier));
            }
            if self.count >= most as usize {
                return Wait::Full;
            }
            waiting.requests.push((from, request));
            self.count += 1;
            return Wait::Joined(None);
        }
        if self.count >= most as usize {
            return Wait::Full;
        }
        self.count += 1;
        self.waiting.insert(key, Waiting { until, requests: vec![(from, request)] });
        self.until.insert((until, key));
        Wait::LookUp
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
