//! I9: no new hold takes its debtor above the cap, as the plan says it, whatever the switch was configured with.

use holdfast_core::Core;
use holdfast_core::fact::Reserved;
use holdfast_core::registry::Debtor;

use crate::sim::configuration::Configuration;
use crate::sim::plan::Plan;
use crate::sim::violation::{Verdict, ensure};

/// After a reservation.
pub(crate) fn check(core: &Core, reserved: &Reserved, plan: &Plan, now: &Configuration) -> Verdict {
    let debtor = match reserved.debtor {
        Debtor::Originator => reserved.originator,
        Debtor::Destination => reserved.destination,
        Debtor::Outside => return Ok(()),
    };
    let currency = reserved.request.currency;
    let cap = now.cap(plan, debtor, currency);
    let of = core.participants().find(|(record, ..)| record.number == debtor);
    let exposure = of.and_then(|(_, _, of)| of.iter().find(|p| p.currency == currency)).map(|p| p.exposure());
    let within = match (exposure, cap) {
        // Of several partitions each has its lease.
        (Some(exposure), Some(cap)) if core.partitions() == 1 => exposure <= cap,
        (Some(exposure), Some(_)) => core.lease(debtor, currency) >= Some(exposure),
        _ => false,
    };
    ensure!("I9", within, "{debtor} has {exposure:?} of {cap:?} after {:?}", reserved.request.id);
    Ok(())
}
