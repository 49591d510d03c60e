//! Whether the measurement can be believed.
//!
//! A figure is only worth something if the generator was not the limit. Each test has one threshold for "suspect" and
//! perhaps one for "invalid", all of them here; the report names every test that failed.

use serde::Serialize;

/// How far the measurement can be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Measurement {
    /// As it stands.
    Valid,
    /// With the remarks of the report.
    Suspect,
    /// Not at all.
    Invalid,
}

/// What is judged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Evidence {
    /// Outcomes in the measured time.
    pub samples: u64,
    /// Whether arrivals followed a schedule.
    pub open_loop: bool,
    /// p99 of the lag, in microseconds.
    pub lag_p99_us: u64,
    /// p99 of the response.
    pub response_p99_us: u64,
    /// Arrivals that had to wait for a place in the window.
    pub held_back: u64,
    /// Arrivals in the measured time.
    pub offered: u64,
    /// Arrivals in all, and how many of them were never sent.
    pub scheduled: u64,
    /// See above.
    pub shed: u64,
    /// Processors that the generator used.
    pub cpu_share: f64,
    /// Datagrams dropped.
    pub udp_drops: u64,
    /// Messages sent.
    pub messages: u64,
    /// The longest oversleep.
    pub max_hiccup_us: u64,
    /// How often the path waited for the history to be written.
    pub history_stalls: u64,
    /// Whether the run was cut short.
    pub interrupted: bool,
}

/// Fewer outcomes say nothing about a p99.
const SAMPLES_MIN: u64 = 1_000;
/// Lag below this is no lag.
const LAG_US_MIN: u64 = 1_000;
/// The share of the response's p99 that the lag's p99 may be.
const LAG_SHARE_SUSPECT: f64 = 0.25;
const LAG_SHARE_INVALID: f64 = 0.75;
/// The share of arrivals that may wait for the window.
const HELD_BACK_SUSPECT: f64 = 0.01;
/// The share of arrivals that may never be sent.
const SHED_SUSPECT: f64 = 0.001;
const SHED_INVALID: f64 = 0.10;
/// Players share one thread: near one processor the generator is the limit.
const CPU_SUSPECT: f64 = 0.85;
const CPU_INVALID_OPEN_LOOP: f64 = 0.97;
/// Lost datagrams for each message.
const DROPS_SUSPECT: f64 = 0.000_1;
/// A pause of the machine that a percentile would show.
const HICCUP_US_SUSPECT: u64 = 50_000;
const HICCUP_US_INVALID: u64 = 1_000_000;

/// Judges, and says why in words.
pub fn judge(e: &Evidence) -> (Measurement, Vec<String>) {
    use Measurement::{Invalid, Suspect};
    let mut remarks: Vec<(Measurement, String)> = Vec::new();
    let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    let mut note = |failed: bool, level: Measurement, text: String| {
        if failed {
            remarks.push((level, text));
        }
    };
    note(e.samples == 0, Invalid, "no outcome was measured".to_owned());
    let few = e.samples > 0 && e.samples < SAMPLES_MIN;
    note(few, Suspect, format!("only {} outcomes were measured", e.samples));
    note(e.interrupted, Suspect, "the run was cut short".to_owned());
    if e.open_loop {
        let lag = share(e.lag_p99_us, e.response_p99_us.max(1));
        let level = if lag > LAG_SHARE_INVALID { Invalid } else { Suspect };
        let text = format!("lag is {:.0} % of the response at p99", lag * 100.0);
        note(e.lag_p99_us >= LAG_US_MIN && lag > LAG_SHARE_SUSPECT, level, text);
        let held = share(e.held_back, e.scheduled);
        let text = format!("{:.1} % of the arrivals waited for a place in the window", held * 100.0);
        note(held > HELD_BACK_SUSPECT, Suspect, text);
        let shed = share(e.shed, e.scheduled);
        let level = if shed > SHED_INVALID { Invalid } else { Suspect };
        note(shed > SHED_SUSPECT, level, format!("{:.1} % of the arrivals were shed", shed * 100.0));
    }
    let limit = e.open_loop && e.cpu_share > CPU_INVALID_OPEN_LOOP;
    let level = if limit { Invalid } else { Suspect };
    let text =
        format!("the generator used {:.0} % of a processor and may have been the limit", e.cpu_share * 100.0);
    note(e.cpu_share > CPU_SUSPECT, level, text);
    let text = format!("{} datagrams were dropped by full buffers", e.udp_drops);
    note(share(e.udp_drops, e.messages) > DROPS_SUSPECT, Suspect, text);
    let level = if e.max_hiccup_us > HICCUP_US_INVALID { Invalid } else { Suspect };
    let text = format!("the machine paused a thread for {} ms", e.max_hiccup_us / 1_000);
    note(e.max_hiccup_us > HICCUP_US_SUSPECT, level, text);
    let text = format!("{} times the generator waited for its own history to be written", e.history_stalls);
    note(e.history_stalls > 0, Suspect, text);
    let worst = remarks.iter().map(|(level, _)| *level).max().unwrap_or(Measurement::Valid);
    (worst, remarks.into_iter().map(|(_, text)| text).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Evidence {
        Evidence {
            samples: 200_000,
            open_loop: true,
            lag_p99_us: 250,
            response_p99_us: 4_000,
            offered: 200_000,
            scheduled: 240_000,
            cpu_share: 0.4,
            messages: 300_000,
            max_hiccup_us: 3_000,
            ..Evidence::default()
        }
    }

    #[test]
    fn a_run_without_trouble_is_valid() {
        assert_eq!(judge(&good()), (Measurement::Valid, vec![]));
    }

    #[test]
    fn each_trouble_is_named_and_graded() {
        let check = |change: &dyn Fn(&mut Evidence), level: Measurement, word: &str| {
            let mut evidence = good();
            change(&mut evidence);
            let (verdict, remarks) = judge(&evidence);
            assert_eq!(verdict, level, "{remarks:?}");
            assert_eq!(remarks.len(), 1, "{remarks:?}");
            assert!(remarks[0].contains(word), "{remarks:?}");
        };
        use Measurement::{Invalid, Suspect};
        check(&|e| e.samples = 0, Invalid, "no outcome");
        check(&|e| e.samples = 10, Suspect, "only 10");
        check(&|e| e.interrupted = true, Suspect, "cut short");
        check(&|e| e.lag_p99_us = 2_000, Suspect, "lag is 50 %");
        check(&|e| e.lag_p99_us = 3_900, Invalid, "lag");
        check(&|e| e.held_back = 10_000, Suspect, "window");
        check(&|e| e.shed = 1_000, Suspect, "shed");
        check(&|e| e.shed = 100_000, Invalid, "shed");
        check(&|e| e.cpu_share = 0.9, Suspect, "90 %");
        check(&|e| e.cpu_share = 0.99, Invalid, "99 %");
        check(&|e| e.udp_drops = 100, Suspect, "dropped");
        check(&|e| e.max_hiccup_us = 80_000, Suspect, "80 ms");
        check(&|e| e.max_hiccup_us = 2_000_000, Invalid, "2000 ms");
        check(&|e| e.history_stalls = 1, Suspect, "history");
    }

    #[test]
    fn a_closed_loop_has_no_lag_and_may_fill_its_processor() {
        let evidence = Evidence { open_loop: false, lag_p99_us: 9_000, cpu_share: 1.0, ..good() };
        assert_eq!(judge(&evidence).0, Measurement::Suspect);
    }
}
