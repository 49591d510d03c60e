//! The terminal itself: taken, drawn on, and given back however the program ends.

use std::io::{self, IsTerminal, Stderr, stderr, stdin};
use std::mem::ManuallyDrop;
use std::sync::Once;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError};
use std::time::{Duration, Instant};

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{self, Event};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;

use super::gauges::Meter;
use super::snapshot::Snapshot;
use super::view::View;
use super::{draw, order_of};
use crate::steering::Order;

/// How long the thread waits for a key before it looks at what came.
const LOOK: Duration = Duration::from_millis(50);
/// How often the screen is drawn at most.
const FRAME: Duration = Duration::from_millis(100);
/// Below the threads that play and below the switch.
const NICE: i32 = 10;

/// Whether there is somebody to look and to press keys: a terminal that understands more than lines, in whose foreground this
/// process is. From the background a program that takes the terminal would be stopped.
pub fn is_usable() -> bool {
    let dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    let foreground =
        || rustix::termios::tcgetpgrp(stdin()).is_ok_and(|group| group == rustix::process::getpgrp());
    stderr().is_terminal() && stdin().is_terminal() && !dumb && foreground()
}

/// The terminal in raw mode with a screen of its own; as it was before once this is dropped.
#[derive(Debug)]
pub(super) struct Screen {
    /// Given back by [`give_back`] and never dropped: what it does then it also says, and where the terminal was closed a
    /// program that says something there panics.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<Stderr>>>,
}

impl Screen {
    pub(super) fn take() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        // A panic must be readable, and the shell behind it usable; it comes before an abort, too.
        HOOK.call_once(|| {
            let before = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                give_back();
                before(panic);
            }));
        });
        enable_raw_mode()?;
        let taken = execute!(stderr(), EnterAlternateScreen)
            .and_then(|()| Terminal::new(CrosstermBackend::new(stderr())));
        if taken.is_err() {
            give_back();
        }
        Ok(Self { terminal: ManuallyDrop::new(taken?) })
    }

    /// Draws and listens until the other end hangs up.
    pub(super) fn show(mut self, mut view: View, seen: &Receiver<Snapshot>, asked: &SyncSender<Order>) {
        if let Err(error) = rustix::process::nice(NICE) {
            tracing::debug!(%error, "the thread that draws keeps its priority");
        }
        let mut meter = Meter::new(view.setting());
        let mut drawn: Option<Instant> = None;
        loop {
            loop {
                match seen.try_recv() {
                    Ok(snapshot) => view.take(snapshot),
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
            }
            if let Some(gauges) = meter.read() {
                view.take_gauges(gauges);
            }
            if drawn.is_none_or(|drawn| drawn.elapsed() >= FRAME) {
                drawn = Some(Instant::now());
                if let Err(error) = self.terminal.draw(|frame| draw(&view, frame)) {
                    return tracing::warn!(%error, "the screen cannot be drawn");
                }
            }
            match listen() {
                Ok(None) => {}
                Ok(Some(order)) => match asked.try_send(order) {
                    Ok(()) => {}
                    Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
                },
                Err(error) => return tracing::warn!(%error, "no keys can be read"),
            }
        }
    }
}

fn listen() -> io::Result<Option<Order>> {
    // A terminal that was closed is at its end for ever, and whoever reads keys from it would go on trying.
    let input = stdin();
    let mut keys = [PollFd::new(&input, PollFlags::IN)];
    let look = Timespec::try_from(LOOK).map_err(io::Error::other)?;
    match rustix::event::poll(&mut keys, Some(&look)) {
        // A signal, such as that of a new size.
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    if keys[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the terminal was closed"));
    }
    if !event::poll(Duration::ZERO)? {
        return Ok(None);
    }
    match event::read()? {
        Event::Key(key) => Ok(order_of(key)),
        // The next frame asks for the size.
        Event::Resize(..) | Event::FocusGained | Event::FocusLost | Event::Mouse(_) | Event::Paste(_) => {
            Ok(None)
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// The terminal as it was. Harmless where it was given back already.
fn give_back() {
    let left = execute!(stderr(), LeaveAlternateScreen, Show);
    if let Err(error) = disable_raw_mode().and(left) {
        tracing::warn!(%error, "the terminal could not be given back");
    }
}
