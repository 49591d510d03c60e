//! Where a latency is counted: bins that are exact to one in a thousand, cheap to fill and cheap to empty.
//!
//! Up to 2,047 µs each microsecond has a bin of its own, above each octave has 1,024. These are the bins of HdrHistogram
//! with three digits, so that what is counted here goes into its files without loss. Our own, because a run empties a
//! hundred of them ten times a second, and only the part that was touched may cost anything.

use hdrhistogram::Histogram;

/// How many bins there are: enough for 32 bits of microseconds.
pub const BINS: usize = 22 * 1_024 + 1_024;

/// The bin of a latency.
#[inline]
pub const fn bin_of(micros: u32) -> u16 {
    let shift = 21_u32.saturating_sub(micros.leading_zeros());
    (shift * 1_024 + (micros >> shift)) as u16
}

/// The longest latency that is counted in a bin, in microseconds.
pub const fn value_of(bin: u16) -> u32 {
    let bin = bin as u64;
    let shift = (bin / 1_024).saturating_sub(1);
    (((bin - shift * 1_024 + 1) << shift) - 1) as u32
}

/// Counts of one moment: filled by batches, emptied at the end of each slice of time.
#[derive(Clone, Debug, Default)]
pub struct Bins {
    /// Grows to the longest latency seen.
    counts: Vec<u32>,
    /// The bins touched since it was emptied: from the first to before the second.
    touched: (usize, usize),
}

impl Bins {
    /// Counts a latency so many times.
    #[inline]
    pub fn add(&mut self, micros: u32, times: u32) {
        let bin = usize::from(bin_of(micros));
        if bin >= self.counts.len() {
            self.counts.resize((bin + 1).next_multiple_of(1_024), 0);
        }
        self.counts[bin] += times;
        let (from, to) = self.touched;
        self.touched = if from == to { (bin, bin + 1) } else { (from.min(bin), to.max(bin + 1)) };
    }

    /// Takes everything out.
    pub fn take(&mut self) -> Distribution {
        let (from, to) = std::mem::take(&mut self.touched);
        let mut taken = Distribution::default();
        for (bin, count) in (from..).zip(&mut self.counts[from..to]) {
            if *count > 0 {
                let bin = u16::try_from(bin).expect("there are fewer than 65,536 bins");
                taken.bins.push((bin, std::mem::take(count)));
            }
        }
        taken.count = taken.bins.iter().map(|(_, count)| u64::from(*count)).sum();
        taken
    }
}

/// What was counted in one slice of time: only the bins that hold something, in ascending order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    bins: Vec<(u16, u32)>,
    count: u64,
}

impl Distribution {
    /// Of these latencies.
    pub fn of(micros: impl IntoIterator<Item = u32>) -> Self {
        let mut bins = Bins::default();
        micros.into_iter().for_each(|value| bins.add(value, 1));
        bins.take()
    }

    /// Adds another.
    pub fn merge(&mut self, other: &Self) {
        let mut merged = Vec::with_capacity(self.bins.len() + other.bins.len());
        let (mut mine, mut theirs) = (self.bins.iter().peekable(), other.bins.iter().peekable());
        loop {
            let (bin, count) = match (mine.peek(), theirs.peek()) {
                (Some((a, n)), Some((b, m))) if a == b => {
                    let both = (*a, n + m);
                    mine.next();
                    theirs.next();
                    both
                }
                (Some((a, n)), next) if next.is_none_or(|(b, _)| a < b) => {
                    let one = (*a, *n);
                    mine.next();
                    one
                }
                (_, Some(one)) => {
                    let one = **one;
                    theirs.next();
                    one
                }
                (_, None) => break,
            };
            merged.push((bin, count));
        }
        self.bins = merged;
        self.count += other.count;
    }

    /// How many samples.
    pub const fn len(&self) -> u64 {
        self.count
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Samples longer than `micros`, which is the longest of a bin.
    pub fn longer_than(&self, micros: u32) -> u64 {
        let bin = bin_of(micros);
        let from = self.bins.partition_point(|(b, _)| *b <= bin);
        self.bins[from..].iter().map(|(_, count)| u64::from(*count)).sum()
    }

    /// The sum of all samples in microseconds, each as long as its bin says.
    pub fn total_micros(&self) -> f64 {
        self.bins.iter().map(|(bin, count)| f64::from(value_of(*bin)) * f64::from(*count)).sum()
    }

    /// Bins and counts, in ascending order.
    pub fn bins(&self) -> &[(u16, u32)] {
        &self.bins
    }
}

/// The sum of many distributions.
#[derive(Clone, Debug)]
pub struct Sum {
    counts: Vec<u64>,
    count: u64,
    highest: usize,
}

impl Default for Sum {
    fn default() -> Self {
        Self { counts: vec![0; BINS], count: 0, highest: 0 }
    }
}

impl Sum {
    /// Of these distributions.
    pub fn of<'a>(distributions: impl IntoIterator<Item = &'a Distribution>) -> Self {
        let mut sum = Self::default();
        distributions.into_iter().for_each(|distribution| sum.add(distribution));
        sum
    }

