//! A switch that stands still for a while, in virtual time: what the operator's clients felt, and what each request did.

use std::collections::VecDeque;
use std::rc::Rc;

use holdfast_protocol::{Message, UnixMillis};

use super::tests::good_answer;
use super::{Loop, Operator, Outgoing};
use crate::measure::batch::Latencies;
use crate::measure::kinds::{Figure, Measure};
use crate::measure::slices::{Group, Slice, Slices};
use crate::stage::{Now, played_stage};
use crate::traffic::arrivals::Arrivals;
use crate::traffic::scenario::Scenario;
use crate::traffic::schedule::{Schedule, ScheduleSettings, played_settings};

/// Answers after a millisecond, unless it stands still.
#[derive(Default)]
struct Switch {
    now_ms: u64,
    waiting: VecDeque<(u64, Message)>,
}

impl Outgoing for Switch {
    fn push(&mut self, message: &Message) {
        self.waiting.push_back((self.now_ms + 1, message.clone()));
    }

    fn has_room(&self) -> bool {
        true
    }
}

const SECONDS: u64 = 10;
const FROZEN_MS: std::ops::Range<u64> = 4_000..5_400;

fn run(window: u32, frozen: bool) -> Slices {
    let mut stage = played_stage(2, 2);
    stage.rules.measure_until_ns = SECONDS * 1_000_000_000;
    let settings = ScheduleSettings {
        duration_ns: SECONDS * 1_000_000_000,
        mix: "pay:1".parse().unwrap(),
        ..played_settings()
    };
    let mut operator =
        Operator::new(Rc::new(stage), 0, Arrivals::from(Schedule::new(&settings, 0)), Loop::Open, window);
    let mut switch = Switch::default();
    let mut slices = Slices { all: vec![], warm_ns: 0, end_ns: SECONDS * 1_000_000_000 };
    for ms in 1..=SECONDS * 1_000 + 3_000 {
        let switch_time = UnixMillis::new(1_800_000_000_000 + ms).unwrap();
        let now = Now { ns: ms * 1_000_000, switch: switch_time };
        switch.now_ms = ms;
        while !(frozen && FROZEN_MS.contains(&ms))
            && switch.waiting.front().is_some_and(|(due, _)| *due <= ms)
        {
            let (_, message) = switch.waiting.pop_front().unwrap();
            operator.on_answer(now, &good_answer(&message), &mut switch);
        }
        operator.on_time(now, Some(&mut switch));
        operator.fold();
        if ms % 100 == 0 {
            let tally = operator.tally();
            let taken: Latencies = tally.borrow_mut().recorded.take(Scenario::Pay);
            let (begun_ns, length_ns) = ((ms - 100) * 1_000_000, 100_000_000);
            slices.all.push(Slice { begun_ns, length_ns, operators: vec![taken], ..Slice::default() });
        }
    }
    slices
}

fn p99_ms(slices: &Slices, figure: Figure) -> f64 {
    let from = slices.measured(true).from;
    f64::from(slices.sum(from, figure, Group::All).quantile(0.99, 0).unwrap()) / 1_000.0
}

#[test]
fn a_frozen_switch_shows_in_the_response_and_hardly_in_the_service() {
    let frozen = run(64, true);
    let (response, service) = (p99_ms(&frozen, Figure::Response), p99_ms(&frozen, Figure::Service));
    assert!((1_200.0..1_500.0).contains(&response), "{response}");
    assert!(service < 5.0, "{service}");
    let calm = run(64, false);
    assert!(p99_ms(&calm, Figure::Response) < 5.0 && p99_ms(&calm, Figure::Service) < 5.0);
}

#[test]
fn waiting_for_the_window_is_no_fault_of_the_generator() {
    let frozen = run(64, true);
    let count = |measure| frozen.all.iter().map(|slice| slice.operators[0].of(measure).len()).sum::<u64>();
    assert!(count(Measure::HeldBack) > 1_000, "{}", count(Measure::HeldBack));
    let own = frozen.all.iter().map(|slice| slice.operators[0].of(Measure::Lag));
    assert!(crate::measure::bins::Sum::of(own).max() <= 1_000, "arrivals are looked at every millisecond");
}
