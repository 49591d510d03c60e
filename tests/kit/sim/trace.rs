//! What happened last. Kept only when asked for: a run is a function of its seed, so what failed is played again to see it.

use std::collections::VecDeque;
use std::fmt;

use holdfast_protocol::UnixMillis;

use super::plan::START;

/// Events that are kept.
const KEPT: usize = 60;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    kept: Option<VecDeque<String>>,
    aloud: bool,
    pub(crate) step: u64,
}

impl Trace {
    /// Keeps what happened last, and says everything at once if it is to be `aloud`.
    pub(crate) fn kept(aloud: bool) -> Self {
        Self { kept: Some(VecDeque::new()), aloud, step: 0 }
    }

    pub(crate) fn note(&mut self, now: UnixMillis, event: impl FnOnce() -> String) {
        let Some(kept) = self.kept.as_mut() else { return };
        let line = Line { step: self.step, at_ms: now.since(START), event: event() }.to_string();
        if self.aloud {
            println!("{line}");
        }
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(line);
    }

    pub(crate) fn into_events(self) -> Vec<String> {
        self.kept.map(Vec::from).unwrap_or_default()
    }
}

struct Line {
    step: u64,
    at_ms: u64,
    event: String,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>6} {:>9} ms  {}", self.step, self.at_ms, self.event)
    }
}
