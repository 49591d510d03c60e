//! What a payment costs while something grows: lines of points, as a table and as a picture.

use std::path::Path;

use plotters::prelude::*;

/// What was measured at one size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The size.
    pub size: u64,
    /// Nanoseconds of a payment, of all turns: the tenth part is below, half, nine tenths.
    pub ns: [f64; 3],
}

impl Point {
    /// Of the nanoseconds that a payment took in each turn.
    pub fn of(size: u64, mut turns: Vec<f64>) -> Self {
        turns.sort_by(f64::total_cmp);
        let at = |share: usize| turns.get(turns.len() * share / 10).copied().unwrap_or(f64::NAN);
        Self { size, ns: [at(1), at(5), at(9)] }
    }
}

/// Something that grows.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What.
    pub name: String,
    /// By size.
    pub points: Vec<Point>,
}

/// One line for each point.
pub fn table(lines: &[Line]) -> String {
    let mut out = format!("{:<44} {:>12} {:>10} {:>18}\n", "what grows", "to", "ns, median", "10 % to 90 %");
    for line in lines {
        for Point { size, ns: [low, middle, high] } in &line.points {
            out += &format!("{:<44} {size:>12} {middle:>10.0} {low:>8.0} to {high:>6.0}\n", line.name);
        }
    }
    out
}

const COLOURS: [RGBColor; 4] =
    [RGBColor(0, 90, 160), RGBColor(200, 80, 0), RGBColor(0, 130, 70), RGBColor(130, 40, 130)];

/// Draws the lines, sizes on a logarithmic axis, nanoseconds from zero.
///
/// # Errors
/// Where there is nothing to draw, or the file cannot be written.
pub fn picture(lines: &[Line], caption: &str, file: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let points = || lines.iter().flat_map(|line| &line.points);
    let smallest = points().map(|point| point.size).min().ok_or("there is nothing to draw")?;
    let largest = points().map(|point| point.size).max().ok_or("there is nothing to draw")?;
    let dearest = points().map(|point| point.ns[2]).fold(0.0, f64::max);
    let area = SVGBackend::new(file, (900, 480)).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .caption(caption, ("sans-serif", 18))
        .margin(14)
        .x_label_area_size(44)
        .y_label_area_size(64)
        .build_cartesian_2d((smallest..largest * 2).log_scale(), 0.0..dearest * 1.25)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc("how many")
        .y_desc("nanoseconds of the switch a payment")
        .draw()?;
    for (line, colour) in lines.iter().zip(COLOURS.iter().cycle()) {
        let middle = line.points.iter().map(|point| (point.size, point.ns[1]));
        chart
            .draw_series(LineSeries::new(middle, colour.stroke_width(2)).point_size(3))?
            .label(&line.name)
            .legend(|(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
        let bars = line.points.iter().map(|Point { size, ns: [low, _, high] }| {
            PathElement::new([(*size, *low), (*size, *high)], colour.stroke_width(1))
        });
        chart.draw_series(bars)?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .border_style(BLACK)
        .draw()?;
    area.present()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_is_drawn_and_told() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("growth.svg");
        let point = |size| Point::of(size, (1..=10).map(f64::from).collect());
        assert_eq!(point(10).ns, [2.0, 6.0, 10.0]);
        let line = |name: &str| Line { name: name.to_owned(), points: vec![point(10), point(1_000)] };
        let lines = [line("things"), line("other things")];
        picture(&lines, "What grows", &file).unwrap();
        let drawn = std::fs::read_to_string(&file).unwrap();
        for text in ["What grows", "things", "other things"] {
            assert!(drawn.contains(text), "{text}");
        }
        assert_eq!(table(&lines).lines().count(), 1 + 4);
        assert!(picture(&[], "nothing", &file).is_err());
    }
}
