//! Whether the measurement can be believed.
//!
//! A figure is only worth something if the generator was not the limit. Each test has one threshold for "suspect" and
//! perhaps one for "invalid", all of them here and in docs/LOADGEN.md; the report names every test that failed, and whose
//! doing it was: a search for the capacity must not take a tired generator for a tired switch.

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

/// Whose doing a remark is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The generator or the machine under it.
    Generator,
    /// The switch, or too little time.
    Run,
}

/// A test that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark {
    /// How bad.
    pub level: Measurement,
    /// Whose doing.
    pub cause: Cause,
    /// In words.
    pub text: String,
}

/// What is judged.
#[derive(Clone, Copy, Debug, Default)]
pub struct Evidence {
    /// Outcomes in the measured time.
    pub samples: u64,
    /// Whether arrivals followed a schedule.
    pub open_loop: bool,
    /// p99 of the lag that was the generator's own, in microseconds.
    pub lag_p99_us: u64,
    /// p99 of the response.
    pub response_p99_us: u64,
    /// Arrivals that had to wait for a place in the window.
    pub held_back: u64,
    /// Arrivals in the measured time, and how many there should have been.
    pub offered: u64,
    /// See above; zero in a closed loop.
    pub planned: f64,
    /// Arrivals in all, and how many of them were never sent.
    pub scheduled: u64,
    /// See above.
    pub shed: u64,
    /// The share of the time in which the playing thread ran, and in which it could have run and had no processor.
    pub ran_share: f64,
    /// See above.
    pub waited_share: f64,
    /// The share of the machine's processors that its host took away.
    pub stolen_share: f64,
    /// Datagrams dropped.
    pub udp_drops: u64,
    /// Messages sent.
    pub messages: u64,
    /// The longest oversleep.
    pub max_hiccup_us: u64,
    /// How often the path waited for the history to be written.
    pub history_stalls: u64,
    /// Whether the run was cut short.
    pub cut_short: bool,
    /// Whether the switch was struck on purpose: what its outages hold back or shed was wanted.
    pub struck: bool,
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
/// The share of the planned arrivals that may be missing, besides what chance explains.
const MISSING_SUSPECT: f64 = 0.01;
const MISSING_INVALID: f64 = 0.10;
/// Players share one thread: one that ran or wanted to run all the time was the limit.
pub(crate) const BUSY_SUSPECT: f64 = 0.85;
const BUSY_INVALID_OPEN_LOOP: f64 = 0.97;
/// Time without a processor that was wanted.
const WAITED_SUSPECT: f64 = 0.20;
/// Time taken away by the host.
const STOLEN_SUSPECT: f64 = 0.02;
const STOLEN_INVALID: f64 = 0.20;
/// Lost datagrams for each message.
const DROPS_SUSPECT: f64 = 0.000_1;
/// A pause of the machine that a percentile would show.
pub(crate) const HICCUP_US_SUSPECT: u64 = 50_000;
const HICCUP_US_INVALID: u64 = 1_000_000;

/// Judges, and says why in words.
pub fn judge(evidence: &Evidence) -> (Measurement, Vec<Remark>) {
    let mut remarks = of_the_run(evidence);
    remarks.extend(of_the_generator(evidence));
    let worst = remarks.iter().map(|remark| remark.level).max().unwrap_or(Measurement::Valid);
    (worst, remarks)
}

fn share(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

/// Suspect above one threshold, invalid above another.
fn graded(value: f64, suspect: f64, invalid: f64) -> Option<Measurement> {
    if value > invalid {
        Some(Measurement::Invalid)
    } else {
        (value > suspect).then_some(Measurement::Suspect)
    }
}

fn of_the_run(e: &Evidence) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let mut note = |level: Option<Measurement>, text: String| {
        remarks.extend(level.map(|level| Remark { level, cause: Cause::Run, text }));
    };
    let suspect_if = |failed: bool| failed.then_some(Measurement::Suspect);
    note((e.samples == 0).then_some(Measurement::Invalid), "no outcome was measured".to_owned());
    let few = e.samples > 0 && e.samples < SAMPLES_MIN;
    note(suspect_if(few), format!("only {} outcomes were measured", e.samples));
    note(suspect_if(e.cut_short), "the run was cut short".to_owned());
    if e.open_loop {
        let held = share(e.held_back as f64, e.scheduled as f64);
        let text = format!("{:.1} % of the arrivals waited for a place in the window", held * 100.0);
        note(suspect_if(held > HELD_BACK_SUSPECT), text);
        let shed = share(e.shed as f64, e.scheduled as f64);
        let text = format!("{:.1} % of the arrivals were shed", shed * 100.0);
        let invalid = if e.struck { f64::INFINITY } else { SHED_INVALID };
        note(graded(shed, SHED_SUSPECT, invalid), text);
    }
    remarks
}

fn of_the_generator(e: &Evidence) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let mut note = |level: Option<Measurement>, text: String| {
        remarks.extend(level.map(|level| Remark { level, cause: Cause::Generator, text }));
    };
    let suspect_if = |failed: bool| failed.then_some(Measurement::Suspect);
    if e.open_loop {
        let lag = share(e.lag_p99_us as f64, e.response_p99_us.max(1) as f64);
        let level = graded(lag, LAG_SHARE_SUSPECT, LAG_SHARE_INVALID).filter(|_| e.lag_p99_us >= LAG_US_MIN);
        note(level, format!("lag is {:.0} % of the response at p99", lag * 100.0));
        // Arrivals are random: four standard deviations of their number are no fault.
        let missing = share(e.planned - e.offered as f64 - 4.0 * e.planned.sqrt(), e.planned);
        let text = format!("{:.1} % of the arrivals that were planned did not come", missing * 100.0);
        note(graded(missing, MISSING_SUSPECT, MISSING_INVALID).filter(|_| !e.cut_short), text);
    }
    let busy = e.ran_share + e.waited_share;
    let invalid = if e.open_loop { BUSY_INVALID_OPEN_LOOP } else { f64::INFINITY };
    let text = format!(
        "the generator was busy {:.0} % of the time and may have been the limit ({:.0} % on a processor, {:.0} % waiting for one)",
        busy * 100.0,
        e.ran_share * 100.0,
        e.waited_share * 100.0
    );
    let level = graded(busy, BUSY_SUSPECT, invalid);
    let waited = level.is_none() && e.waited_share > WAITED_SUSPECT;
    note(level, text);
    note(
        suspect_if(waited),
        format!("the generator waited {:.0} % of the time for a processor", e.waited_share * 100.0),
    );
    let level = graded(e.stolen_share, STOLEN_SUSPECT, STOLEN_INVALID);
    note(level, format!("the host took {:.1} % of the machine's processors away", e.stolen_share * 100.0));
    let dropped = share(e.udp_drops as f64, e.messages as f64) > DROPS_SUSPECT;
    note(suspect_if(dropped), format!("{} datagrams were dropped by full buffers", e.udp_drops));
    let level = graded(e.max_hiccup_us as f64, HICCUP_US_SUSPECT as f64, HICCUP_US_INVALID as f64);
    note(level, format!("the machine paused a thread for {} ms", e.max_hiccup_us / 1_000));
    let text = format!("{} times the generator waited for its own history to be written", e.history_stalls);
    note(suspect_if(e.history_stalls > 0), text);
    remarks
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
            offered: 199_500,
            planned: 200_000.0,
            scheduled: 240_000,
            ran_share: 0.4,
            waited_share: 0.05,
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
    fn each_trouble_is_named_and_graded_with_whose_doing_it_was() {
        let check = |change: &dyn Fn(&mut Evidence), level: Measurement, cause: Cause, word: &str| {
            let mut evidence = good();
            change(&mut evidence);
            let (verdict, remarks) = judge(&evidence);
            assert_eq!(verdict, level, "{remarks:?}");
            assert_eq!(remarks.len(), 1, "{remarks:?}");
            assert!(remarks[0].text.contains(word) && remarks[0].cause == cause, "{remarks:?}");
        };
        use Cause::{Generator, Run};
        use Measurement::{Invalid, Suspect};
        check(&|e| e.samples = 0, Invalid, Run, "no outcome");
        check(&|e| e.samples = 10, Suspect, Run, "only 10");
        check(&|e| e.cut_short = true, Suspect, Run, "cut short");
        check(&|e| e.held_back = 10_000, Suspect, Run, "window");
        check(&|e| e.shed = 1_000, Suspect, Run, "shed");
        check(&|e| e.shed = 100_000, Invalid, Run, "shed");
        check(&|e| e.lag_p99_us = 2_000, Suspect, Generator, "lag is 50 %");
        check(&|e| e.lag_p99_us = 3_900, Invalid, Generator, "lag");
        check(&|e| e.offered = 190_000, Suspect, Generator, "did not come");
        check(&|e| e.offered = 150_000, Invalid, Generator, "did not come");
        check(&|e| e.ran_share = 0.85, Suspect, Generator, "90 %");
        check(&|e| e.ran_share = 0.94, Invalid, Generator, "99 %");
        check(&|e| e.waited_share = 0.3, Suspect, Generator, "waited 30 %");
        check(&|e| e.waited_share = 0.58, Invalid, Generator, "58 % waiting");
        check(&|e| e.stolen_share = 0.05, Suspect, Generator, "took 5.0 %");
        check(&|e| e.stolen_share = 0.3, Invalid, Generator, "took 30.0 %");
        check(&|e| e.udp_drops = 100, Suspect, Generator, "dropped");
        check(&|e| e.max_hiccup_us = 80_000, Suspect, Generator, "80 ms");
        check(&|e| e.max_hiccup_us = 2_000_000, Invalid, Generator, "2000 ms");
        check(&|e| e.history_stalls = 1, Suspect, Generator, "history");
    }

    #[test]
    fn what_is_shed_in_an_outage_that_was_wanted_invalidates_nothing() {
        let shed = Evidence { shed: 100_000, ..good() };
        assert_eq!(judge(&shed).0, Measurement::Invalid);
        assert_eq!(judge(&Evidence { struck: true, ..shed }).0, Measurement::Suspect);
        let tired = Evidence { struck: true, ran_share: 0.99, ..good() };
        assert_eq!(judge(&tired).0, Measurement::Invalid, "a generator that was the limit still does");
    }

    #[test]
    fn a_closed_loop_has_no_lag_and_may_fill_its_processor() {
        let evidence =
            Evidence { open_loop: false, lag_p99_us: 9_000, ran_share: 1.0, planned: 0.0, ..good() };
        assert_eq!(judge(&evidence).0, Measurement::Suspect);
    }
}
