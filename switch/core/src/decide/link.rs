//! Links come and go. A lost link leaves a transaction pending: before the deadline the forward goes to the same
//! instance again, or to another where the instances share their deduplication, as far as windows have room. Deliveries
//! that the link had not acknowledged follow the same rule, without a deadline.

use super::{Desk, deliver};
use crate::input::From;

/// A link came, or its window grew: what waited for it may leave.
pub(crate) fn up(desk: &mut Desk<'_>, from: From) {
    deliver::forward_again(desk, from.participant);
    deliver::pump(desk, from.participant);
}

pub(crate) fn lost(desk: &mut Desk<'_>, from: From) {
    desk.schedule.link_lost(desk.ledger, from.participant, from.session);
    up(desk, from);
}
