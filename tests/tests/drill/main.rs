//! The switch, operators and destinations are killed, frozen and asked to end under load, in an order that follows from a
//! seed, and the auditor finds nothing (I1, I2, I5, I6; SW-6). A part of the kills waits for the moments that chance seldom
//! meets: while the switch writes an index or a snapshot, and while it starts from one (I7).
//!
//! And the other way round: caps, limits and routes are changed under load by a file and SIGHUP, and what was decided since
//! follows the file (SW-10, SW-12, I9).
//!
//! Each is a process of its own. `HOLDFAST_DRILL_KILLS` and `HOLDFAST_DRILL_SEED` ask for another drill.

mod evidence;
mod making;
mod reloads;
mod stage;

use std::collections::BTreeMap;
use std::time::Duration;

use stage::{ENDS_WITHIN, FACTS, PARTICIPANTS, Stage};

use evidence::Evidence;

/// `scripts/drill.sh` does fifty.
const STRIKES: u64 = 10;
const SEED: u64 = 20_261_122;
/// One strike in so many is of the switch, in a moment that was waited for.
const AIMED: u64 = 5;
/// How long somebody is frozen; the longest is longer than an echo may stay unanswered.
const FROZEN_MS: [u64; 6] = [50, 100, 200, 400, 1_000, 3_500];
const METHODS: [&str; 3] = ["SIGKILL", "SIGSTOP and SIGCONT", "SIGTERM"];

/// A generator that gives the same numbers for the same seed, for ever (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

impl Stage<'_> {
    fn strike(&mut self, (name, number): (&'static str, u16), method: &str, pause: Duration) {
        let process = match self.parties.get_mut(name) {
            Some((process, _)) => process,
            None => &mut self.switch,
        };
        assert_eq!(process.ended(), None, "{name} has ended before it was struck\n{}", process.log_tail());
        match method {
            "SIGKILL" => process.kill(),
            "SIGTERM" => {
                process.terminate();
                let status = process.wait(ENDS_WITHIN);
                assert!(status.success(), "{name} ended with {status}\n{}", process.log_tail());
            }
            _ => return process.freeze(pause),
        }
        if name == "switch" {
            self.switch = self.home.start();
        } else {
            self.start_party(name, number);
        }
    }

    /// Kills the switch where it hurts: in turns while it writes an index, and while it writes a snapshot and starts from
    /// the one before.
    fn strike_aimed(&mut self, turn: u64) -> &'static str {
        let moment = if turn.is_multiple_of(2) {
            self.kill_in_the_making(".snapshot.unfinished");
            self.kill_while_it_starts();
            "SIGKILL in the making of a snapshot, and in the start from another"
        } else {
            self.kill_in_the_making(".index.unfinished");
            "SIGKILL in the making of an index"
        };
        self.switch = self.home.start();
        moment
    }
}

fn asked_for(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().expect("a number"))
}

#[test]
fn kills_of_everybody_under_load_lose_nothing_and_apply_nothing_twice() {
    let strikes = asked_for("HOLDFAST_DRILL_KILLS", STRIKES);
    let seed = asked_for("HOLDFAST_DRILL_SEED", SEED);
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut stage = Stage::set(directory.path());
    println!("seed {seed}");
    let (mut random, mut done) = (Random(seed), BTreeMap::new());
    for strike in 1..=strikes {
        stage.decide_more(FACTS.start + random.below(FACTS.end - FACTS.start));
        let (victim, method) = (random.pick(&PARTICIPANTS), random.pick(&METHODS));
        let pause = Duration::from_millis(random.pick(&FROZEN_MS));
        let struck = if strike.is_multiple_of(AIMED) {
            ("switch", stage.strike_aimed(strike / AIMED))
        } else {
            stage.strike(victim, method, pause);
            (victim.0, method)
        };
        println!("{strike}: {} by {}", struck.0, struck.1);
        *done.entry(struck).or_insert(0) += 1;
    }
    stage.decide_more(FACTS.end);
    stage.meet_the_archive();
    let evidence = Evidence::of(&stage);
    let report = stage.audited();
    println!("seed {seed}: {done:?}\n{report}");
    evidence.must_show(strikes >= 2 * AIMED);
}
