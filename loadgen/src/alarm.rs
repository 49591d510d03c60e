//! A timer exact to microseconds: the runtime's own timer counts milliseconds, which would show up as lag.

use std::io;
use std::os::fd::OwnedFd;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};
use tokio::io::unix::AsyncFd;

/// Wakes its task at a time.
#[derive(Debug)]
pub struct Alarm {
    timer: AsyncFd<OwnedFd>,
    set_for: Option<Instant>,
}

impl Alarm {
    /// An alarm that is not set. Must be called inside a runtime.
    ///
    /// # Errors
    /// Where the process has no file descriptor left.
    pub fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = rustix::time::timerfd_create(TimerfdClockId::Monotonic, flags)?;
        #[expect(unsafe_code, reason = "the descriptor is owned by the AsyncFd and closed only with it")]
        // SAFETY: `OwnedFd` returns the same open descriptor from `as_raw_fd` as long as it lives.
        let timer = unsafe { AsyncFd::register(timer)? };
        Ok(Self { timer, set_for: None })
    }

    /// Sets it, instead of what it was set for.
    ///
    /// # Errors
    /// Those of the system call, none of which is expected.
    pub fn set(&mut self, when: Instant) -> io::Result<()> {
        if self.set_for == Some(when) {
            return Ok(());
        }
        // Zero would switch the timer off.
        let wait = when.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
        let zero = Timespec { tv_sec: 0, tv_nsec: 0 };
        let value = Timespec {
            tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(wait.subsec_nanos()),
        };
        let times = Itimerspec { it_interval: zero, it_value: value };
        rustix::time::timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &times)?;
        self.set_for = Some(when);
        Ok(())
    }

    /// Ready once after the time it was set for.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let mut guard = std::task::ready!(self.timer.poll_read_ready(cx))?;
            let mut expirations = [0_u8; 8];
            match rustix::io::read(self.timer.get_ref(), &mut expirations) {
                Ok(_) => {
                    self.set_for = None;
                    return Poll::Ready(Ok(()));
                }
                Err(rustix::io::Errno::AGAIN) => guard.clear_ready(),
                Err(error) => return Poll::Ready(Err(error.into())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    #[test]
    fn it_rings_after_its_time_and_not_before() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut alarm = Alarm::new().unwrap();
            for wait in [Duration::from_micros(300), Duration::from_millis(3), Duration::ZERO] {
                let when = Instant::now() + wait;
                alarm.set(when).unwrap();
                poll_fn(|cx| alarm.poll(cx)).await.unwrap();
                assert!(Instant::now() >= when);
            }
        });
    }

    #[test]
    fn setting_it_anew_moves_it() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut alarm = Alarm::new().unwrap();
            let start = Instant::now();
            alarm.set(start + Duration::from_secs(3_600)).unwrap();
            alarm.set(start + Duration::from_millis(1)).unwrap();
            poll_fn(|cx| alarm.poll(cx)).await.unwrap();
            assert!(start.elapsed() < Duration::from_secs(600));
        });
    }
}
