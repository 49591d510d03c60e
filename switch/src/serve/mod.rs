//! Puts the parts together: recovery, driver, links, administration, and the orderly stop.
//!
//! Threads: one for links or several, one for the journal, one that makes its segments, one that makes snapshots, one for the
//! archive, one for the admin interface, one for the steward, and one for the driver where there are several for links or the machine has more than
//! four cores. All end with [`Switch::stop`].

mod alarms;
mod archive;
mod clerk;
mod extract;
mod founding;
mod links;
mod partition;
mod ports;
mod posts;
pub(crate) mod priority;
pub mod recover;
mod report;
mod settings;
mod shell;
mod snapshots;
mod steward;
mod threads;
pub mod together;
pub(crate) mod transactions;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use holdfast_journal::{JournalFailure, OpenError};
use holdfast_link::TlsError;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::access;
use crate::admin::{AdminError, AdminThread, CommandSender};
use crate::config::Config;
use crate::telemetry::Telemetry;
use crate::transport::Wake;

/// Why a switch did not start or did not end well.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Certificates or keys.
    #[error("certificates: {0}")]
    Tls(#[from] TlsError),
    /// Certificates that are not there, and what makes them.
    #[error("certificates: {source}; {next_step}")]
    NoCertificates {
        /// Which, and why.
        source: Box<TlsError>,
        /// What to do.
        next_step: String,
    },
    /// Another process has both the journal and the admin address: most likely this very switch.
    #[error(
        "the journal {} is in use by another process, and so is the admin address {admin}: does this switch run \
         already? `holdfast status --admin {admin}` shows it",
        journal.display()
    )]
    RunsAlready {
        /// The journal's directory.
        journal: PathBuf,
        /// The admin address.
        admin: SocketAddr,
    },
    /// The journal could not be opened.
    #[error("{}", access::of_journal(.0))]
    Open(#[from] OpenError),
    /// The journal ended.
    #[error("journal: {0}")]
    Journal(Arc<JournalFailure>),
    /// An address could not be bound.
    #[error("cannot listen on {address}: {source}{}", ports::what_to_do(source))]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The configuration does not go with what the journal holds.
    #[error("the configuration does not fit the journal: {0}")]
    Configuration(String),
    /// The system gave no thread or runtime.
    #[error("the system refused a thread or a runtime: {0}")]
    System(#[from] std::io::Error),
    /// The admin interface could not start.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// A socket failed while the switch ran.
    #[error("an endpoint failed, participants were not heard there any more, and so the switch has stopped")]
    Endpoint,
    /// The journal is of other partitions, or some of it is missing.
    #[error("{0}")]
    Partitions(String),
    /// A thread ended without a word.
    #[error("a thread of the switch ended without a word")]
    Thread,
}

/// Asks the driver to finish what is in flight and end.
#[derive(Clone, Debug)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    wake: Wake,
}

impl Stop {
    /// Asks; the second time is as the first.
    pub fn ask(&self) {
        self.asked.store(true, Ordering::Release);
        self.wake.wake();
    }

    fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Acquire)
    }
}

/// A running switch.
#[derive(Debug)]
pub struct Switch {
    /// Where participants dial, with the ports that were given for port 0.
    pub addresses: Vec<SocketAddr>,
    /// Where the admin interface listens.
    pub admin: SocketAddr,
    /// To ask it something.
    pub commands: CommandSender,
    /// To end it.
    pub stop: Stop,
    telemetry: Telemetry,
    links: JoinHandle<Result<(), ServeError>>,
    ended: oneshot::Receiver<()>,
    admin_thread: AdminThread,
}

impl Switch {
    /// Recovers the journal, and returns once participants can dial.
    ///
    /// # Errors
    /// Whatever stands in the way; nothing runs then.
    pub fn start(config: Config) -> Result<Self, ServeError> {
        threads::start(config)
    }

    /// Waits until it has ended, after [`Stop::ask`].
    ///
    /// # Errors
    /// Where not everything could be made durable.
    pub fn wait(self) -> Result<(), ServeError> {
        let ended = self.links.join().map_err(|_| ServeError::Thread)?;
        self.admin_thread.stop();
        ended
    }

    /// Returns when its threads are about to end. May be awaited again while it has not returned.
    pub async fn ended(&mut self) {
        let ended = (&mut self.ended).await;
        debug_assert!(ended.is_err(), "the sender is never used: it is dropped when the links' thread ends");
    }

    /// Asks and waits.
    ///
    /// # Errors
    /// As [`Self::wait`].
    pub fn stop(self) -> Result<(), ServeError> {
        self.stop.ask();
        self.wait()
    }

    /// Whether it takes work.
    pub fn is_ready(&self) -> bool {
        self.telemetry.is_ready()
    }
}

/// Runs a switch until SIGTERM or SIGINT, then stops it in order; a second signal ends the process at once.
///
/// # Errors
/// Whatever kept it from starting or from ending well.
pub fn until_signal(config: Config) -> Result<(), ServeError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut terminate, mut interrupt) = runtime.block_on(async {
        Ok::<_, std::io::Error>((signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?))
    })?;
    let mut switch = Switch::start(config)?;
    let signalled = runtime.block_on(async {
        tokio::select! {
            _ = terminate.recv() => true,
            _ = interrupt.recv() => true,
            () = switch.ended() => false,
        }
    });
    if !signalled {
        return switch.wait();
    }
    let stop = switch.stop.clone();
    runtime.block_on(async {
        stop.ask();
        tokio::select! {
            () = switch.ended() => {}
            _ = terminate.recv() => std::process::exit(1),
            _ = interrupt.recv() => std::process::exit(130),
        }
    });
    switch.wait()
}
