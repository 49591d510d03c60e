//! Where the arrivals of an operator come from: a schedule that is drawn as it is needed, or a trace. Whoever plays them cannot
//! tell.

use crate::trace::Replayed;
use crate::traffic::arrival::Arrival;
use crate::traffic::schedule::Schedule;

/// See the module. In the order of time.
#[derive(Debug)]
pub enum Arrivals {
    /// Drawn.
    Drawn(Box<Schedule>),
    /// Read.
    Replayed(Replayed),
}

impl From<Schedule> for Arrivals {
    fn from(schedule: Schedule) -> Self {
        Self::Drawn(Box::new(schedule))
    }
}

impl From<Replayed> for Arrivals {
    fn from(replayed: Replayed) -> Self {
        Self::Replayed(replayed)
    }
}

impl Arrivals {
    /// Changes the rate from the last arrival on, where it is drawn and constant. A trace stays what it is.
    pub fn change_rate(&mut self, factor: f64) {
        match self {
            Self::Drawn(schedule) => schedule.change_rate(factor),
            Self::Replayed(_) => {}
        }
    }
}

impl Iterator for Arrivals {
    type Item = Arrival;

    #[inline]
    fn next(&mut self) -> Option<Arrival> {
        match self {
            Self::Drawn(schedule) => schedule.next(),
            Self::Replayed(replayed) => replayed.next(),
        }
    }
}
