//! Who may connect: read at every handshake, changed only by a reload.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use dashmap::DashMap;
use holdfast_link::Identity;
use holdfast_protocol::{ParticipantNumber, Reason};

/// A participant as the sessions know it.
#[derive(Debug)]
pub struct Member {
    /// Its name, as in its certificate.
    pub name: String,
    /// Its number.
    pub number: ParticipantNumber,
    /// It may send requests.
    pub originates: bool,
    /// It may be a destination.
    pub receives: bool,
    /// The same count before and after a reload: links that stand give their places back to it.
    links: Arc<AtomicU32>,
    /// The same bucket before and after a reload: a reload is no second helping.
    inquiries: Arc<Budget>,
    /// The same for new transactions; none where they are not limited.
    authorizes: Option<Arc<Budget>>,
}

/// The live table of members, by name. A concurrent map: handshakes read it on any thread (dashmap).
#[derive(Debug, Default)]
pub struct Directory {
    members: DashMap<String, Arc<Member>>,
}

/// A link's place among those its participant may have; given back when dropped.
#[derive(Debug)]
pub struct LinkPlace(Arc<Member>);

impl LinkPlace {
    /// Whose link it is.
    pub fn member(&self) -> &Arc<Member> {
        &self.0
    }
}

impl Drop for LinkPlace {
    fn drop(&mut self) {
        self.0.links.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Member {
    /// A participant without links, with this many inquiries a second.
    pub fn new(
        name: String,
        number: ParticipantNumber,
        originates: bool,
        receives: bool,
        inquiries: u32,
    ) -> Self {
        let inquiries = Arc::new(Budget::new(inquiries, Duration::from_secs(1)));
        Self { name, number, originates, receives, links: Arc::default(), inquiries, authorizes: None }
    }

    /// The same participant with at most this many new transactions a second; zero: as many as come.
    #[must_use]
    pub fn with_authorizes(mut self, per_second: u32) -> Self {
        self.authorizes = (per_second > 0).then(|| Arc::new(Budget::new(per_second, AUTHORIZES_BURST)));
        self
    }

    /// Takes one authorize from the budget, if there is one left or no budget at all.
    #[inline]
    pub fn may_authorize(&self, now: Instant) -> bool {
        self.authorizes.as_ref().is_none_or(|budget| budget.take(now))
    }

    /// Takes one inquiry from the budget, if there is one left (rule 23).
    pub fn may_inquire(&self, now: Instant) -> bool {
        self.inquiries.take(now)
    }

    /// How many links it has.
    pub fn links(&self) -> u32 {
        self.links.load(Ordering::Acquire)
    }
}

impl Directory {
    /// Replaces all members. A member that stays keeps its links; who is gone loses them.
    pub fn replace(&self, members: Vec<Member>) {
        self.members.retain(|name, _| members.iter().any(|m| m.name == *name));
        for mut member in members {
            if let Some(old) = self.members.get(&member.name) {
                member.links = Arc::clone(&old.links);
                if member.inquiries.per_second == old.inquiries.per_second {
                    member.inquiries = Arc::clone(&old.inquiries);
                }
                if let (Some(new), Some(old)) = (&mut member.authorizes, &old.authorizes)
                    && new.per_second == old.per_second
                {
                    *new = Arc::clone(old);
                }
            }
            self.members.insert(member.name.clone(), Arc::new(member));
        }
    }

    /// Whether an identity may connect at all.
    pub fn admits(&self, identity: &Identity) -> bool {
        match identity {
            Identity::Participant(name) => self.members.contains_key(name),
            Identity::Switch(_) => false,
        }
    }

    /// The member of an identity, if it is one.
    pub fn find(&self, identity: &Identity) -> Option<Arc<Member>> {
        match identity {
            Identity::Participant(name) => self.members.get(name).map(|member| Arc::clone(&member)),
            Identity::Switch(_) => None,
        }
    }

    /// A place for one more link of this identity.
    ///
    /// # Errors
    /// [`Reason::IdentityUnknown`], or [`Reason::TooManyLinks`] where it has `links_max` already.
    pub fn enter(&self, identity: &Identity, links_max: u32) -> Result<LinkPlace, Reason> {
        let member = self.find(identity).ok_or(Reason::IdentityUnknown)?;
        let one_more = |links| (links < links_max).then_some(links + 1);
        let taken = member.links.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more);
        if taken.is_err() { Err(Reason::TooManyLinks) } else { Ok(LinkPlace(member)) }
    }
}

/// How much of a second's authorizes may come at once: what a wake-up of a busy participant brings, and no more.
const AUTHORIZES_BURST: Duration = Duration::from_millis(50);

/// A token bucket: as many at once as `per_second` gives in the time of a burst, and one at least; refilled evenly.
#[derive(Debug)]
struct Budget {
    per_second: u32,
    /// The most tokens, in [`TOKEN`]s.
    full: u64,
    state: std::sync::Mutex<(u64, Instant)>,
}

/// One token in the bucket's own unit, so that no refill is lost to rounding: what comes in a nanosecond at one a second.
const TOKEN: u64 = 1_000_000_000;

impl Budget {
    fn new(per_second: u32, burst: Duration) -> Self {
        let nanos = u64::try_from(burst.as_nanos()).unwrap_or(TOKEN);
        let full = (u64::from(per_second) * nanos).max(TOKEN);
        Self { per_second, full, state: std::sync::Mutex::new((full, Instant::now())) }
    }

