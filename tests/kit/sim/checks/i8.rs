//! I8: everything has a limit, and none is passed.

use holdfast::driver::{Driver, Seam};
use holdfast_journal::Log;

use crate::sim::plan::Plan;
use crate::sim::violation::{Verdict, ensure};

pub(crate) fn check<L: Log, S: Seam>(driver: &Driver<L, S>, plan: &Plan) -> Verdict {
    let (core, settings, queues) = (driver.core(), &plan.core, driver.queues());
    let at_most = |what: &str, count: u64, limit: u64| -> Verdict {
        ensure!("I8", count <= limit, "{count} {what}, more than {limit}");
        Ok(())
    };
    at_most("pending", core.pending(), u64::from(settings.pending_max))?;
    // A reversal opens again what was closed, and is never refused for want of room there.
    at_most("open", core.open(), u64::from(settings.open_max) + 200)?;
    at_most("remembered", core.remembered(), u64::from(settings.remembered_max))?;
    at_most("requests waiting", queues.work as u64, plan.driver.backlog_max as u64)?;
    for of in core.undelivered() {
        let limit = u64::from(settings.undelivered_for_destination_max);
        at_most("undelivered", of.messages, limit + 64)?;
        // A window for each link: what a link had that is gone is on its way no longer.
        let links = driver.view().receivers(of.destination).count() as u64;
        at_most("deliveries on their way", of.on_their_way, links * u64::from(settings.delivery_window))?;
    }
    for live in driver.sessions().iter() {
        let limit = plan.driver.outbound_bytes_max + ROOM_BYTES;
        let closing = live.outbound.closing().is_some();
        let queued = live.outbound.queued_bytes();
        // Repeats count, and what one chunk brings is counted before it is refused.
        let unanswered = live.outbound.unanswered();
        let most = if live.sign_on.receives { 0 } else { plan.request_window };
        ensure!("I8", unanswered <= most + 1, "{unanswered} requests are unanswered, more than {most}");
        ensure!("I8", closing || queued <= limit, "{queued} bytes wait for {:?}", live.from);
    }
    Ok(())
}

/// What one turn may add before the link is closed.
const ROOM_BYTES: usize = 256 << 10;
