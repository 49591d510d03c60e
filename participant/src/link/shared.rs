//! What both halves of a link may read at any time, without a lock.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use holdfast_protocol::Welcome;

use crate::switch_clock::SwitchClock;

/// What the switch told this link.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: SwitchClock,
    pub(crate) welcome: Welcome,
    window: AtomicU32,
    draining: AtomicBool,
}

impl Shared {
    pub(crate) fn new(clock: SwitchClock, welcome: Welcome) -> Self {
        let window = AtomicU32::new(welcome.window);
        Self { clock, welcome, window, draining: AtomicBool::new(false) }
    }

    pub(crate) fn window(&self) -> u32 {
        self.window.load(Ordering::Relaxed)
    }

    pub(crate) fn set_window(&self, window: u32) {
        self.window.store(window, Ordering::Relaxed);
    }

    pub(crate) fn draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub(crate) fn set_draining(&self, draining: bool) {
        self.draining.store(draining, Ordering::Relaxed);
    }
}
