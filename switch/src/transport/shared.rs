//! What all links of the switch have in common, on all threads of links.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam::channel::{Sender, TrySendError};
use holdfast_core::view::SessionId;
use holdfast_protocol::{ParticipantNumber, Partition, Reason, UnixMillis};
use tokio::sync::Notify;
use tracing::warn;

use super::crowd::Crowd;
use crate::clock::Clock;
use crate::driver::Event;
use crate::session::control::{EchoTimes, Offer};
use crate::session::{Directory, Member};
use crate::telemetry::{Failures, Matter, Remarks, Telemetry};

/// Limits of links.
#[derive(Clone, Copy, Debug)]
pub struct LinkLimits {
    /// Threads of links.
    pub threads: usize,
    /// Links in all, on all threads, handshakes included.
    pub links_max: usize,
    /// Links of one participant.
    pub links_for_participant_max: u32,
    /// From the handshake to the last lane.
    pub sign_on_timeout: Duration,
    /// Bytes queued for a link that does not read before it is closed.
    pub outbound_bytes_max: usize,
    /// How often a peer is asked whether it lives.
    pub echo: EchoTimes,
    /// What a refusal beyond the window says about when to come again.
    pub retry_after_ms: u16,
}

/// How the driver is told that there is something to do.
#[derive(Clone, Debug)]
pub enum Wake {
    /// It is a task on the I/O thread.
    Task(Arc<Notify>),
    /// It has a thread of its own, which waits for this channel of one place.
    Thread(Sender<()>),
}

impl Wake {
    /// Tells it.
    pub fn wake(&self) {
        match self {
            Self::Task(notify) => notify.notify_one(),
            Self::Thread(signal) => match signal.try_send(()) {
                // Full means that it has been told already, and one that has ended needs no telling.
                Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
            },
        }
    }
}

/// The way to the driver of one partition.
#[derive(Clone, Debug)]
pub struct ToDriver {
    /// What it takes with its turns.
    pub events: Sender<Event>,
    /// How it is told.
    pub wake: Wake,
    /// What a welcome says to those whose home it is.
    pub offer: Offer,
}

/// What all links share.
#[derive(Debug)]
pub struct Shared {
    /// Who may connect.
    pub directory: Arc<Directory>,
    /// Limits of links.
    pub limits: LinkLimits,
    /// What links count.
    pub telemetry: Telemetry,
    clock: Arc<Mutex<Clock>>,
    /// By partition.
    drivers: Vec<ToDriver>,
    /// Held while all drivers are told the same: of two sign-ons of one instance each driver must end the same one.
    order: tokio::sync::Mutex<()>,
    pub(super) crowd: Crowd,
    places: Mutex<Places>,
    remarks: Mutex<Remarks>,
    handshakes: Mutex<Failures>,
}

/// Session ids: the low 16 bits are a place in the driver's table, free again once its link has ended.
#[derive(Debug, Default)]
struct Places {
    free: Vec<u16>,
    used: u16,
    given: u64,
}

impl Shared {
    /// Links of one switch.
    pub fn new(
        directory: Arc<Directory>,
        limits: LinkLimits,
        telemetry: Telemetry,
        clock: Arc<Mutex<Clock>>,
        drivers: Vec<ToDriver>,
    ) -> Self {
        Self {
            directory,
            limits,
            telemetry,
            clock,
            drivers,
            order: tokio::sync::Mutex::default(),
            crowd: Crowd::new(limits.links_max, limits.threads),
            places: Mutex::default(),
            remarks: Mutex::default(),
            handshakes: Mutex::default(),
        }
    }

    /// How many links each thread has: signed on or signing on.
    pub fn links_of_threads(&self) -> Vec<usize> {
        self.crowd.links()
    }

    /// The switch's time.
    pub fn now(&self) -> UnixMillis {
        self.clock.lock().unwrap_or_else(PoisonError::into_inner).now()
    }

    /// Counts what a session refused before the core saw it, and says so now and then.
    pub fn refused(&self, member: &Member, reasons: &[Reason]) {
        for reason in reasons {
            self.telemetry.links.refused.of(member.number).outcomes_shared(*reason, 1);
            if let Some(times) = self.remark(Matter::Refused(member.number, *reason)) {
                let participant = &member.name;
                warn!(participant, %reason, times, text = reason.text(), "requests refused");
            }
        }
    }

    /// Something happened once more; where it is time for a log line, how often since the line before.
    pub fn remark(&self, matter: Matter) -> Option<u64> {
        self.remarks.lock().unwrap_or_else(PoisonError::into_inner).due(matter, 1, Instant::now())
    }

    /// A handshake failed: the first of a burst is said at once.
    pub fn handshake_failed(&self, address: SocketAddr, cause: &str) {
        if self.handshakes.lock().unwrap_or_else(PoisonError::into_inner).add(cause) {
            warn!(%address, cause, "handshake failed");
        }
    }

    /// Once a second: says how many more handshakes failed, and why.
    pub fn sum_failed_handshakes(&self) {
        let sum = self.handshakes.lock().unwrap_or_else(PoisonError::into_inner).sum();
        if let Some((times, causes)) = sum {
            warn!(times, causes, "more handshakes failed");
        }
    }

    /// How many partitions there are.
    pub fn partitions(&self) -> u16 {
        u16::try_from(self.drivers.len()).expect("the configuration allows few")
    }

    /// What a welcome says to a participant.
    pub fn offer(&self, to: ParticipantNumber) -> &Offer {
        &self.drivers[usize::from(to.home(self.partitions()).0)].offer
    }

    /// Whether a link that takes so many forwards unanswered has some for each partition: without, the originators of one would wait
    /// for ever.
    pub fn is_enough(&self, window: u32) -> bool {
        window >= u32::from(self.partitions())
    }

    /// Tells one driver. Waits while it has more than it can take: this link is read no further, and QUIC's flow control tells
    /// its peer.
    pub async fn tell(&self, partition: Partition, mut event: Event) {
        let ToDriver { events, wake, .. } = &self.drivers[usize::from(partition.0)];
        loop {
            match events.try_send(event) {
                Ok(()) => return wake.wake(),
                Err(TrySendError::Full(back)) => {
                    event = back;
                    wake.wake();
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                // The driver has stopped, and soon this link will.
                Err(TrySendError::Disconnected(_)) => return,
            }
        }
    }

    /// Tells all drivers, in the same order as whatever else all are told.
    pub async fn tell_all(&self, event: &Event) {
        let _in_order = self.order.lock().await;
        for partition in (0..self.partitions()).map(Partition) {
            self.tell(partition, event.for_partition(partition, self.partitions())).await;
        }
    }

    /// A session id for a new link; `None` where all places are taken.
    pub fn enter(&self) -> Option<SessionId> {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        let place = match places.free.pop() {
            Some(place) => place,
            None => {
                let place = places.used;
                places.used = place.checked_add(1)?;
                place
            }
        };
        places.given += 1;
        Some(SessionId((places.given << 16) | u64::from(place)))
    }

    /// Gives a place back, after the driver was told that the link is down.
    pub fn leave(&self, session: SessionId) {
        let place = u16::try_from(session.0 & 0xffff).expect("masked to 16 bits");
        self.places.lock().unwrap_or_else(PoisonError::into_inner).free.push(place);
    }
}
