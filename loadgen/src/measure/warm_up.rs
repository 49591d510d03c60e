//! Where the warm-up ends: MSER-5.
//!
//! Means of five slices at a time; of all points to cut at, the one after which the standard error of what is left is
//! smallest (White 1997). Two things keep it from making a run look better than it was: a cut never goes past a batch that
//! already looked like what comes after the cut, so that a stall in the middle of a run stays in its figures; and a run
//! whose best cut lies in its second half has no steady part to speak of.

/// Slices that make one batch.
pub const BATCH: usize = 5;

/// What MSER-5 says about a series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The series is steady from this slice on.
    At(usize),
    /// The best cut lies in the second half: nothing settled.
    Never,
    /// Too few slices to tell.
    TooShort,
}

/// Fewer batches say nothing.
const BATCHES_MIN: usize = 10;

/// Looks for the end of the warm-up in the means of the slices. A slice without samples has none.
pub fn cut(means: &[Option<f64>]) -> Cut {
    let batches: Vec<f64> = means.chunks_exact(BATCH).filter_map(mean_of).collect();
    // An empty batch in the middle is a stall, no warm-up; without its place the others cannot be counted.
    if batches.len() < BATCHES_MIN || batches.len() < means.len() / BATCH {
        return Cut::TooShort;
    }
    let best = (0..batches.len() - BATCHES_MIN / 2)
        .min_by(|a, b| error_after(&batches, *a).total_cmp(&error_after(&batches, *b)))
        .unwrap_or(0);
    if best > batches.len() / 2 && transient(&batches, best) == best {
        return Cut::Never;
    }
    Cut::At(transient(&batches, best) * BATCH)
}

fn mean_of(slices: &[Option<f64>]) -> Option<f64> {
    let known: Vec<f64> = slices.iter().copied().flatten().collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

/// The statistic of MSER: the squared standard error of the mean of what is left after a cut.
fn error_after(batches: &[f64], cut: usize) -> f64 {
    let rest = &batches[cut..];
    let count = rest.len() as f64;
    let mean = rest.iter().sum::<f64>() / count;
    rest.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (count * count)
}

/// How many batches from the beginning, at most `cut`, are unlike what comes after the cut.
fn transient(batches: &[f64], cut: usize) -> usize {
    let mut rest = batches[cut..].to_vec();
    rest.sort_by(f64::total_cmp);
    let (low, high) = (rest[rest.len() / 10], rest[rest.len() - 1 - rest.len() / 10]);
    batches[..cut].iter().position(|value| (low..=high).contains(value)).unwrap_or(cut)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn series(count: usize, level: impl Fn(usize) -> f64) -> Vec<Option<f64>> {
        let mut random = Random::new(3, 0);
        (0..count).map(|index| Some(level(index) * (0.9 + 0.2 * random.unit()))).collect()
    }

    #[test]
    fn a_slow_beginning_is_cut_off() {
        let Cut::At(slice) =
            cut(&series(200, |index| if index < 40 { 900.0 - 20.0 * index as f64 } else { 100.0 }))
        else {
            panic!("it settles")
        };
        assert!((35..=50).contains(&slice), "{slice}");
    }

    #[test]
    fn a_series_that_is_steady_from_the_beginning_loses_little() {
        let Cut::At(slice) = cut(&series(200, |_| 100.0)) else { panic!("it is steady") };
        assert!(slice <= 20, "{slice}");
    }

    #[test]
    fn a_stall_in_the_middle_is_no_warm_up() {
        let stalled = series(200, |index| if (60..75).contains(&index) { 50_000.0 } else { 100.0 });
        let Cut::At(slice) = cut(&stalled) else { panic!("it was steady before the stall") };
        assert!(slice <= 20, "{slice}");
    }

    #[test]
    fn what_only_grows_never_settles() {
        assert_eq!(cut(&series(200, |index| 10.0 * (1 + index) as f64)), Cut::Never);
        assert_eq!(cut(&series(49, |_| 1.0)), Cut::TooShort);
    }
}
