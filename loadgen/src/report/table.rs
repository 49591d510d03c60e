//! The table that people read.

use std::fmt::Write;

use super::Report;
use crate::accounting::Counts;
use crate::drill::DrillSummary;
use crate::measure::kinds::Figure;
use crate::objective::{Known, Standing};
use crate::results::head::programs;
use crate::results::latency::{LatencySummary, Reached};
use crate::results::summary::{Books, Window};
use crate::traffic::scenario::Scenario;
use crate::verdict::Measurement;

/// The whole text.
pub(super) fn text(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let written = head(report, &mut out)
        .and_then(|()| latencies(report, &mut out))
        .and_then(|()| endings(report, &mut out))
        .and_then(|()| reasons(report, &mut out))
        .and_then(|()| verdict(report, &mut out));
    written.expect("a string takes what is written to it");
    out + &report.summary.drill.as_ref().map_or_else(String::new, DrillSummary::text)
}

fn head(report: &Report, out: &mut String) -> std::fmt::Result {
    let s = &report.summary;
    writeln!(out)?;
    writeln!(out, "{}", programs(&s.build, s.switch_build.as_ref(), s.seed))?;
    let place = s.verdict.label.unwrap_or("switch on another machine");
    writeln!(out, "{}, {} cores, Linux {}: {place}", s.host.cpu, s.host.cores, s.host.kernel)?;
    writeln!(out, "{}", window(&s.window, s.broken_off.is_some()))?;
    writeln!(out)?;
    let offered =
        if report.closed_loop { "closed loop".to_owned() } else { per_second(s.rate.offered_per_s) };
    writeln!(out, "  {:<12}{offered:>16}", "offered")?;
    writeln!(out, "  {:<12}{:>16}", "achieved", per_second(s.rate.achieved_per_s))?;
    let goodput = per_second(s.rate.goodput_per_s);
    writeln!(out, "  {:<12}{goodput:>16}   approved within their deadline", "goodput")?;
    if report.admin_read {
        let j = &s.journal;
        let bytes = j.bytes_per_s / 1e6;
        let syncs = per_second(j.syncs_per_s);
        writeln!(out, "  {:<12}{syncs:>16}   {bytes:.1} MB/s, {:.1} facts a frame", "syncs", j.batch_mean)?;
    }
    let g = &s.generator;
    let cpu = format!("{:.2} cores", g.cpu_share);
    let percent = |share: f64| format!("{:.1} %", share * 100.0);
    writeln!(
        out,
        "  {:<12}{cpu:>16}   its thread ran {} and waited for a processor {} of the time, the host took {}",
        "generator",
        percent(g.ran_share),
        percent(g.waited_share),
        percent(g.stolen_share)
    )?;
    let (hiccup, lag) = (g.max_hiccup_us as f64 / 1_000.0, g.own_lag_p99_us as f64 / 1_000.0);
    let planned = g
        .offered_of_planned
        .map_or_else(String::new, |share| format!("{} of the plan offered, ", percent(share)));
    writeln!(
        out,
        "  {:<12}{:>16}   {planned}own lag p99 {lag:.2} ms, longest hiccup {hiccup:.1} ms, {} datagrams dropped",
        "", "", g.udp_drops
    )
}

/// Which part of the run the figures are of. What was planned and never came is said as such.
fn window(window: &Window, cut_short: bool) -> String {
    let Window { from_s, until_s, planned_until_s, mser_5_s, steady } = window;
    if cut_short {
        let measured = if from_s < until_s {
            format!(
                "measured from {from_s:.1} to {until_s:.1} s; of a part it is not said whether it was steady"
            )
        } else {
            "within its warm-up: nothing was measured".to_owned()
        };
        return format!("CUT SHORT after {until_s:.1} of {planned_until_s:.1} s, {measured}");
    }
    let steady = match steady {
        Some(true) => "steady",
        Some(false) => "UNSTEADY",
        None => "too short to tell whether steady",
    };
    let mser = mser_5_s.map_or_else(|| "cannot tell".to_owned(), |at| format!("{at:.1} s"));
    format!("measured from {from_s:.1} to {until_s:.1} s, {steady}; warm-up by MSER-5: {mser}")
}

fn per_second(rate: f64) -> String {
    format!("{}/s", grouped(rate.round() as u64))
}

