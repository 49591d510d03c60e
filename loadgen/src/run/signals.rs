//! What the user or the system says to the process: SIGINT and SIGTERM alike ask for an end in good order.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Both signals, heard from now on: one that comes while nobody waits is not lost.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn hear() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// The next.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Waits for the user, or whoever looks after the process, to ask for the end.
pub(crate) async fn interrupted() {
    match Signals::hear() {
        Ok(mut signals) => signals.next().await,
        Err(_) => std::future::pending().await,
    }
}
