//! Money: an amount in minor units, and the currency it is in.

use std::fmt;
use std::sync::LazyLock;

/// Money in the minor unit of its currency.
///
/// Missing on purpose: `Add`, `Sub`, `Default`, `From<u64>`, anything with `f64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(u64);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// Twelve digits, the width of ISO 8583 field 4: what we cannot forward we do not accept.
    pub const MAX: Self = Self(999_999_999_999);

    /// `None` above [`Self::MAX`].
    pub const fn from_minor(minor: u64) -> Option<Self> {
        if minor <= Self::MAX.0 { Some(Self(minor)) } else { None }
    }

    /// Minor units.
    pub const fn minor(self) -> u64 {
        self.0
    }

    /// Whether it is nothing.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The sum, if it is still an amount.
    #[must_use]
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Self::from_minor(sum),
            None => None,
        }
    }

    /// The difference, if `other` is not larger.
    #[must_use]
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Self(rest)),
            None => None,
        }
    }
}

/// A sum of amounts in minor units of one currency, signed, 128 bits wide: no number of payments overflows it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Total(i128);

impl Total {
    /// For people: `-2215103.76`, with the digits of its currency after the point.
    pub fn to_text(self, currency: Currency) -> String {
        let digits = currency.minor_digits() as usize;
        let minor = format!("{:0>width$}", self.0.unsigned_abs(), width = digits + 1);
        let (whole, fraction) = minor.split_at(minor.len() - digits);
        let (sign, point) = (if self.0 < 0 { "-" } else { "" }, if digits == 0 { "" } else { "." });
        format!("{sign}{whole}{point}{fraction}")
    }

    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// A sum given in minor units.
    pub const fn from_minor(minor: i128) -> Self {
        Self(minor)
    }

    /// Minor units.
    pub const fn minor(self) -> i128 {
        self.0
    }

    /// This sum and one amount more; `None` where 128 bits do not hold it.
    #[must_use]
    pub fn plus(self, amount: Amount) -> Option<Self> {
        self.0.checked_add(i128::from(amount.0)).map(Self)
    }

    /// This sum and one amount less; `None` where 128 bits do not hold it.
    #[must_use]
    pub fn less(self, amount: Amount) -> Option<Self> {
        self.0.checked_sub(i128::from(amount.0)).map(Self)
    }

    /// The sum of two sums; `None` where 128 bits do not hold it.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference of two sums; `None` where 128 bits do not hold it.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }
}

impl From<Amount> for Total {
    fn from(amount: Amount) -> Self {
        Self(i128::from(amount.0))
    }
}

/// A currency of ISO 4217, by its number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency(u16);

impl Currency {
    /// `None` for a number that ISO 4217 does not know, and for its codes without a minor unit (metals, test, none).
    #[inline]
    pub fn from_number(number: u16) -> Option<Self> {
        KNOWN.get(usize::from(number)).is_some_and(|known| *known).then_some(Self(number))
    }

    /// By the three letters of ISO 4217, in capitals.
    pub fn from_code(code: &str) -> Option<Self> {
        iso_currency::Currency::from_code(code).filter(|c| c.exponent().is_some()).map(|c| Self(c.numeric()))
    }

    /// The number of ISO 4217.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// The three letters of ISO 4217.
    pub fn code(self) -> &'static str {
        self.iso().code()
    }

    /// Digits after the decimal point in the form for people.
    pub fn minor_digits(self) -> u32 {
        self.iso().exponent().map_or(0, u32::from)
    }

    fn iso(self) -> iso_currency::Currency {
        iso_currency::Currency::from_numeric(self.0)
            .expect("a Currency is only made from a number ISO 4217 knows")
    }
}

/// Which numbers are currencies with a minor unit: looked up for each request, so it is a table.
static KNOWN: LazyLock<[bool; 1_000]> = LazyLock::new(|| {
    let known = |number| iso_currency::Currency::from_numeric(number).is_some_and(|c| c.exponent().is_some());
    let mut table = [false; 1_000];
    for (entry, number) in table.iter_mut().zip(0..) {
        *entry = known(number);
    }
    table
});

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_have_the_digits_of_their_currency() {
        let all = [
            (-221_510_376, "EUR", "-2215103.76"),
            (5, "EUR", "0.05"),
            (0, "EUR", "0.00"),
            (-7, "JPY", "-7"),
            (1_234, "KWD", "1.234"),
        ];
        for (minor, code, text) in all {
            assert_eq!(Total::from_minor(minor).to_text(Currency::from_code(code).unwrap()), text);
        }
    }

    #[test]
    fn thirteen_digits_are_no_amount() {
        assert_eq!(Amount::from_minor(1_000_000_000_000), None);
        assert_eq!(Amount::MAX.checked_add(Amount(1)), None);
        assert_eq!(Amount::ZERO.checked_sub(Amount(1)), None);
    }

    #[test]
    fn currencies_are_those_of_iso_4217_that_have_a_minor_unit() {
        let euro = Currency::from_number(978).unwrap();
        assert_eq!((euro.code(), euro.minor_digits()), ("EUR", 2));
        assert_eq!(Currency::from_code("JPY").unwrap().minor_digits(), 0);
        assert_eq!(Currency::from_number(0), None);
        assert_eq!(Currency::from_number(999), None, "no currency");
        assert_eq!(Currency::from_number(964), None, "palladium has no minor unit");
    }
}
