//! The picture of a run: made for 80 columns by 24 lines, and better with more.

use std::time::Duration;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Sparkline};

use super::heat::HeatMap;
use super::snapshot::{Phase, RateBy};
use super::view::{Column, View};
use crate::report::table::grouped;
use crate::verdict::{BUSY_SUSPECT, HICCUP_US_SUSPECT};

/// Below this nothing sensible can be shown.
const WIDTH_MIN: u16 = 60;
const HEIGHT_MIN: u16 = 20;

/// Draws everything.
pub fn draw(view: &View, frame: &mut Frame<'_>) {
    let area = frame.area();
    if area.width < WIDTH_MIN || area.height < HEIGHT_MIN {
        let text =
            format!("the run goes on; {WIDTH_MIN} columns and {HEIGHT_MIN} lines show it\n\n{}", keys(view));
        return frame.render_widget(Paragraph::new(text), area);
    }
    let foot = if area.height >= 36 { 12 } else { 8 };
    let errand = &view.latest.errand;
    let [head, bar, why, top, map, bottom, help] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Length(1),
        Constraint::Length(u16::from(!errand.is_empty())),
        Constraint::Length(5),
        Constraint::Min(3),
        Constraint::Length(foot),
        Constraint::Length(1),
    ])
    .areas(area);
    let [rate, p50, p99] = Layout::horizontal([Constraint::Fill(1); 3]).areas(top);
    let [outcomes, generator] = Layout::horizontal([Constraint::Fill(1); 2]).areas(bottom);
    frame.render_widget(Paragraph::new(title(view, head.width)), head);
    frame.render_widget(Paragraph::new(progress(view, bar.width)), bar);
    frame.render_widget(Paragraph::new(errand.as_str()), why);
    rates(view, frame, rate);
    let now = view.recent();
    percentile(view, frame, p50, "response p50", now.p50_us, |column| column.p50_us);
    percentile(view, frame, p99, "response p99", now.p99_us, |column| column.p99_us);
    let inner = boxed(frame, map, "responses over time, by length");
    frame.render_widget(HeatMap(view), inner);
    let inner = boxed(frame, outcomes, "outcomes");
    frame.render_widget(Paragraph::new(endings(view, usize::from(inner.height))), inner);
    let inner = boxed(frame, generator, "generator and journal");
    frame.render_widget(Paragraph::new(health(view)), inner);
    frame.render_widget(Paragraph::new(keys(view)), help);
}

fn boxed(frame: &mut Frame<'_>, area: Rect, title: &str) -> Rect {
    let block = Block::bordered().title(format!(" {title} "));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    inner
}

fn title(view: &View, width: u16) -> Line<'static> {
    let (setting, latest) = (view.setting(), &view.latest);
    let left = format!("loadgen {}  seed {}  {}", setting.command, setting.seed, setting.switch);
    let total = (setting.warmup + setting.duration).as_secs_f64();
    let at = (latest.at_ns as f64 / 1e9).min(total);
    let phase = match latest.phase {
        _ if latest.steering.paused => "PAUSED",
        Phase::WarmUp => "warm-up",
        Phase::Measuring => "measuring",
        Phase::Draining => "draining",
    };
    let right = format!("{phase} {at:.1} of {total:.0} s");
    let gap = usize::from(width).saturating_sub(left.chars().count() + right.chars().count());
    let bold = Style::default().add_modifier(Modifier::BOLD);
    Line::from(vec![
        Span::styled(left, bold),
        Span::raw(" ".repeat(gap.max(1))),
        Span::styled(right, view.palette.ink(Color::Cyan).add_modifier(Modifier::BOLD)),
    ])
}

fn progress(view: &View, width: u16) -> Line<'static> {
    let setting = view.setting();
    let total = (setting.warmup + setting.duration).as_nanos() as f64;
    let share = if total > 0.0 { (view.latest.at_ns as f64 / total).min(1.0) } else { 1.0 };
    let filled = (f64::from(width) * share) as usize;
    Line::from(vec![
        Span::styled("━".repeat(filled), view.palette.ink(Color::Green)),
        Span::styled("─".repeat(usize::from(width) - filled), view.palette.ink(Color::DarkGray)),
    ])
}

fn rates(view: &View, frame: &mut Frame<'_>, area: Rect) {
    let (setting, now) = (view.setting(), view.recent());
    let factor = view.latest.steering.factor;
    let name = match setting.rate {
        RateBy::Keys(rate) if factor != 1.0 => {
            format!("rate {}/s BY HAND", grouped((rate * factor).round() as u64))
        }
        RateBy::Keys(rate) | RateBy::Shape(rate) | RateBy::Command(rate) => {
            format!("rate {}/s", grouped(rate.round() as u64))
        }
        RateBy::Trace => "rate of the trace".to_owned(),
        RateBy::Switch => "rate as the switch can".to_owned(),
    };
    let inner = boxed(frame, area, &name);
    let [words, line] = Layout::vertical([Constraint::Length(2), Constraint::Min(0)]).areas(inner);
    let per_second = |rate: f64| format!("{:>11}/s", grouped(rate.round() as u64));
    let text = vec![
        Line::from(format!("offered  {}", per_second(now.offered_per_s))),
        Line::from(format!("achieved {}", per_second(now.achieved_per_s))),
    ];
    frame.render_widget(Paragraph::new(text), words);
    let mean = |columns: &[Column]| {
        let sum: f64 = columns.iter().map(|column| column.achieved_per_s).sum();
        Some((sum / columns.len() as f64) as u64)
    };
    spark(view, frame, line, Color::Green, mean);
}

