//! Times in the form for people: UTC, to the millisecond.

use holdfast_protocol::{BusinessDate, UnixMillis};

/// `2026-11-22 05:14:03.123 UTC`.
pub(super) fn utc(at: UnixMillis) -> String {
    let of_day = at.get() % 86_400_000;
    let (hours, minutes) = (of_day / 3_600_000, of_day / 60_000 % 60);
    let (seconds, millis) = (of_day / 1_000 % 60, of_day % 1_000);
    format!("{} {hours:02}:{minutes:02}:{seconds:02}.{millis:03} UTC", BusinessDate::from_utc(at))
}

/// The same for milliseconds of a report.
pub(super) fn utc_ms(at: u64) -> String {
    utc(UnixMillis::from_48_bits(at))
}

/// A span of time, rounded down to what a person reads.
pub(super) fn duration(ms: u64) -> String {
    let s = ms / 1_000;
    match s {
        0 => format!("{ms} ms"),
        1..60 => format!("{s} s"),
        60..3_600 => format!("{} min {} s", s / 60, s % 60),
        3_600..86_400 => format!("{} h {} min", s / 3_600, s / 60 % 60),
        _ => format!("{} d {} h", s / 86_400, s / 3_600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_a_clock_in_greenwich() {
        assert_eq!(utc_ms(1_795_305_600_000), "2026-11-22 00:00:00.000 UTC");
        assert_eq!(utc_ms(1_795_305_600_000 + 86_399_999), "2026-11-22 23:59:59.999 UTC");
    }

    #[test]
    fn spans_have_their_two_largest_units() {
        let all = [(0, "0 ms"), (999, "999 ms"), (61_500, "1 min 1 s"), (3_600_000, "1 h 0 min")];
        for (ms, text) in all {
            assert_eq!(duration(ms), text);
        }
    }
}
