//! The arrivals of one operator out of a trace, faster or slower than they were.

use std::rc::Rc;
use std::sync::Arc;

use super::ahead::{Ahead, Blocks, Read};
use super::{BLOCK_HEAD_BYTES, Trace, record};
use crate::traffic::arrival::{Arrival, Course, Step};

/// See the module. In the order of time.
#[derive(Debug)]
pub struct Replayed {
    trace: Arc<Trace>,
    blocks: Feed,
    /// The block that is played, and how much of it was.
    block: Vec<u8>,
    at: usize,
    before_ns: u64,
    number: u64,
    speed: f64,
    until_ns: u64,
}

/// Where blocks come from.
#[derive(Debug)]
enum Feed {
    Ahead(Ahead),
    AtOnce(Blocks),
}

impl Feed {
    fn next(&mut self) -> Option<Read> {
        match self {
            Self::Ahead(blocks) => blocks.next(),
            Self::AtOnce(blocks) => blocks.next(),
        }
    }
}

/// A time of the trace as it comes at this speed.
pub(crate) fn at_speed(ns: u64, speed: f64) -> u64 {
    if speed == 1.0 { ns } else { (ns as f64 / speed) as u64 }
}

impl Replayed {
    /// The arrivals of an operator, counted from zero, at this speed and up to this time of the run. They are read ahead.
    pub fn new(trace: Arc<Trace>, operator: u32, speed: f64, until_ns: u64) -> Self {
        match Ahead::begin(&trace, operator as usize) {
            Ok(ahead) => Self::fed(trace, Feed::Ahead(ahead), speed, until_ns),
            Err(_) => Self::at_once(trace, operator, speed, until_ns),
        }
    }

    /// The same for whoever need not hurry: every block is read when it is asked for.
    pub fn at_once(trace: Arc<Trace>, operator: u32, speed: f64, until_ns: u64) -> Self {
        let blocks = Blocks::new(Arc::clone(&trace), operator as usize);
        Self::fed(trace, Feed::AtOnce(blocks), speed, until_ns)
    }

    fn fed(trace: Arc<Trace>, blocks: Feed, speed: f64, until_ns: u64) -> Self {
        Self { trace, blocks, block: vec![], at: 0, before_ns: 0, number: 0, speed, until_ns }
    }
}

impl Iterator for Replayed {
    type Item = Arrival;

    fn next(&mut self) -> Option<Arrival> {
        while self.at >= self.block.len() {
            (self.before_ns, self.block) = self.blocks.next()?;
            self.at = BLOCK_HEAD_BYTES;
        }
        let mut rest = &self.block[self.at..];
        let read = record::read(&mut rest, self.before_ns, self.number, &self.trace.scenarios);
        let arrival = read.expect("the trace was checked when it was opened");
        self.at = self.block.len() - rest.len();
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