fn percentile(
    view: &View,
    frame: &mut Frame<'_>,
    area: Rect,
    name: &str,
    now: Option<u32>,
    of: impl Fn(&Column) -> Option<u32>,
) {
    let inner = boxed(frame, area, name);
    let [words, line] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(inner);
    let text = now.map_or_else(|| "-".to_owned(), time_of);
    frame.render_widget(Paragraph::new(text).style(Style::default().add_modifier(Modifier::BOLD)), words);
    // Of several slices the worst: a picture must not hide what it squeezes.
    let worst = |columns: &[Column]| columns.iter().filter_map(&of).max().map(u64::from);
    spark(view, frame, line, Color::Yellow, worst);
}

fn spark(
    view: &View,
    frame: &mut Frame<'_>,
    area: Rect,
    colour: Color,
    of: impl Fn(&[Column]) -> Option<u64>,
) {
    let data: Vec<Option<u64>> = view.squeezed(usize::from(area.width)).map(of).collect();
    frame.render_widget(Sparkline::default().data(data).style(view.palette.ink(colour)), area);
}

/// How operations ended: what went well in one line, then every reason, the most frequent first.
fn endings(view: &View, lines: usize) -> Vec<Line<'static>> {
    let total = &view.latest.total;
    let mut text = vec![Line::from(format!(
        "approved {}   in flight {}",
        grouped(total.approved),
        grouped(view.latest.in_flight)
    ))];
    let mut others: Vec<(String, u64, Color)> = Vec::new();
    let declined = total.declined.iter().map(|(r, n)| (format!("declined {}", r.name()), *n, Color::Yellow));
    let refused = total.not_done.iter().map(|(r, n)| (format!("not done {}", r.name()), *n, Color::LightRed));
    let errors = total.errors.iter().map(|(fault, n)| (format!("ERROR {}", fault.text()), *n, Color::Red));
    others.extend(declined.chain(refused).chain(errors));
    others.push(("unknown outcome".to_owned(), total.unknown, Color::Red));
    others.push(("shed: never sent".to_owned(), total.shed, Color::LightRed));
    others.retain(|(_, count, _)| *count > 0);
    if others.is_empty() {
        text.push(Line::from("nothing declined, refused, lost or wrong"));
    }
    others.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let room = lines.saturating_sub(1);
    let hidden = others.len().saturating_sub(room);
    let shown = if hidden > 0 { room.saturating_sub(1) } else { others.len() };
    for (name, count, colour) in &others[..shown] {
        let line = format!("{:>10} {name}", grouped(*count));
        text.push(Line::styled(line, view.palette.ink(*colour)));
    }
    if hidden > 0 {
        let rest: u64 = others[shown..].iter().map(|(_, count, _)| count).sum();
        text.push(Line::from(format!("{:>10} for {} more reasons", grouped(rest), others.len() - shown)));
    }
    text
}

fn health(view: &View) -> Vec<Line<'static>> {
    let lag = view.recent().lag_p99_us.map_or_else(|| "-".to_owned(), time_of);
    let mut text = vec![Line::from(format!("own lag p99       {lag}"))];
    let Some(gauges) = view.gauges else {
        text.push(Line::from("the rest is read once a second"));
        return text;
    };
    let doubt = |doubtful: bool, line: String| {
        let style = if doubtful {
            view.palette.ink(Color::Yellow).add_modifier(Modifier::BOLD)
        } else {
            Style::default()
        };
        Line::styled(line, style)
    };
    let percent = |share: f64| format!("{:.0} %", share * 100.0);
    let busy = gauges.ran_share + gauges.waited_share;
    let cpu =
        format!("its thread ran    {}, waited {}", percent(gauges.ran_share), percent(gauges.waited_share));
    text.push(doubt(busy > BUSY_SUSPECT, cpu));
    let hiccup = u32::try_from(gauges.hiccup_us).unwrap_or(u32::MAX);
    let paused = gauges.hiccup_us > HICCUP_US_SUSPECT;
    text.push(doubt(paused, format!("longest hiccup    {}", time_of(hiccup))));
    text.push(doubt(gauges.udp_drops > 0, format!("datagrams dropped {}", grouped(gauges.udp_drops))));
    let syncs = gauges
        .syncs_per_s
        .map_or_else(|| "not known".to_owned(), |s| format!("{}/s", grouped(s.round() as u64)));
    text.push(Line::from(format!("journal syncs     {syncs}")));
    text
}

fn keys(view: &View) -> String {
    let rate = match view.setting().rate {
        RateBy::Keys(_) => "+ - rate by 10 %",
        RateBy::Shape(_) => "the shape sets the rate",
        RateBy::Trace => "the trace sets the rate",
        RateBy::Switch => "the switch sets the rate",
        // Faster, slower or a pause would be another measurement.
        RateBy::Command(_) => return format!("q end the {}", whole(view.setting().command)),
    };
    let pause = if view.latest.steering.paused { "p go on" } else { "p pause" };
    let end = if view.latest.phase == Phase::Draining { "q end without waiting" } else { "q end" };
    format!("{rate}   {pause}   {end}")
}

/// What ends with it.
fn whole(command: &str) -> &str {
    if command == "capacity" { "search" } else { command }
}

/// A latency with its unit.
pub(super) fn time_of(micros: u32) -> String {
    let time = Duration::from_micros(u64::from(micros)).as_secs_f64();
    match micros {
        0..100_000 => format!("{:.2} ms", time * 1e3),
        100_000..1_000_000 => format!("{:.0} ms", time * 1e3),
        1_000_000.. => format!("{time:.2} s"),
    }
}
