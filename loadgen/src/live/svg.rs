//! A drawn screen as a picture for documents: what stands in the buffer, cell by cell, as text in SVG.

use std::fmt::Write;

use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

/// Of one cell, in pixels.
const WIDTH: u16 = 9;
const HEIGHT: u16 = 18;
const MARGIN: u16 = 12;

/// The picture.
pub fn svg_of(buffer: &Buffer) -> String {
    let area = buffer.area;
    let (width, height) = (area.width * WIDTH + 2 * MARGIN, area.height * HEIGHT + 2 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#16181d\"/>\n\
         <g font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"15\" xml:space=\"preserve\">\n"
    );
    for y in 0..area.height {
        let cells: Vec<&Cell> = (0..area.width).map(|x| &buffer[(area.x + x, area.y + y)]).collect();
        let mut x = 0_u16;
        for run in cells.chunk_by(|a, b| (a.fg, a.modifier) == (b.fg, b.modifier)) {
            let length = u16::try_from(run.len()).expect("a run is no longer than its line");
            let text: String = run.iter().map(|cell| cell.symbol()).collect();
            if !text.trim().is_empty() {
                let written = text_element(&mut out, (x, y), length, run[0], &text);
                written.expect("a string takes what is written to it");
            }
            x += length;
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
}

fn text_element(out: &mut String, at: (u16, u16), cells: u16, style: &Cell, text: &str) -> std::fmt::Result {
    let (x, y) = (MARGIN + at.0 * WIDTH, MARGIN + at.1 * HEIGHT + HEIGHT - 5);
    let weight = if style.modifier.contains(Modifier::BOLD) { " font-weight=\"bold\"" } else { "" };
    write!(
        out,
        "<text x=\"{x}\" y=\"{y}\" textLength=\"{}\" fill=\"{}\"{weight}>",
        cells * WIDTH,
        ink(style.fg)
    )?;
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // A browser would shorten a row of spaces.
            ' ' => out.push('\u{a0}'),
            other => out.push(other),
        }
    }
    writeln!(out, "</text>")
}

const fn ink(colour: Color) -> &'static str {
    match colour {
        Color::Red => "#e5484d",
        Color::LightRed => "#f2777a",
        Color::Yellow => "#f5d90a",
        Color::Green => "#46a758",
        Color::Blue => "#3e63dd",
        Color::Cyan => "#00a2c7",
        Color::DarkGray => "#5a6169",
        _ => "#d7dae0",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_has_the_words_of_the_screen_with_nothing_that_breaks_it() {
        let buffer = Buffer::with_lines(["p99 < 5 ms & more", "█▓▒░"]);
        let svg = svg_of(&buffer);
        assert!(svg.contains("p99\u{a0}&lt;\u{a0}5\u{a0}ms\u{a0}&amp;\u{a0}more"), "{svg}");
        assert!(svg.contains("█▓▒░") && svg.ends_with("</svg>\n"));
    }
}
