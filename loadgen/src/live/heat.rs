//! Responses over time and by length: a column for some slices of time, a row for a band of latencies on a logarithmic scale, and
//! the darker the more of the column's responses lie there.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Style};
use ratatui::widgets::Widget;

use super::draw::time_of;
use super::view::{Column, View};
use crate::measure::bins::value_of;

/// Room for the bound of a row.
const LABEL: u16 = 9;
/// From which share of a column's responses on a cell is so dark, with its colour. A single one shows: the tail is what matters.
const SHADES: [(f64, &str, Color); 4] = [
    (0.50, "█", Color::Red),
    (0.20, "▓", Color::LightRed),
    (0.05, "▒", Color::Yellow),
    (0.0, "░", Color::Blue),
];

/// See the module.
pub(super) struct HeatMap<'a>(pub(super) &'a View);

impl Widget for HeatMap<'_> {
    fn render(self, area: Rect, buffer: &mut Buffer) {
        let Some(bands) = Bands::of(&self.0.columns, area.height) else { return };
        let plain = Style::default();
        for row in 0..area.height {
            let y = area.bottom() - 1 - row;
            if row % 2 == 0 || row + 1 == area.height {
                let label = format!("{:>8} ", time_of(bands.upper_us(row)));
                buffer.set_stringn(area.x, y, label, usize::from(LABEL), plain);
            }
        }
        let width = area.width.saturating_sub(LABEL);
        for (x, columns) in (area.x + LABEL..).zip(self.0.squeezed(usize::from(width))) {
            let counts = bands.counts(columns);
            let all: u64 = counts.iter().sum();
            for (y, count) in (area.y..area.bottom()).rev().zip(counts) {
                let share = count as f64 / all.max(1) as f64;
                let shade = SHADES.iter().find(|(from, ..)| count > 0 && share >= *from);
                if let Some((_, symbol, colour)) = shade {
                    buffer.set_string(x, y, symbol, self.0.palette.ink(*colour));
                }
            }
        }
    }
}

/// Bands of equal width on a logarithmic scale, over everything that was measured.
struct Bands {
    low_us: f64,
    /// How many times more the upper bound of a band is than its lower.
    factor: f64,
    rows: u16,
}

impl Bands {
    fn of(columns: &[Column], rows: u16) -> Option<Self> {
        let bins = || {
            columns.iter().filter_map(|column| {
                Some((column.responses.bins().first()?, column.responses.bins().last()?))
            })
        };
        let low = bins().map(|(first, _)| value_of(first.0)).min()?;
        let high = bins().map(|(_, last)| value_of(last.0)).max()?;
        if rows == 0 {
            return None;
        }
        let low_us = f64::from(low.max(1));
        // A little more than the longest, and never a scale without extent.
        let ratio = (f64::from(high) * 1.01 / low_us).max(2.0);
        Some(Self { low_us, factor: ratio.powf(1.0 / f64::from(rows)), rows })
    }

    fn upper_us(&self, row: u16) -> u32 {
        (self.low_us * self.factor.powi(i32::from(row) + 1)) as u32
    }

    fn row(&self, micros: u32) -> usize {
        let row = (f64::from(micros.max(1)) / self.low_us).ln() / self.factor.ln();
        (row.max(0.0) as usize).min(usize::from(self.rows) - 1)
    }

    fn counts(&self, columns: &[Column]) -> Vec<u64> {
        let mut counts = vec![0; usize::from(self.rows)];
        for (bin, count) in columns.iter().flat_map(|column| column.responses.bins()) {
            counts[self.row(value_of(*bin))] += u64::from(*count);
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::bins::Distribution;

    fn column(micros: &[u32]) -> Column {
        let responses = Distribution::of(micros.iter().copied());
        Column { achieved_per_s: 0.0, p50_us: None, p99_us: None, responses }
    }

    #[test]
    fn every_response_has_a_row_and_longer_ones_lie_higher() {
        let columns = [column(&[100, 1_100]), column(&[11_000, 100_000]), column(&[])];
        let bands = Bands::of(&columns, 3).unwrap();
        assert_eq!([100, 1_100, 11_000, 100_000].map(|micros| bands.row(micros)), [0, 1, 2, 2]);
        assert_eq!(bands.counts(&columns), [1, 1, 2]);
        assert!(bands.upper_us(2) >= 100_000 && bands.upper_us(2) < 103_000);
    }

    #[test]
    fn without_a_response_there_is_no_scale() {
        assert!(Bands::of(&[column(&[])], 5).is_none());
        assert!(Bands::of(&[column(&[7])], 5).is_some_and(|bands| bands.row(7) == 0));
    }
}
