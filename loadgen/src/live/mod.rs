//! What a person at a terminal sees while a run goes on, and the keys that steer it.
//!
//! Drawing must not disturb what is measured. The thread that plays hands over a [`Snapshot`] for each slice of time, which it
//! made anyway, and never waits for the screen: where that is behind, snapshots pile up no further than a bound and are
//! dropped. Everything else happens on a thread of its own at low priority: keys, the machine's own figures, the pictures.
//!
//! Absent on purpose: any figure that the report does not have. The screen shows slices of a tenth of a second, good for a
//! look and not for a judgement.

mod draw;
mod errand;
mod gauges;
mod heat;
mod keys;
mod screen;
mod snapshot;
pub mod svg;
mod view;

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

pub use draw::draw;
pub use errand::Errand;
pub use gauges::Gauges;
pub use keys::order_of;
pub use screen::is_usable;
pub use snapshot::{Phase, RateBy, Setting, Snapshot};
pub use view::{Palette, View};

use crate::cli::{Format, OutputArguments};
use crate::steering::Order;

/// Whether a screen was asked for, and there is somebody to look at it.
pub fn is_wanted(to: &OutputArguments) -> bool {
    !to.quiet && !to.plain && to.format == Format::Text && is_usable()
}

/// Snapshots that may wait for the screen: seconds of them.
const SNAPSHOTS_MAX: usize = 64;
/// Keys that may wait for the run.
const ORDERS_MAX: usize = 64;

/// The screen of a run; the terminal is as it was when this is gone.
#[derive(Debug)]
pub struct Live {
    snapshots: Option<SyncSender<Snapshot>>,
    orders: Receiver<Order>,
    thread: Option<JoinHandle<()>>,
}

impl Live {
    /// Takes the terminal.
    ///
    /// # Errors
    /// Where the terminal refuses, or no thread can be started.
    pub fn begin(setting: Setting) -> std::io::Result<Self> {
        let (snapshots, seen) = sync_channel(SNAPSHOTS_MAX);
        let (asked, orders) = sync_channel(ORDERS_MAX);
        let screen = screen::Screen::take()?;
        let thread = std::thread::Builder::new()
            .name("screen".to_owned())
            .spawn(move || screen.show(View::new(setting, Palette::of_environment()), &seen, &asked))?;
        Ok(Self { snapshots: Some(snapshots), orders, thread: Some(thread) })
    }

    /// Shows what has happened; never waits.
    pub fn show(&self, snapshot: Snapshot) {
        let Some(snapshots) = &self.snapshots else { return };
        match snapshots.try_send(snapshot) {
            Ok(()) => {}
            // The screen is behind, or gone: the run is not.
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }

    /// What was asked for since the last time.
    pub fn order(&self) -> Option<Order> {
        self.orders.try_recv().ok()
    }

    /// Gives the terminal back.
    pub fn finish(&mut self) {
        self.snapshots = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!("the thread that draws panicked");
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.finish();
    }
}

#[cfg(test)]
mod tests;
