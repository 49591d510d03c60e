//! A directory whose new files are noticed as they are made, without asking it again and again.

use std::fmt;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::OwnedFd;
use rustix::fs::inotify::{CreateFlags, Reader, WatchFlags, add_watch, init};
use rustix::io::Errno;

use crate::wait::wait_until;

/// Of one wait in the kernel.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// See the module.
pub struct Watch {
    directory: PathBuf,
    events: OwnedFd,
}

impl Watch {
    /// Of what is made in a directory from now on.
    pub fn of(directory: &Path) -> Self {
        let events = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).unwrap();
        add_watch(&events, directory, WatchFlags::CREATE).unwrap();
        Self { directory: directory.to_owned(), events }
    }

    /// The next file that is made with such an end to its name.
    pub fn next(&self, suffix: &str, limit: Duration) -> PathBuf {
        wait_until(&format!("a file *{suffix} is made"), limit, || {
            let mut asked = [PollFd::new(&self.events, PollFlags::IN)];
            // A signal to the test costs a look.
            if poll(&mut asked, Some(&LOOK)) == Err(Errno::INTR) {
                return None;
            }
            let mut buffer = [MaybeUninit::uninit(); 4_096];
            let mut made = Reader::new(&self.events, &mut buffer);
            loop {
                let name = match made.next() {
                    Ok(event) => event.file_name().and_then(|name| name.to_str().ok().map(str::to_owned)),
                    Err(Errno::WOULDBLOCK) => return None,
                    Err(error) => panic!("inotify: {error}"),
                };
                if let Some(name) = name.filter(|name| name.ends_with(suffix)) {
                    return Some(self.directory.join(name));
                }
            }
        })
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("directory", &self.directory).finish_non_exhaustive()
    }
}
