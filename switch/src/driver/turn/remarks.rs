//! What the log says of refusals and of what does not fit, once in a while.

use std::time::Instant;

use holdfast_journal::Log;
use holdfast_protocol::{ParticipantNumber, Reason, ReasonClass};
use tracing::{info, warn};

use super::Driver;
use crate::driver::seam::Seam;
use crate::telemetry::{Matter, Oddity};

impl<L: Log, S: Seam> Driver<L, S> {
    /// Counts outcomes told to a participant, and says so where it was refused or the switch itself declined.
    pub(super) fn told(&mut self, participant: ParticipantNumber, reason: Reason, times: u64, at: Instant) {
        self.telemetry.driver.participants.of(participant).outcomes(reason, times);
        match reason.class() {
            ReasonClass::Refused | ReasonClass::Link => {
                if let Some(times) = self.remarks.due(Matter::Refused(participant, reason), times, at) {
                    let participant = self.name(participant);
                    warn!(participant, %reason, times, text = reason.text(), "requests refused");
                }
            }
            ReasonClass::SwitchDeclined => {
                if let Some(times) = self.remarks.due(Matter::Declined(participant, reason), times, at) {
                    let participant = self.name(participant);
                    info!(participant, %reason, times, text = reason.text(), "requests declined");
                }
            }
            // What a destination declines is between it and its clients.
            ReasonClass::DestinationDeclined | ReasonClass::None => {}
        }
    }

    /// What a participant sent has just been decided: says what of it did not fit.
    pub(super) fn odd(&mut self, participant: ParticipantNumber, before: &[(Oddity, u64)], at: Instant) {
        let now = Oddity::counts(self.core.counters());
        for ((oddity, before), (_, now)) in
            before.iter().zip(now).filter(|((_, before), (_, now))| now > before)
        {
            let matter = Matter::Odd(participant, *oddity);
            if let Some(times) = self.remarks.due(matter, now - before, at) {
                warn!(participant = self.name(participant), what = oddity.text(), times, "does not fit");
            }
        }
    }

    fn name(&self, participant: ParticipantNumber) -> String {
        self.core.record(participant).map_or_else(|| participant.to_string(), |record| record.name.clone())
    }
}
