//! A step of the core, in batches of 256 over a steady number of remembered ids: as many are forgotten as come.
//!
//! What is given is the mean of a step. `authorize` and `answer` are the two steps of a payment, which is answered while as
//! many are in flight as at the highest rate; `repeat` is a copy of a payment that was decided some time in the window.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use holdfast_benches::is_test_run;
use holdfast_benches::traffic::{self, Pays, START};
use holdfast_core::{Core, Effect, Input, Output, Settings, View};
use holdfast_protocol::{RequestId, UnixMillis};

const BATCH: usize = 256;
/// Payments that wait for their answers: three operators with windows of 4,096.
const IN_FLIGHT: usize = 3 * 4_096;

/// A core in the middle of its work.
struct Working {
    core: Core,
    view: View,
    out: Output,
    pays: Pays,
    /// Answers on their way, a batch each, and how many of them there are.
    in_flight: VecDeque<Vec<Input>>,
    batches_in_flight: usize,
    now: UnixMillis,
    /// Time passes so that the number of remembered ids stays.
    batches_per_s: u64,
    batches: u64,
    /// Ids of the window, oldest overwritten first.
    ids: Vec<RequestId>,
    at: usize,
}

impl Working {
    /// Remembers about this many ids.
    fn new(remembered: usize) -> Self {
        let settings = Settings { hash_seed: 0x5eed, ..Settings::default() };
        let kept_s =
            usize::try_from((settings.window_max_ms + settings.skew_max_ms) / 1_000 + 1).expect("small");
        let per_s = remembered / kept_s;
        let settings = Settings { expected_rate_per_s: u32::try_from(per_s).expect("small"), ..settings };
        let batches_per_s = u64::try_from(per_s.div_ceil(BATCH)).expect("small");
        let mut working = Self {
            core: traffic::core(settings),
            view: traffic::view(),
            out: Output::default(),
            pays: Pays::default(),
            in_flight: VecDeque::new(),
            // No more than arrive in a tenth of a second: none is late.
            batches_in_flight: IN_FLIGHT.min(per_s / 10) / BATCH,
            now: START,
            batches_per_s,
            batches: 0,
            ids: Vec::new(),
            at: 0,
        };
        working.core.prepare();
        for _ in 0..remembered / BATCH {
            working.payments();
        }
        assert_eq!(working.in_flight.len(), working.batches_in_flight, "the window is full");
        working
    }

    /// Steps through the inputs as the driver does; how long that took.
    fn steps(&mut self, inputs: &[Input]) -> Duration {
        self.out.clear();
        let started = Instant::now();
        self.core.warm(inputs);
        for input in inputs {
            self.core.step(self.now, input, &self.view, &mut self.out);
        }
        started.elapsed()
    }

    /// A batch of payments; how long the authorizes and the answers took.
    fn payments(&mut self) -> (Duration, Duration) {
        self.batches += 1;
        self.now = START.plus(self.batches * 1_000 / self.batches_per_s);
        let requests: Vec<Input> = (0..BATCH)
            .map(|_| {
                let (operator, pay) = self.pays.next(self.now);
                self.remember(pay.id);
                Input::Authorize(traffic::from(operator), pay)
            })
            .collect();
        let authorizes = self.steps(&requests) + self.tick();
        let answers: Vec<Input> = self.out.effects.iter().filter_map(answer).collect();
        assert_eq!(answers.len(), BATCH, "each payment is forwarded");
        self.in_flight.push_back(answers);
        if self.in_flight.len() <= self.batches_in_flight {
            return (authorizes, Duration::ZERO);
        }
        let answers = self.in_flight.pop_front().expect("many batches are in flight");
        (authorizes, self.steps(&answers))
    }

    /// Deadlines and forgetting, where they are due; after the batch whose effects it leaves alone.
    fn tick(&mut self) -> Duration {
        if self.core.next_deadline().is_none_or(|due| due > self.now) {
            return Duration::ZERO;
        }
        let (mut out, started) = (Output::default(), Instant::now());
        self.core.step(self.now, &Input::Tick, &self.view, &mut out);
        started.elapsed()
    }

    fn remember(&mut self, id: RequestId) {
        // Half of what is remembered: all of these are.
        let capacity = usize::try_from(self.batches_per_s).expect("small") * BATCH * 30;
        if self.ids.len() < capacity {
            self.ids.push(id);
        } else {
            self.ids[self.at] = id;
            self.at = (self.at + 1) % capacity;
        }
    }

    /// Copies of payments from anywhere in the window.
    fn repeats(&mut self, seed: usize) -> Duration {
        let requests: Vec<Input> = (0..BATCH)
            .map(|n| {
                let at = (seed * BATCH + n).wrapping_mul(0x9e37_79b9) % self.ids.len();
                let (operator, mut pay) = self.pays.again(self.ids[at]);
                pay.repeat = true;
                Input::Authorize(traffic::from(operator), pay)
            })
            .collect();
        let took = self.steps(&requests);
        assert!(self.out.facts.is_empty() && self.out.effects.len() == BATCH, "each is answered from memory");
        took
    }
}

fn answer(effect: &Effect) -> Option<Input> {
    match effect {
        Effect::Forward { to, request, .. } => {
            let acquirer = u16::try_from(to.0).expect("the session of an acquirer has its number");
            Some(Input::Answer(traffic::from(acquirer), traffic::approval(request)))
        }
        _ => None,
    }
}

fn core_step(criterion: &mut Criterion) {
    let remembered = if is_test_run() { 50_000 } else { 10_000_000 };
    let mut working = Working::new(remembered);
    let mut group = criterion.benchmark_group("core_step");
    group.throughput(Throughput::Elements(BATCH as u64));
    let mut measure = |name: &str, batch: fn(&mut Working, usize) -> Duration| {
        group.bench_function(format!("{name}/{remembered}"), |bencher| {
            bencher.iter_custom(|batches| {
                (0..batches).map(|n| batch(&mut working, usize::try_from(n).expect("few"))).sum()
            });
        });
    };
    measure("authorize", |working, _| working.payments().0);
    measure("answer", |working, _| working.payments().1);
    measure("repeat", Working::repeats);
    group.finish();
}

criterion_group!(benches, core_step);
criterion_main!(benches);