    fn take(&self, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let elapsed = now.saturating_duration_since(state.1).min(Duration::from_secs(1));
        let refill = u64::try_from(elapsed.as_nanos()).unwrap_or(TOKEN) * u64::from(self.per_second);
        let tokens = state.0.saturating_add(refill).min(self.full);
        *state = (tokens.checked_sub(TOKEN).unwrap_or(tokens), now.max(state.1));
        tokens >= TOKEN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str) -> Member {
        Member::new(name.to_owned(), ParticipantNumber::new(1).unwrap(), true, false, 2)
    }

    #[test]
    fn a_participant_gets_no_more_links_than_allowed_and_places_come_back() {
        let directory = Directory::default();
        directory.replace(vec![member("operator-1")]);
        let who = Identity::Participant("operator-1".to_owned());
        let first = directory.enter(&who, 1).unwrap();
        assert_eq!(directory.enter(&who, 1).unwrap_err(), Reason::TooManyLinks);
        drop(first);
        assert!(directory.enter(&who, 1).is_ok());
        let other = Identity::Participant("operator-2".to_owned());
        assert_eq!(directory.enter(&other, 1).unwrap_err(), Reason::IdentityUnknown);
        assert!(!directory.admits(&Identity::Switch("operator-1".to_owned())));
    }

    #[test]
    fn threads_that_want_places_at_once_get_as_many_as_there_are() {
        let directory = Directory::default();
        directory.replace(vec![member("operator-1")]);
        let who = Identity::Participant("operator-1".to_owned());
        let want = || (0..1_000).filter_map(|_| directory.enter(&who, 5).ok()).collect::<Vec<_>>();
        let places: Vec<_> = std::thread::scope(|scope| {
            let threads = [(); 4].map(|()| scope.spawn(want));
            threads.map(|thread| thread.join().unwrap()).into_iter().flatten().collect()
        });
        assert_eq!(places.len(), 5);
        drop(places);
        assert_eq!(directory.find(&who).unwrap().links(), 0);
    }

    #[test]
    fn a_place_taken_before_a_reload_comes_back_after_it() {
        let directory = Directory::default();
        directory.replace(vec![member("operator-1")]);
        let who = Identity::Participant("operator-1".to_owned());
        let before = directory.enter(&who, 1).unwrap();
        directory.replace(vec![member("operator-1")]);
        assert_eq!(directory.enter(&who, 1).unwrap_err(), Reason::TooManyLinks, "it is still there");
        drop(before);
        assert!(directory.enter(&who, 1).is_ok());
    }

    #[test]
    fn a_reload_gives_no_second_budget() {
        let directory = Directory::default();
        directory.replace(vec![member("operator-1")]);
        let who = Identity::Participant("operator-1".to_owned());
        let before = directory.enter(&who, 9).unwrap();
        let start = Instant::now() + Duration::from_secs(5);
        assert!(before.member().may_inquire(start) && before.member().may_inquire(start));
        directory.replace(vec![member("operator-1")]);
        let after = directory.enter(&who, 9).unwrap();
        assert!(!after.member().may_inquire(start), "over a new link");
        assert!(!before.member().may_inquire(start), "over the one that stands");
    }

    #[test]
    fn authorizes_come_at_their_rate_and_in_short_bursts() {
        let start = Instant::now() + Duration::from_secs(5);
        let free = member("operator-1");
        assert!((0..10_000).all(|_| free.may_authorize(start)), "without a limit as many as come");
        let limited = member("operator-1").with_authorizes(1_000);
        let at_once = (0..1_000).filter(|_| limited.may_authorize(start)).count();
        assert_eq!(at_once, 50, "a twentieth of a second's worth");
        let mut taken = 0;
        for ms in 1..=1_000 {
            let now = start + Duration::from_millis(ms);
            taken += (0..5).filter(|_| limited.may_authorize(now)).count();
        }
        assert_eq!(taken, 1_000);
        let slow = member("operator-1").with_authorizes(1);
        assert!(slow.may_authorize(start) && !slow.may_authorize(start), "one at least");
    }

    #[test]
    fn a_rate_is_reached_however_often_it_is_asked_for() {
        let limited = member("operator-1").with_authorizes(100_000);
        let start = Instant::now() + Duration::from_secs(5);
        let asked = (0..300_000).map(|n| start + Duration::from_nanos(n * 1_700));
        let taken = asked.filter(|now| limited.may_authorize(*now)).count();
        assert!((55_999..=56_001).contains(&taken), "51,000 in 0.51 s, and the burst of 5,000: {taken}");
    }

    #[test]
    fn inquiries_beyond_the_budget_wait_for_the_next_tokens() {
        let member = member("operator-1");
        let start = Instant::now() + Duration::from_secs(5);
        assert!(member.may_inquire(start) && member.may_inquire(start));
        assert!(!member.may_inquire(start));
        assert!(member.may_inquire(start + Duration::from_millis(500)));
        assert!(!member.may_inquire(start + Duration::from_millis(500)));
    }
}
