//! Quantities in the form for people: times in UTC to the millisecond, spans, and sizes.

use holdfast_protocol::UnixMillis;

/// `2026-11-22 05:14:03.123 UTC`.
pub(super) fn utc(at: UnixMillis) -> String {
    at.to_utc()
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

/// A size with its unit, rounded down to one place after the point; the exact number is in the JSON.
pub(super) fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut above = UNITS.into_iter().zip(1_u32..).take_while(|(_, power)| n >= 1 << (10 * power));
    above.by_ref().last().map_or_else(
        || format!("{n} bytes"),
        |(unit, power)| {
            let tenths = (u128::from(n) * 10) >> (10 * power);
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        },
    )
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
    fn sizes_have_their_unit() {
        let all = [(0, "0 bytes"), (1_023, "1023 bytes"), (1_536, "1.5 KiB"), (289 << 20, "289.0 MiB")];
        for (n, text) in all.into_iter().chain([(u64::MAX, "16383.9 PiB")]) {
            assert_eq!(bytes(n), text);
        }
    }

    #[test]
    fn spans_have_their_two_largest_units() {
        let all = [(0, "0 ms"), (999, "999 ms"), (61_500, "1 min 1 s"), (3_600_000, "1 h 0 min")];
        for (ms, text) in all {
            assert_eq!(duration(ms), text);
        }
    }
}
