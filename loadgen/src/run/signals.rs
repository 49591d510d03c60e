//! What the user or the system says to the process: SIGINT and SIGTERM alike ask for an end in good order.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Both signals, heard from now on: one that comes while nobody waits is not lost. Once they were heard, neither ends the process by
/// itself any more, so whoever hears them must go on listening, or hand them to who does.
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    /// Hears them from now on.
    ///
    /// # Errors
    /// Where the machine refuses.
    pub(crate) fn hear() -> std::io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// The next.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Signals are heard by everybody in the process: tests that send one, and tests that make runs, take turns.
#[cfg(test)]
pub(crate) static IN_TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

#[cfg(test)]
mod tests {
    use rustix::process::{Signal as Number, getpid, kill_process};

    use super::*;

    /// What comes while something else is done is found at the next look.
    #[tokio::test]
    async fn a_signal_that_comes_between_two_looks_is_not_lost() {
        let _turn = IN_TURN.lock().await;
        let (mut signals, mut others) = (Signals::hear().unwrap(), Signals::hear().unwrap());
        for number in [Number::INT, Number::TERM] {
            kill_process(getpid(), number).unwrap();
            others.next().await;
            tokio::select! {
                biased;
                () = signals.next() => {}
                () = std::future::ready(()) => panic!("{number:?} was lost"),
            }
        }
    }
}
