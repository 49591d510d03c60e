//! The thread of the admin interface: its own runtime, its socket, and SIGHUP.

use std::net::{SocketAddr, TcpListener};
use std::thread::JoinHandle;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tracing::{Dispatch, dispatcher};

use super::command::CommandSender;
use super::server::{Desk, router};
use crate::config::Config;
use crate::serve::priority::give_back;
use crate::telemetry::Telemetry;

/// Why there is no admin interface.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// It shows positions and takes orders without asking who it is; nobody else may reach it.
    #[error("admin = \"{0}\" is not a loopback address: only this machine may reach the admin interface")]
    NotLoopback(SocketAddr),
    /// The address is taken, or not ours.
    #[error("admin = \"{address}\": {source}{}", who_has_it(source))]
    Bind {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// No thread, runtime or signal handler.
    #[error("admin interface: {0}")]
    Start(std::io::Error),
}

/// What to do where an address is taken; nothing for other errors.
pub(crate) fn who_has_it(source: &std::io::Error) -> &'static str {
    match source.kind() {
        std::io::ErrorKind::AddrInUse => {
            "; `ss -lntup` says who has it: end that, or let the configuration name another"
        }
        _ => "",
    }
}

/// The running admin interface. Dropping it ends it too, without waiting for it.
#[derive(Debug)]
pub struct AdminThread {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl AdminThread {
    /// Binds `config.admin` and serves it on a thread of its own; takes over SIGHUP, which reloads.
    ///
    /// # Errors
    ///
    /// Where the address is not loopback or cannot be bound, or the thread cannot be started.
    pub fn start(config: Config, telemetry: Telemetry, commands: CommandSender) -> Result<Self, AdminError> {
        let asked = config.admin;
        if !asked.ip().is_loopback() {
            return Err(AdminError::NotLoopback(asked));
        }
        let bind = |source| AdminError::Bind { address: asked, source };
        let listener = TcpListener::bind(asked).map_err(bind)?;
        listener.set_nonblocking(true).map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(AdminError::Start)?;
        let desk = Desk::new(telemetry, commands, config);
        let (stop, stopped) = oneshot::channel();
        // Registered before start returns: a SIGHUP that comes now must not end the process.
        let hangups = runtime.block_on(async { signal(SignalKind::hangup()) }).map_err(AdminError::Start)?;
        let listener = runtime
            .block_on(async { tokio::net::TcpListener::from_std(listener) })
            .map_err(AdminError::Start)?;
        let log = dispatcher::get_default(Dispatch::clone);
        let serve = move || {
            give_back();
            runtime.block_on(run(listener, desk, hangups, stopped));
        };
        let thread = std::thread::Builder::new()
            .name("admin".to_owned())
            .spawn(move || dispatcher::with_default(&log, serve))
            .map_err(AdminError::Start)?;
        Ok(Self { address, stop, thread })
    }

    /// Where it listens; the port that was found where 0 was asked for.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends it; requests under way are cut off.
    pub fn stop(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("the admin thread had ended in a panic");
        }
    }
}

async fn run(
    listener: tokio::net::TcpListener,
    desk: Desk,
    mut hangups: tokio::signal::unix::Signal,
    stopped: oneshot::Receiver<()>,
) {
    let reloads = async {
        while hangups.recv().await.is_some() {
            // What came of it stands in the log by then.
            if let Err(error) = desk.reload("SIGHUP").await {
                tracing::debug!(%error, "everything runs on as it was");
            }
        }
    };
    tokio::select! {
        // Serving and reloading have no end of their own; the sender's end, by a stop or a drop, is ours.
        ended = async { axum::serve(listener, router(desk.clone())).await } => {
            if let Err(error) = ended {
                tracing::error!(%error, "the admin interface ended");
            }
        }
        () = reloads => {}
        _ = stopped => {}
    }
}
