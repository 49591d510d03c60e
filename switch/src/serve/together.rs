//! Partitions that a crash left different are made the same before they take requests: orders and cutovers are facts in the journal
//! of each, and the process may have ended between two of them.

use holdfast_core::Input;
use holdfast_core::registry::{ParticipantRecord, ParticipantStatus, Route};
use holdfast_journal::Log;
use holdfast_protocol::{BusinessDate, UnixMillis};
use tracing::info;

use crate::driver::{Driver, Seam};

/// Configures all drivers. They get the latest business date of any, for it never goes back, and of the statuses of a participant the
/// strictest, for whoever set another has had no answer yet.
pub fn bring_together<L: Log, S: Seam>(
    drivers: &mut [&mut Driver<L, S>],
    participants: &[ParticipantRecord],
    routes: &[Route],
    now: UnixMillis,
) {
    let date = drivers.iter().filter_map(|driver| driver.core().business_date()).max();
    let date = date.unwrap_or_else(|| BusinessDate::from_utc(now));
    let configured = Input::Configure(participants.to_vec(), routes.to_vec());
    for driver in &mut *drivers {
        driver.command(now, &configured);
        if driver.core().business_date().is_none_or(|own| own < date) {
            driver.command(now, &Input::CutOver(date));
        }
    }
    for participant in participants {
        let number = participant.number;
        let statuses: Vec<_> = drivers.iter().map(|driver| status(driver, participant)).collect();
        let Some(strictest) = statuses.iter().flatten().copied().max_by_key(|status| strictness(*status))
        else {
            continue;
        };
        for (driver, own) in drivers.iter_mut().zip(statuses) {
            if own != Some(strictest) {
                info!(participant = participant.name, ?strictest, "status of another partition taken over");
                driver.command(now, &Input::SetStatus(number, strictest));
            }
        }
    }
}

fn status<L: Log, S: Seam>(
    driver: &Driver<L, S>,
    participant: &ParticipantRecord,
) -> Option<ParticipantStatus> {
    let mut all = driver.core().participants();
    all.find(|(record, ..)| record.number == participant.number).map(|(_, status, _)| status)
}

const fn strictness(status: ParticipantStatus) -> u8 {
    match status {
        ParticipantStatus::Active => 0,
        ParticipantStatus::Draining => 1,
        ParticipantStatus::Suspended => 2,
    }
}
