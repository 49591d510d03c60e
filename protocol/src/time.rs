//! Time as the protocol sees it: milliseconds of the switch's clock, and business dates.

use std::fmt;
use std::str::FromStr;

/// Milliseconds since 1970-01-01 UTC, 48 bits wide (as in a request id): good until the year 10889.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixMillis(u64);

impl UnixMillis {
    /// The latest representable time.
    pub const MAX: Self = Self((1 << 48) - 1);

    /// `None` where `millis` needs more than 48 bits.
    pub const fn new(millis: u64) -> Option<Self> {
        if millis <= Self::MAX.0 { Some(Self(millis)) } else { None }
    }

    /// The low 48 bits of `bits`.
    pub const fn from_48_bits(bits: u64) -> Self {
        Self(bits & Self::MAX.0)
    }

    /// Milliseconds since 1970.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Later by `millis`; stays at [`Self::MAX`] where that is exceeded.
    #[must_use]
    pub const fn plus(self, millis: u64) -> Self {
        let sum = self.0.saturating_add(millis);
        if sum > Self::MAX.0 { Self::MAX } else { Self(sum) }
    }

    /// Earlier by `millis`; stays at zero.
    #[must_use]
    pub const fn minus(self, millis: u64) -> Self {
        Self(self.0.saturating_sub(millis))
    }

    /// Milliseconds from `earlier` to this; zero where `earlier` is not earlier.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl UnixMillis {
    /// For people: `2026-11-22 05:14:03.123 UTC`.
    pub fn to_utc(self) -> String {
        let of_day = self.0 % 86_400_000;
        let (hours, minutes) = (of_day / 3_600_000, of_day / 60_000 % 60);
        let (seconds, millis) = (of_day / 1_000 % 60, of_day % 1_000);
        format!("{} {hours:02}:{minutes:02}:{seconds:02}.{millis:03} UTC", BusinessDate::from_utc(self))
    }
}

impl fmt::Debug for UnixMillis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ms", self.0)
    }
}

/// A day of the business calendar, which is not the wall clock's: cutover moves it (rules 26 and 27).
///
/// On the wire `year * 10,000 + month * 100 + day`, years 2000 to 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BusinessDate(u32);

impl BusinessDate {
    /// `None` where the number is no date of the Gregorian calendar between the years 2000 and 9999.
    pub const fn from_yyyymmdd(number: u32) -> Option<Self> {
        let (year, month, day) = (number / 10_000, number / 100 % 100, number % 100);
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => return None,
        };
        if year >= 2000 && year <= 9999 && day >= 1 && day <= days { Some(Self(number)) } else { None }
    }

    /// The number on the wire.
    pub const fn to_yyyymmdd(self) -> u32 {
        self.0
    }

    /// The date of an instant in UTC; the first date of the calendar for anything before the year 2000.
    pub fn from_utc(at: UnixMillis) -> Self {
        // Days to civil date after Howard Hinnant's algorithm; all values are positive here.
        let days = at.get() / 86_400_000 + 719_468;
        let era = days / 146_097;
        let day_of_era = days % 146_097;
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        let number = u32::try_from(year * 10_000 + month * 100 + day).unwrap_or(0);
        Self::from_yyyymmdd(number).unwrap_or(Self(20_000_101))
    }
}

impl fmt::Display for BusinessDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}-{:02}", self.0 / 10_000, self.0 / 100 % 100, self.0 % 100)
    }
}

impl fmt::Debug for BusinessDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is no business date: `YYYY-MM-DD` was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a date: expected YYYY-MM-DD between the years 2000 and 9999")]
pub struct ParseDateError;

impl FromStr for BusinessDate {
    type Err = ParseDateError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, '-');
        let mut part = |digits: usize| -> Result<u32, ParseDateError> {
            let part = parts.next().ok_or(ParseDateError)?;
            if part.len() != digits || !part.bytes().all(|b| b.is_ascii_digit()) {
                return Err(ParseDateError);
            }
            part.parse().map_err(|_| ParseDateError)
        };
        let (year, month, day) = (part(4)?, part(2)?, part(2)?);
        Self::from_yyyymmdd(year * 10_000 + month * 100 + day).ok_or(ParseDateError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utc_dates_match_known_days() {
        for (millis, date) in [
            (951_782_400_000, "2000-02-29"),
            (1_767_225_599_999, "2025-12-31"),
            (1_767_225_600_000, "2026-01-01"),
            (1_795_305_600_000, "2026-11-22"),
        ] {
            let at = UnixMillis::new(millis).unwrap();
            assert_eq!(BusinessDate::from_utc(at), date.parse().unwrap(), "{millis}");
        }
    }

    #[test]
    fn days_that_do_not_exist_are_no_dates() {
        for number in [20_250_229, 20_261_301, 20_260_431, 20_260_100, 19_991_231, 100_000_101] {
            assert_eq!(BusinessDate::from_yyyymmdd(number), None, "{number}");
        }
        assert!("2026-1-01".parse::<BusinessDate>().is_err());
    }
}
