//! Requests that wait until their original was looked up: a bounded number, for a bounded time. And how many originals
//! that were found are in memory because of it.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_protocol::{Inquiry, Refund, TransactionKey, UnixMillis};

use crate::fact::FollowUp;
use crate::input::From;
use crate::snapshot::FollowUpParts;
use crate::view::SessionId;

/// A request that waits.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    /// About its original.
    FollowUp(FollowUp),
    /// To refund its original; and when it arrived, for its budget runs.
    Refund(Refund, UnixMillis),
    /// About an id; where that was found to be of a capture, release or reversal, its transaction is waited for.
    Inquiry(Inquiry, Option<FollowUpParts>),
}

impl Asked {
    /// Whether it is another copy of a request.
    fn is_copy(&self, other: &Self) -> bool {
        let id = |asked: &Self| match asked {
            Self::FollowUp(request) => Some(request.id()),
            Self::Refund(request, _) => Some(request.id),
            // Each copy of an inquiry is answered.
            Self::Inquiry(..) => None,
        };
        id(self).is_some() && id(self) == id(other)
    }
}

/// What waits for one original.
#[derive(Debug)]
struct Waiting {
    until: UnixMillis,
    requests: Vec<(From, Asked)>,
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
    /// How many of the recalled go with which second.
    recalled: BTreeMap<u64, u32>,
}

impl Recalls {
    /// Adds a request; a repeat takes the place of its earlier copy.
    pub(crate) fn wait(
        &mut self,
        key: TransactionKey,
        from: From,
        request: Asked,
        until: UnixMillis,
        most: u32,
    ) -> Wait {
        let waiting = self.waiting.get_mut(&key);
        if let Some(waiting) = waiting {
            let copy = waiting.requests.iter_mut().find(|(_, other)| other.is_copy(&request));
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
    pub(crate) fn take(&mut self, key: TransactionKey) -> Vec<(From, Asked)> {
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

    /// How many wait.
    pub(crate) const fn len(&self) -> usize {
        self.count
    }

    /// An original is in memory again, until a second is forgotten.
    pub(crate) fn brought_back(&mut self, until: u64) {
        *self.recalled.entry(until).or_default() += 1;
    }

    /// All that was to stay until this second or an earlier one has gone, or stays for what was done to it.
    pub(crate) fn forgotten(&mut self, through: u64) {
        self.recalled = self.recalled.split_off(&through.saturating_add(1));
    }

    /// How many originals are in memory because they were recalled.
    pub(crate) fn recalled(&self) -> u32 {
        self.recalled.values().sum()
    }
}
