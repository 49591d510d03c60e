//! How the rate of arrivals changes over a run.
//!
//! A shape is a factor on the rate, piecewise linear over the run. Arrivals are drawn at rate one and moved to the time at which
//! the shape has let that many come (time rescaling), so one random number makes one arrival whatever the shape, and two runs
//! with the same seed and shape are the same.

use std::fmt;
use std::str::FromStr;

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    text: String,
    /// Whether arrivals come at random (Poisson) or evenly.
    pub random: bool,
    /// Time as a share of the run, 0 to 1 and ascending, with the factor from there on to the next, linear between.
    points: Vec<(f64, f64)>,
}

/// The factor over a day, from midnight on, hour by hour: little at night, a peak at noon, the highest in the evening.
const DAY: [f64; 25] = [
    0.25, 0.18, 0.14, 0.12, 0.12, 0.16, 0.28, 0.45, 0.60, 0.68, 0.74, 0.82, 0.95, 0.88, 0.78, 0.76, 0.80,
    0.90, 1.00, 0.98, 0.88, 0.72, 0.52, 0.36, 0.25,
];
/// How much more comes in a spike that does not say.
const SPIKE: f64 = 5.0;
/// Where a ramp begins that does not say.
const RAMP_FROM: f64 = 0.1;
const STEPS: u32 = 5;

impl Default for Shape {
    fn default() -> Self {
        Self::flat("poisson", true)
    }
}

impl Shape {
    fn flat(text: &str, random: bool) -> Self {
        Self { text: text.to_owned(), random, points: vec![(0.0, 1.0), (1.0, 1.0)] }
    }

    fn of(text: &str, points: Vec<(f64, f64)>) -> Self {
        Self { text: text.to_owned(), random: true, points }
    }

    /// Whether the rate stays what it is.
    pub fn is_flat(&self) -> bool {
        self.points.iter().all(|(_, factor)| *factor == 1.0)
    }

    /// The factor that it begins with.
    pub fn first(&self) -> f64 {
        self.points.first().map_or(1.0, |(_, factor)| *factor)
    }

    /// The mean factor between two shares of the run.
    pub fn mean(&self, from: f64, to: f64) -> f64 {
        if to > from { (self.area(to) - self.area(from)) / (to - from) } else { 0.0 }
    }

    /// The same shape begun later, by this share of its length, and going on with its beginning where it ends.
    pub fn shifted(&self, by: f64) -> Self {
        if by <= 0.0 || self.is_flat() {
            return self.clone();
        }
        let pieces =
            || self.points.windows(2).map(|pair| (pair[0], pair[1])).filter(|((a, _), (b, _))| a < b);
        let between = |((begin, from), (end, to)): ((f64, f64), (f64, f64))| {
            from + (to - from) * (by - begin) / (end - begin)
        };
        // Where the factor jumps just there, the run begins with what comes after and ends with what came before.
        let first = pieces().find(|((begin, _), (end, _))| *begin <= by && by < *end).map_or(1.0, between);
        let last = pieces().find(|((begin, _), (end, _))| *begin < by && by <= *end).map_or(1.0, between);
        let after = self.points.iter().filter(|(at, _)| *at > by).map(|(at, factor)| (at - by, *factor));
        let before =
            self.points.iter().filter(|(at, _)| *at < by).map(|(at, factor)| (1.0 - by + at, *factor));
        let points = [(0.0, first)].into_iter().chain(after).chain(before).chain([(1.0, last)]).collect();
        Self { points, ..self.clone() }
    }

    /// The factor summed up to a share of the run.
    fn area(&self, until: f64) -> f64 {
        let pieces = self.points.windows(2).map(|pair| (pair[0], pair[1]));
        pieces
            .take_while(|((begin, _), _)| *begin < until)
            .map(|((begin, from), (end, to))| {
                let stop = end.min(until);
                let at_stop =
                    if end > begin { from + (to - from) * (stop - begin) / (end - begin) } else { from };
                (stop - begin) * (from + at_stop) / 2.0
            })
            .sum()
    }