    /// Adds one.
    pub fn add(&mut self, distribution: &Distribution) {
        for (bin, count) in &distribution.bins {
            self.add_bin(usize::from(*bin), u64::from(*count));
        }
    }

    fn add_bin(&mut self, bin: usize, count: u64) {
        self.counts[bin] += count;
        self.count += count;
        self.highest = self.highest.max(bin);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.counts[..=self.highest].fill(0);
        (self.count, self.highest) = (0, 0);
    }

    /// How many samples.
    pub const fn len(&self) -> u64 {
        self.count
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The longest, in microseconds; zero where there is none.
    pub fn max(&self) -> u32 {
        if self.count == 0 { 0 } else { value_at(self.highest) }
    }

    /// The latency that a share `p` of the samples and of `unanswered` more does not exceed. The unanswered took
    /// longer than any: `None` where the percentile is one of them, or where there is no sample.
    pub fn quantile(&self, p: f64, unanswered: u64) -> Option<u32> {
        let rank = ((self.count + unanswered) as f64 * p).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bin, count) in self.counts[..=self.highest].iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Some(value_at(bin));
            }
        }
        None
    }

    /// What each bin that holds something stands for, the longest latency of it, and its count; ascending.
    pub fn entries(&self) -> impl Iterator<Item = (u32, u64)> {
        let touched = self.counts[..=self.highest].iter().enumerate();
        touched.filter(|(_, count)| **count > 0).map(|(bin, count)| (value_at(bin), *count))
    }

    /// As an HdrHistogram.
    pub fn histogram(&self) -> Histogram<u64> {
        let mut histogram = Histogram::new_with_bounds(1, u64::from(u32::MAX), 3)
            .expect("the bounds are constants that it takes");
        for (value, count) in self.entries() {
            histogram.saturating_record_n(u64::from(value), count);
        }
        histogram
    }
}

fn value_at(bin: usize) -> u32 {
    value_of(u16::try_from(bin).expect("there are fewer than 65,536 bins"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bins_follow_one_another_without_gap() {
        let mut before = None;
        for bin in 0..u16::try_from(BINS).unwrap() {
            let value = value_of(bin);
            assert_eq!(bin_of(value), bin);
            if let Some(before) = before {
                assert_eq!(bin_of(before + 1), bin, "{value}");
            }
            before = Some(value);
        }
        assert_eq!(before, Some(u32::MAX));
    }

    proptest! {
        #[test]
        fn percentiles_are_those_of_hdr_histogram(samples in prop::collection::vec(1_u32..4_000_000_000, 1..300)) {
            let sum = Sum::of([&Distribution::of(samples.iter().copied())]);
            let histogram = sum.histogram();
            prop_assert_eq!(histogram.len(), samples.len() as u64);
            for p in [0.1, 0.5, 0.9, 0.99, 1.0] {
                let theirs = u32::try_from(histogram.value_at_quantile(p).min(u64::from(u32::MAX))).unwrap();
                prop_assert_eq!(sum.quantile(p, 0), Some(theirs));
            }
        }

        #[test]
        fn what_is_taken_out_is_what_was_put_in(samples in prop::collection::vec(any::<u32>(), 0..300)) {
            let mut bins = Bins::default();
            samples.iter().for_each(|value| bins.add(*value, 1));
            let taken = bins.take();
            prop_assert_eq!(taken.len(), samples.len() as u64);
            prop_assert_eq!(bins.take(), Distribution::default());
            let limit = value_of(bin_of(1_000_000));
            let longer = samples.iter().filter(|value| **value > limit).count();
            prop_assert_eq!(taken.longer_than(limit), longer as u64);
            let (first, second) = samples.split_at(samples.len() / 3);
            let mut merged = Distribution::of(first.iter().copied());
            merged.merge(&Distribution::of(second.iter().copied()));
            prop_assert_eq!(merged, taken);
        }
    }

    #[test]
    fn who_was_not_answered_took_longest() {
        let sum = Sum::of([&Distribution::of(1..=99)]);
        assert_eq!(sum.quantile(0.99, 0), Some(99));
        assert_eq!(sum.quantile(0.99, 1), Some(99));
        assert_eq!(sum.quantile(0.99, 2), None);
        assert_eq!(sum.quantile(0.5, 99), Some(99));
    }
}
