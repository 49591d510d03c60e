//! The arrivals of one operator out of a trace, faster or slower than they were.

use std::rc::Rc;
use std::sync::Arc;

use super::{Trace, record};
use crate::arrival::{Arrival, Course, Step};

/// See the module. In the order of time.
#[derive(Clone, Debug)]
pub struct Replayed {
    trace: Arc<Trace>,
    operator: usize,
    /// The next block.
    block: usize,
    /// What is left of the one before it.
    at: usize,
    end: usize,
    before_ns: u64,
    number: u64,
    speed: f64,
    until_ns: u64,
}

/// A time of the trace as it comes at this speed.
pub(crate) fn at_speed(ns: u64, speed: f64) -> u64 {
    if speed == 1.0 { ns } else { (ns as f64 / speed) as u64 }
}

impl Replayed {
    /// The arrivals of an operator, counted from zero, at this speed and up to this time of the run.
    pub fn new(trace: Arc<Trace>, operator: u32, speed: f64, until_ns: u64) -> Self {
        let operator = operator as usize;
        Self { trace, operator, block: 0, at: 0, end: 0, before_ns: 0, number: 0, speed, until_ns }
    }
}

impl Iterator for Replayed {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        if self.at == self.end {
            let block = self.trace.blocks.get(self.operator)?.get(self.block)?;
            self.block += 1;
            (self.at, self.end, self.before_ns) = (block.begin, block.end, block.base_ns);
        }
        let mut rest = &self.trace.bytes[self.at..self.end];
        let read = record::read(&mut rest, self.before_ns, self.number, &self.trace.scenarios);
        let arrival = read.expect("the trace was checked when it was opened");
        self.at = self.end - rest.len();
        self.before_ns = arrival.at_ns;
        self.number += 1;
        let at_ns = at_speed(arrival.at_ns, self.speed);
        if at_ns >= self.until_ns {
            return None;
        }
        let course = arrival
            .course
            .map(|course| if self.speed == 1.0 { course } else { Rc::new(sped(&course, self.speed)) });
        Some(Arrival { at_ns, course, ..arrival })
    }
}

fn sped(course: &Course, speed: f64) -> Course {
    let steps = course.steps.iter();
    let steps = steps.map(|step| Step { after_ns: at_speed(step.after_ns, speed), ..*step }).collect();
    Course { hold_ns: at_speed(course.hold_ns, speed), steps }
}