    /// The share of the run at which the factor has summed up to `area`; `None` where it never does.
    pub fn reaches(&self, area: f64) -> Option<f64> {
        let mut rest = area;
        for pair in self.points.windows(2) {
            let ((begin, from), (end, to)) = (pair[0], pair[1]);
            let length = end - begin;
            let piece = length * (from + to) / 2.0;
            if rest > piece || length == 0.0 {
                rest -= piece;
                continue;
            }
            // from·x + slope·x²/2 = rest, in a form that is exact where the slope is nothing.
            let slope = (to - from) / length;
            let root = (from * from + 2.0 * slope * rest).max(0.0).sqrt();
            let x = if from + root > 0.0 { 2.0 * rest / (from + root) } else { 0.0 };
            return Some(begin + x.min(length));
        }
        None
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl FromStr for Shape {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, value) = match text.split_once(':') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let number = |default: f64, least: f64, most: f64| match value {
            None => Ok(default),
            Some(value) => match value.parse::<f64>() {
                Ok(number) if (least..=most).contains(&number) => Ok(number),
                _ => Err(format!("{name} takes a number from {least} to {most}, found {value:?}")),
            },
        };
        match (name, value) {
            ("poisson", None) => Ok(Self::default()),
            ("constant", None) => Ok(Self::flat("constant", false)),
            ("ramp", _) => Ok(Self::of(text, vec![(0.0, number(RAMP_FROM, 0.0, 1.0)?), (1.0, 1.0)])),
            ("step", _) => {
                let count = number(f64::from(STEPS), 2.0, 100.0)?.floor() as u32;
                let steps = (0..count).flat_map(|step| {
                    let (share, factor) = (f64::from(step), f64::from(step + 1) / f64::from(count));
                    [(share / f64::from(count), factor), ((share + 1.0) / f64::from(count), factor)]
                });
                Ok(Self::of(text, steps.collect()))
            }
            ("spike", _) => {
                let factor = number(SPIKE, 1.0, 1_000.0)?;
                let points =
                    [(0.0, 1.0), (0.45, 1.0), (0.45, factor), (0.55, factor), (0.55, 1.0), (1.0, 1.0)];
                Ok(Self::of(text, points.to_vec()))
            }
            ("day", None) => {
                let hours = DAY.iter().zip(0_u8..).map(|(factor, hour)| (f64::from(hour) / 24.0, *factor));
                Ok(Self::of(text, hours.collect()))
            }
            _ => {
                Err("expected poisson, constant, ramp[:FROM], step[:COUNT], spike[:FACTOR] or day".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shape(text: &str) -> Shape {
        text.parse().unwrap()
    }

    #[test]
    fn what_a_shape_lets_come_is_its_area() {
        assert!((shape("poisson").mean(0.0, 1.0) - 1.0).abs() < 1e-12);
        assert!((shape("ramp:0").mean(0.0, 1.0) - 0.5).abs() < 1e-12);
        assert!((shape("ramp:0").mean(0.5, 1.0) - 0.75).abs() < 1e-12);
        assert!((shape("step:4").mean(0.0, 1.0) - 0.625).abs() < 1e-12);
        assert!((shape("spike:11").mean(0.0, 1.0) - 2.0).abs() < 1e-12);
        assert!((shape("spike:11").mean(0.45, 0.55) - 11.0).abs() < 1e-9);
        assert!((0.4..0.7).contains(&shape("day").mean(0.0, 1.0)));
    }

    proptest! {
        #[test]
        fn the_time_at_which_so_many_have_come_is_found(
            name in prop::sample::select(vec!["poisson", "ramp", "ramp:0", "step:7", "spike:3", "day"]), share in 0.0_f64..1.0,
        ) {
            let shape = shape(name);
            let area = shape.area(share);
            let found = shape.reaches(area).unwrap();
            prop_assert!((shape.area(found) - area).abs() < 1e-9, "{found} instead of {share}");
            prop_assert_eq!(shape.reaches(shape.area(1.0) + 0.01), None);
        }
    }

    proptest! {
        #[test]
        fn a_shifted_shape_lets_come_what_the_shape_does_at_other_times(
            name in prop::sample::select(vec!["ramp", "ramp:0", "step:7", "spike:3", "day"]), by in 0.0_f64..1.0, share in 0.0_f64..1.0,
        ) {
            let (shape, shifted) = (shape(name), shape(name).shifted(by));
            prop_assert!((shifted.mean(0.0, 1.0) - shape.mean(0.0, 1.0)).abs() < 1e-9);
            let until = by + share;
            let expected = if until <= 1.0 {
                shape.area(until) - shape.area(by)
            } else {
                shape.area(1.0) - shape.area(by) + shape.area(until - 1.0)
            };
            prop_assert!((shifted.area(share) - expected).abs() < 1e-9, "{name} by {by} up to {share}");
            let found = shifted.reaches(shifted.area(share)).unwrap();
            prop_assert!((shifted.area(found) - shifted.area(share)).abs() < 1e-9);
        }
    }

    #[test]
    fn shapes_are_written_as_they_are_read_and_wrong_ones_refused() {
        for text in ["poisson", "constant", "ramp:0.2", "step:4", "spike", "day"] {
            assert_eq!(shape(text).to_string(), text);
        }
        for wrong in ["", "wave", "ramp:2", "step:1", "spike:x", "day:3", "poisson:1"] {
            assert!(wrong.parse::<Shape>().is_err(), "{wrong}");
        }
    }
}
