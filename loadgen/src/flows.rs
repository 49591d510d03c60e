//! Money as operators and destinations count it, apart from the switch and from each other.

use std::ops::AddAssign;

/// Sums in minor units of one currency between one operator and one destination.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flow {
    /// Captured by payments.
    pub pay_captured: i128,
    /// Captured from reservations.
    pub reserve_captured: i128,
    /// Payments reversed.
    pub pay_reversed: i128,
    /// Captures of reservations reversed.
    pub reserve_reversed: i128,
    /// Payments refunded.
    pub refunded: i128,
    /// Refunds reversed.
    pub refund_reversed: i128,
}

impl Flow {
    /// Captured, and neither reversed nor refunded.
    pub const fn net(&self) -> i128 {
        self.pay_captured + self.reserve_captured + self.refund_reversed
            - self.pay_reversed
            - self.reserve_reversed
            - self.refunded
    }
}

impl AddAssign for Flow {
    fn add_assign(&mut self, other: Self) {
        self.pay_captured += other.pay_captured;
        self.reserve_captured += other.reserve_captured;
        self.pay_reversed += other.pay_reversed;
        self.reserve_reversed += other.reserve_reversed;
        self.refunded += other.refunded;
        self.refund_reversed += other.refund_reversed;
    }
}
