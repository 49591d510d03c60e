//! The two marks of a business day (rules 26 and 27).

use holdfast_protocol::BusinessDate;

use super::Desk;
use crate::fact::Fact;

/// New work gets the next date; a date that does not follow the present one changes nothing.
pub(crate) fn cut_over(desk: &mut Desk<'_>, date: BusinessDate) {
    if desk.ledger.business_date.is_none_or(|now| now < date) {
        desk.fact(Fact::CutOver(date));
    }
}

/// Days before the present one close once nothing dated to them is pending. Each pending transaction ends within the
/// largest budget, so each day closes.
pub(crate) fn close_days(desk: &mut Desk<'_>) {
    let Some(today) = desk.ledger.business_date else { return };
    if desk.ledger.days.len() <= 1 {
        return;
    }
    let done: Vec<BusinessDate> =
        desk.ledger.days.range(..today).filter(|(_, pending)| **pending == 0).map(|(day, _)| *day).collect();
    for day in done {
        desk.fact(Fact::DayClosed(day));
    }
}
