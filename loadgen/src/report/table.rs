//! The table that people read.

use std::fmt::Write;

use super::Report;
use crate::accounting::Counts;
use crate::latency::Measure;
use crate::scenario::Scenario;
use crate::summary::{Books, Percentiles};
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
    out
}

fn head(report: &Report, out: &mut String) -> std::fmt::Result {
    let s = &report.summary;
    writeln!(out)?;
    writeln!(out, "loadgen {} ({}, {})   seed {}", s.build.version, s.build.commit, s.build.profile, s.seed)?;
    let place = if report.colocated {
        "generator and switch share this machine"
    } else {
        "switch on another machine"
    };
    writeln!(out, "{}, {} cores, Linux {}: {place}", s.host.cpu, s.host.cores, s.host.kernel)?;
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
    let hiccup = g.max_hiccup_us as f64 / 1_000.0;
    writeln!(
        out,
        "  {:<12}{cpu:>16}   longest hiccup {hiccup:.1} ms, {} datagrams dropped",
        "generator", g.udp_drops
    )
}

fn per_second(rate: f64) -> String {
    format!("{}/s", grouped(rate.round() as u64))
}

/// Digits in groups of three.
fn grouped(number: u64) -> String {
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
    writeln!(out)?;
    let title = "latency, ms";
    writeln!(
        out,
        "  {title:<13}{:>9}{:>9}{:>9}{:>9}{:>9}{:>14}",
        "p50", "p90", "p99", "p99.9", "max", "count"
    )?;
    for measure in Measure::ALL {
        let p = Percentiles::of(report.latencies.of(measure));
        let name = measure.name().replace('_', " ");
        if p.count == 0 {
            let why = if report.closed_loop && measure == Measure::Lag { "n/a, closed loop" } else { "-" };
            writeln!(out, "  {name:<13}{why:>18}")?;
            continue;
        }
        let ms = |micros: u64| format!("{:.2}", micros as f64 / 1_000.0);
        let (p50, p90, p99, p999) = (ms(p.p50), ms(p.p90), ms(p.p99), ms(p.p999));
        let (max, count) = (ms(p.max), grouped(p.count));
        writeln!(out, "  {name:<13}{p50:>9}{p90:>9}{p99:>9}{p999:>9}{max:>9}{count:>14}")?;
    }
    writeln!(
        out,
        "    response: to the answer from the intended time of sending; service: from the actual one; lag: between the \
         two; switch only:\n    service less the destination's own time; follow up: captures, releases, reversals, \
         inquiries, second copies"
    )
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
        "  {} messages, {} second copies, {} repeats; destinations took {} forwards and {} deliveries",
        grouped(total.messages),
        grouped(total.duplicates),
        grouped(sums.repeats),
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
    for open in report.closing.open.iter().take(10) {
        writeln!(out, "    {open}")?;
    }
    if let Some(broken) = &report.broken {
        writeln!(out, "  the run broke off: {broken}")?;
    }
    if report.interrupted {
        writeln!(out, "  interrupted: a part of the run")?;
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
