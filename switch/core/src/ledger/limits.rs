//! What an originator used of its limits on the current business date (SW-12, rule 22).
//!
//! The count counts what was accepted; the amount gives back whatever ends without staying captured. What is given back
//! for an earlier date changes nothing: that date takes no new work.

use holdfast_protocol::{Amount, BusinessDate, Currency, Reason, SecurityLevel, Total};

use crate::registry::CurrencyLimits;

/// What was used at one security level in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// At which level.
    pub level: SecurityLevel,
    /// In which currency.
    pub currency: Currency,
    /// On which date.
    pub date: BusinessDate,
    /// What was accepted, less what ended without staying captured.
    pub amount: Total,
    /// How many were accepted.
    pub count: u64,
}

/// All of one participant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usages(Vec<Usage>);

impl Usages {
    fn current(&self, level: SecurityLevel, currency: Currency, date: BusinessDate) -> Option<&Usage> {
        self.0.iter().find(|u| u.level == level && u.currency == currency && u.date == date)
    }

    /// Why an amount is not within the limits.
    pub(crate) fn check(
        &self,
        limits: CurrencyLimits,
        level: SecurityLevel,
        currency: Currency,
        date: BusinessDate,
        amount: Amount,
    ) -> Result<(), Reason> {
        if limits.amount.is_some_and(|limit| amount > limit) {
            return Err(Reason::AmountLimitExceeded);
        }
        if limits.daily_amount.is_none() && limits.daily_count.is_none() {
            return Ok(());
        }
        let (used, count) =
            self.current(level, currency, date).map_or((Total::ZERO, 0), |u| (u.amount, u.count));
        let after = used.plus(amount).expect("fewer than 2^80 payments in a day");
        if limits.daily_amount.is_some_and(|limit| after > limit) {
            return Err(Reason::DailyAmountLimitExceeded);
        }
        if limits.daily_count.is_some_and(|limit| count >= limit) {
            return Err(Reason::DailyCountLimitExceeded);
        }
        Ok(())
    }

    pub(crate) fn count(
        &mut self,
        level: SecurityLevel,
        currency: Currency,
        date: BusinessDate,
        amount: Amount,
    ) {
        let fits = "fewer than 2^80 payments in a day";
        match self.0.iter_mut().find(|u| u.level == level && u.currency == currency) {
            Some(usage) if usage.date == date => {
                usage.amount = usage.amount.plus(amount).expect(fits);
                usage.count += 1;
            }
            Some(usage) => *usage = Usage { level, currency, date, amount: Total::from(amount), count: 1 },
            None => self.0.push(Usage { level, currency, date, amount: Total::from(amount), count: 1 }),
        }
    }

    pub(crate) fn give_back(
        &mut self,
        level: SecurityLevel,
        currency: Currency,
        date: BusinessDate,
        amount: Amount,
    ) {
        if let Some(usage) = self.0.iter_mut().find(|u| u.level == level && u.currency == currency)
            && usage.date == date
        {
            usage.amount = usage.amount.less(amount).expect("it was counted before");
        }
    }

    pub(crate) const fn restored(usages: Vec<Usage>) -> Self {
        Self(usages)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Usage> {
        self.0.iter()
    }
}
