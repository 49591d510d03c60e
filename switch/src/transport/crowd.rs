//! How many links stand and how many handshakes are under way, over all addresses and all threads of links.
//!
//! Invariant I8: links and handshakes together are never more than there are places, and unfinished handshakes never more than
//! half as many. When those are all taken, the oldest gives way to the newest, on whichever thread it is: whoever means it is
//! done in a few round trips, and whoever never finishes only displaces himself.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::task::{AbortHandle, Id};

/// See the module.
#[derive(Debug)]
pub(super) struct Crowd {
    /// Places for links in all, handshakes included.
    places: usize,
    counts: Mutex<Counts>,
}

#[derive(Debug)]
struct Counts {
    /// Links that stand, on each thread.
    links: Vec<usize>,
    /// Handshakes that did not become links yet, the oldest first.
    handshakes: VecDeque<AbortHandle>,
}

/// What becomes of somebody who dials.
#[derive(Debug)]
pub(super) enum Dial<'a> {
    /// All places are taken.
    Refused,
    /// It is crowded: his address must show first that it is real.
    AddressAsked,
    /// He has a place.
    Begins(Place<'a>),
}

/// A place for a handshake; nobody else enters or leaves until it is taken.
#[derive(Debug)]
pub(super) struct Place<'a> {
    counts: MutexGuard<'a, Counts>,
    /// Unfinished handshakes that gave way.
    pub(super) displaced: u64,
}

impl Place<'_> {
    /// For this handshake.
    pub(super) fn take(mut self, handshake: AbortHandle) {
        self.counts.handshakes.push_back(handshake);
    }
}

impl Crowd {
    /// Nobody yet, on so many threads.
    pub(super) fn new(places: usize, threads: usize) -> Self {
        Self { places, counts: Mutex::new(Counts { links: vec![0; threads], handshakes: VecDeque::new() }) }
    }

    /// Somebody dials, from an address that has shown itself or not.
    pub(super) fn dial(&self, validated: bool) -> Dial<'_> {
        let (mut counts, places) = (self.counts(), self.places);
        let links: usize = counts.links.iter().sum();
        if links >= places {
            return Dial::Refused;
        }
        let crowded = links + counts.handshakes.len() >= places / 2;
        if crowded && !validated {
            return Dial::AddressAsked;
        }
        let most = (places / 2).max(1).min(places - links);
        let mut displaced = 0;
        while counts.handshakes.len() >= most && counts.displace_oldest() {
            displaced += 1;
        }
        // Those that are left are done, and links in a moment.
        if links + counts.handshakes.len() >= places {
            return Dial::Refused;
        }
        Dial::Begins(Place { counts, displaced })
    }

    /// A handshake came to nothing.
    pub(super) fn failed(&self, handshake: Id) {
        self.counts().forget(handshake);
    }

    /// A handshake became a link of this thread.
    pub(super) fn stands(&self, handshake: Id, thread: usize) {
        let mut counts = self.counts();
        counts.forget(handshake);
        counts.links[thread] += 1;
    }

    /// A link of this thread has ended.
    pub(super) fn ended(&self, thread: usize) {
        self.counts().links[thread] -= 1;
    }

    /// How many links stand, on each thread.
    pub(super) fn links(&self) -> Vec<usize> {
        self.counts().links.clone()
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn forget(&mut self, handshake: Id) {
        self.handshakes.retain(|task| task.id() != handshake);
    }

    /// Returns whether there was one to displace.
    fn displace_oldest(&mut self) -> bool {
        let oldest = self.handshakes.iter().position(|task| !task.is_finished());
        let Some(oldest) = oldest.and_then(|at| self.handshakes.remove(at)) else { return false };
        oldest.abort();
        true
    }
}

#[cfg(test)]
mod tests {
    use tokio::runtime::{Builder, Runtime};
    use tokio::task::JoinHandle;

    use super::*;

    /// Two threads of links, whose tasks run when told.
    fn threads() -> [Runtime; 2] {
        [(); 2].map(|()| Builder::new_current_thread().build().unwrap())
    }

    /// A handshake that nobody finishes.
    fn begins(crowd: &Crowd, thread: &Runtime) -> JoinHandle<()> {
        let Dial::Begins(place) = crowd.dial(true) else { panic!("there is a place: {crowd:?}") };
        let task = thread.spawn(std::future::pending());
        place.take(task.abort_handle());
        task
    }

    #[test]
    fn the_oldest_handshake_gives_way_on_whichever_thread_it_is() {
        let (crowd, [one, two]) = (Crowd::new(4, 2), threads());
        let oldest = begins(&crowd, &one);
        let second = begins(&crowd, &two);
        assert!(matches!(crowd.dial(false), Dial::AddressAsked), "half of the places are taken");
        let third = begins(&crowd, &two);
        assert!(one.block_on(oldest).unwrap_err().is_cancelled());
        assert!(!second.is_finished() && !third.is_finished());
        let fourth = begins(&crowd, &one);
        assert!(two.block_on(second).unwrap_err().is_cancelled());
        assert!(!third.is_finished() && !fourth.is_finished());
    }

    #[test]
    fn links_of_all_threads_fill_the_places() {
        let (crowd, [one, two]) = (Crowd::new(3, 2), threads());
        for (thread, runtime) in [(0, &one), (1, &two), (1, &two)] {
            let handshake = begins(&crowd, runtime);
            crowd.stands(handshake.id(), thread);
        }
        assert_eq!(crowd.links(), [1, 2]);
        assert!(matches!(crowd.dial(true), Dial::Refused));
        crowd.ended(1);
        let handshake = begins(&crowd, &one);
        crowd.failed(handshake.id());
        assert_eq!(crowd.links(), [1, 1]);
        assert!(matches!(crowd.dial(true), Dial::Begins(_)));
    }

    #[test]
    fn a_handshake_that_is_done_keeps_its_place_until_it_is_a_link() {
        let (crowd, [one, _]) = (Crowd::new(1, 2), threads());
        let Dial::Begins(place) = crowd.dial(true) else { panic!("there is a place") };
        let done = one.spawn(async {});
        place.take(done.abort_handle());
        let id = done.id();
        one.block_on(done).unwrap();
        assert!(matches!(crowd.dial(true), Dial::Refused));
        crowd.stands(id, 0);
        assert!(matches!(crowd.dial(true), Dial::Refused));
        crowd.ended(0);
        assert!(matches!(crowd.dial(true), Dial::Begins(_)));
    }
}