/// Digits in groups of three.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn latencies(report: &Report, out: &mut String) -> std::fmt::Result {
    let s = &report.summary;
    writeln!(out)?;
    let title = "latency, ms";
    writeln!(
        out,
        "  {title:<13}{:>9}{:>9}{:>9}{:>9}{:>9}{:>14}  p99 lies, 95 %",
        "p50", "p90", "p99", "p99.9", "max", "count"
    )?;
    for figure in Figure::ALL {
        let name = figure.name().replace('_', " ");
        match s.latency_us.get(figure.name()).filter(|summary| summary.count > 0) {
            Some(summary) => latency(&name, summary, out)?,
            None => {
                let why = if report.closed_loop && figure == Figure::Lag { "n/a, closed loop" } else { "-" };
                writeln!(out, "  {name:<13}{why:>18}")?;
            }
        }
    }
    let response = s.latency_us.get(Figure::Response.name());
    if let Some(all) = response.and_then(|response| response.with_unanswered.as_ref()) {
        let p99 = match all.percentiles.get("p99").copied().flatten() {
            Some(Reached::Micros(micros)) => format!("{} ms", ms(micros)),
            Some(Reached::Endless(_)) => "endless".to_owned(),
            None => match response.map(|response| response.known("p99")) {
                Some(Known::Value(micros, _)) => format!("~{} ms", ms(micros as u32)),
                Some(Known::Endless) => "endless".to_owned(),
                Some(Known::Nothing) | None => "n/a".to_owned(),
            },
        };
        writeln!(out, "  response p99 including {} unanswered: {p99}", grouped(all.unanswered))?;
    }
    groups("by scenario", s.latency_us_by_scenario.iter().map(|(name, of)| (*name, of)), out)?;
    groups("by operator", s.latency_us_by_operator.iter().map(|(name, of)| (name.as_str(), of)), out)?;
    writeln!(
        out,
        "    response: to the answer from the intended time of sending; service: from the actual one; lag: between the \
         two; switch only:\n    service less the destination's own time (dependency); follow up: captures, releases, \
         reversals, inquiries, second copies\n    ~ as observed in this run, without an interval: fewer than ten independent samples lie beyond it, for slow ones come \
         together; a longer run has more\n    n/a: fewer than ten samples of any kind lie beyond it"
    )
}

type Named = std::collections::BTreeMap<&'static str, LatencySummary>;

/// The response of each group, where there is more than one.
fn groups<'a>(
    title: &str,
    all: impl Iterator<Item = (&'a str, &'a Named)>,
    out: &mut String,
) -> std::fmt::Result {
    let responses: Vec<_> =
        all.filter_map(|(name, of)| Some((name, of.get(Figure::Response.name())?))).collect();
    if responses.len() < 2 {
        return Ok(());
    }
    writeln!(out, "  response {title}")?;
    responses.into_iter().try_for_each(|(name, summary)| latency(name, summary, out))
}

fn latency(name: &str, summary: &LatencySummary, out: &mut String) -> std::fmt::Result {
    let at = |name: &str| match (summary.get(name), summary.known(name)) {
        (Some(micros), _) => ms(micros),
        // Too few independent samples for a figure of the switch; what this run had is known all the same.
        (None, Known::Value(micros, _)) => format!("~{}", ms(micros as u32)),
        (None, Known::Endless) => "endless".to_owned(),
        (None, Known::Nothing) => "n/a".to_owned(),
    };
    let (p50, p90, p99, p999) = (at("p50"), at("p90"), at("p99"), at("p999"));
    let interval = match summary.intervals.get("p99") {
        Some((low, high)) => format!("{} to {}", ms(*low), ms(*high)),
        None => "-".to_owned(),
    };
    let (max, count) = (ms(summary.max), grouped(summary.count));
    writeln!(out, "  {name:<13}{p50:>9}{p90:>9}{p99:>9}{p999:>9}{max:>9}{count:>14}  {interval}")
}

fn ms(micros: u32) -> String {
    format!("{:.2}", f64::from(micros) / 1_000.0)
}

fn endings(report: &Report, out: &mut String) -> std::fmt::Result {
    writeln!(out)?;
    let title = "operations";
    write!(
        out,
        "  {title:<13}{:>11}{:>9}{:>11}{:>10}{:>9}",
        "sent", "shed", "approved", "declined", "not done"
    )?;
    writeln!(out, "{:>9}{:>9}{:>12}{:>10}", "unknown", "errors", "in flight", "reversed")?;
    for scenario in Scenario::ALL {
        let counts = report.accounting.of(scenario);
        if counts.scheduled > 0 {
            row(scenario.name(), counts, out)?;
        }
    }
    let total = report.accounting.total();
    row("total", &total, out)?;
    writeln!(
        out,
        "    sent = approved + declined + not done + unknown + errors + in flight. shed: never sent, for want of a link or \
         window in time;\n    not done: refused, nothing recorded; unknown: no outcome heard; in flight: without an \
         ending at the end;\n    reversed: undone after an approval, in time (then counted as approved, too) or too late; no part of that sum"
    )?;
    let sums = &report.closing.sums;
    writeln!(
        out,
        "  {} messages, {} second copies, {} repeats, {} refunds approved; destinations took {} forwards and {} deliveries",
        grouped(total.messages),
        grouped(total.duplicates),
        grouped(sums.repeats),
        grouped(total.refunds),
        grouped(sums.forwards),
        grouped(sums.deliveries)
    )
}

fn row(name: &str, c: &Counts, out: &mut String) -> std::fmt::Result {
    let (sent, shed, approved) = (grouped(c.sent), grouped(c.shed), grouped(c.approved));
    let (declined, not_done) = (grouped(c.declined_in_all()), grouped(c.not_done_in_all()));
    write!(out, "  {name:<13}{sent:>11}{shed:>9}{approved:>11}{declined:>10}{not_done:>9}")?;
    let (unknown, errors) = (grouped(c.unknown), grouped(c.errors_in_all()));
    let (in_flight, reversed) = (grouped(c.in_flight_at_end), grouped(c.reversed));
    writeln!(out, "{unknown:>9}{errors:>9}{in_flight:>12}{reversed:>10}")
}

fn reasons(report: &Report, out: &mut String) -> std::fmt::Result {
    let total = report.accounting.total();
    for (what, counts) in [("declined", &total.declined), ("not done", &total.not_done)] {
        if !counts.is_empty() {
            let list: Vec<_> =
                counts.iter().map(|(reason, n)| format!("{} {}", reason.name(), grouped(*n))).collect();
            writeln!(out, "  {what}: {}", list.join(", "))?;
        }
    }
    for (fault, count) in &total.errors {
        writeln!(out, "  error: {} {}", fault.text(), grouped(*count))?;
    }
    if report.strays > 0 {
        writeln!(out, "  contradictions outside any operation: {}", grouped(report.strays))?;
    }
    if report.broken_links > 0 {
        writeln!(out, "  broken links: {}", grouped(report.broken_links))?;
    }
    if report.closing.sums.inquiries_refused > 0 {
        writeln!(out, "  inquiries refused: {}", grouped(report.closing.sums.inquiries_refused))?;
    }
    if report.closing.sums.foreign > 0 {
        writeln!(out, "  messages of other runs or strangers: {}", grouped(report.closing.sums.foreign))?;
    }
    for example in report.examples.iter().take(5) {
        writeln!(out, "    e.g. {example}")?;
    }
    Ok(())
}

fn verdict(report: &Report, out: &mut String) -> std::fmt::Result {
    let v = &report.summary.verdict;
    writeln!(out)?;
    let measurement = match v.measurement {
        Measurement::Valid => "valid",
        Measurement::Suspect => "SUSPECT",
        Measurement::Invalid => "INVALID",
    };
    let compared = if report.admin_read { "" } else { " (without the switch's positions)" };
    let books = match v.books {
        Books::Closed => "closed",
        Books::Open => "OPEN",
        Books::NotJudged => "not judged",
        Books::NotCompared => "not compared",
    };
    let durable = match (v.durable, report.journal_read) {
        (true, _) => "yes",
        (false, true) => "NO: the journal was not synced",
        (false, false) => "not known: the journal's counters were not read",
    };
    writeln!(out, "  measurement {measurement}, books {books}{compared}, durable {durable}")?;
    for remark in &v.remarks {
        writeln!(out, "    {remark}")?;
    }
    for judged in &report.summary.objectives {
        let standing = match judged.standing {
            Standing::Met => "met",
            Standing::Missed => "MISSED",
            Standing::Unknown => "UNKNOWN: fewer than ten samples lie beyond it; a longer run tells",
        };
        let value = judged.said.as_ref().map_or_else(String::new, |value| format!(" with {value}"));
        let over = judged.over().map_or_else(String::new, |over| format!(" {over}"));
        let close = if judged.close { "; another run may end otherwise" } else { "" };
        writeln!(out, "  objective {}: {standing}{value}{over}{close}", judged.objective)?;
    }
    for open in report.closing.open.iter().take(10) {
        writeln!(out, "    {open}")?;
    }
    let judged = match v.books {
        Books::NotJudged => "neither objectives nor books are judged",
        // All that was sent had ended by then.
        Books::Closed | Books::Open | Books::NotCompared => "no objective is judged",
    };
    if let Some(broken) = &report.broken {
        writeln!(out, "  the run broke off: {broken}; {judged}")?;
    }
    if report.interrupted {
        writeln!(out, "  interrupted: a part of the run; {judged}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stand_in_groups_of_three() {
        let all = [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")];
        for (number, text) in all {
            assert_eq!(grouped(number), text);
        }
    }
}
