//! The one table for people.

use super::{Figures, RELAY_SHARE_MIN, Relay, Run, median_by, ratio};

fn rate(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn us(value: Option<f64>) -> String {
    match value {
        None => "n/a".to_owned(),
        Some(us) if us < 10_000.0 => format!("{} us", rate(us)),
        Some(us) => format!("{:.1} ms", us / 1_000.0),
    }
}

fn times(value: Option<f64>) -> String {
    value.map_or("n/a".to_owned(), |value| format!("{value:.2}"))
}

/// What, a second, p50, p99, p99.9, and the saturated Holdfast by this.
type Row = [String; 6];

fn relay_row(what: &str, relay: &Relay, durable: Option<f64>) -> Row {
    let by = times(ratio(durable, Some(relay.rate_per_s)));
    [what.to_owned(), rate(relay.rate_per_s), us(relay.p50_us), us(relay.p99_us), "".to_owned(), by]
}

fn run_row(what: &str, run: &Run, durable: Option<f64>) -> Row {
    let mark = match run.measurement.as_str() {
        "valid" => "",
        "suspect" => " (suspect)",
        _ => " (INVALID)",
    };
    let by = durable.map_or(String::new(), |durable| times(ratio(Some(durable), Some(run.rate_per_s))));
    [format!("{what}{mark}"), rate(run.rate_per_s), us(run.p50_us), us(run.p99_us), us(run.p999_us), by]
}

/// All of it.
pub(super) fn table(figures: &Figures) -> String {
    let per_s = figures.durable().map(|run| run.rate_per_s);
    let mut rows = vec![["", "per second", "p50", "p99", "p99.9", "Holdfast by it"].map(str::to_owned)];
    if let Some(relay) = figures.relay() {
        rows.push(relay_row("raw relay, 3 links a side", relay, per_s));
    }
    if let Some(relay) = median_by(&figures.one_link, |relay| relay.rate_per_s) {
        rows.push(relay_row("raw relay, one link a side", relay, per_s));
    }
    if let Some(run) = figures.volatile() {
        rows.push(run_row("Holdfast, journal in memory: not durable", run, per_s));
    }
    if let Some(run) = figures.durable() {
        let what = format!("Holdfast, durable, median of {}", figures.durable.len());
        rows.push(run_row(&what, run, None));
    }
    if let Some(run) = &figures.half {
        rows.push(run_row("Holdfast, durable, at half of it, open loop", run, None));
    }
    if let Some(run) = &figures.single {
        rows.push(run_row("Holdfast, durable, one at a time", run, None));
    }
    for pairs in &figures.peers {
        let best = figures.best(pairs.system) == Some(pairs);
        let (p50, p99) = pairs.latency_us.unzip();
        let what = format!("{}, {}", pairs.system, pairs.setting);
        let by = if best { times(ratio(per_s, Some(pairs.pairs_per_s))) } else { "".to_owned() };
        rows.push([what, rate(pairs.pairs_per_s), us(p50), us(p99), "".to_owned(), by]);
    }
    if let Some(laboratory) = &figures.laboratory {
        let mut row = |what: &str, per: Option<f64>, p50: Option<f64>, p99: Option<f64>, by: Option<f64>| {
            if per.is_some() || p50.is_some() {
                let by = by.map_or(String::new(), |by| times(Some(by)));
                rows.push([
                    what.to_owned(),
                    per.map_or(String::new(), rate),
                    us(p50),
                    us(p99),
                    "".to_owned(),
                    by,
                ]);
            }
        };
        let relay = laboratory.relay_per_s;
        row("laboratory, raw relay, one link a side", relay, None, None, ratio(per_s, relay));
        let toy = laboratory.toy_per_s;
        row("laboratory, toy with a journal", toy, None, None, ratio(per_s, toy));
        let (paced, p99) = laboratory.toy_paced.unzip();
        row("laboratory, toy, paced", paced, None, p99, None);
        row("laboratory, toy, one at a time", None, laboratory.toy_single_p50_us, None, None);
    }
    let mut text = aligned(&rows);
    for line in remarks(figures) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

fn aligned(rows: &[Row]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for row in rows {
        let mut line = format!("{:<w$}", row[0], w = width(0));
        for (column, cell) in row.iter().enumerate().skip(1) {
            line.push_str(&format!("  {cell:>w$}", w = width(column)));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn remarks(figures: &Figures) -> Vec<String> {
    let mut lines = vec![String::new()];
    let asked = |name: &str| figures.asked[name].as_u64();
    if let Some(run) = figures.durable() {
        let number = |value: &serde_json::Value| value.as_f64().map_or("n/a".to_owned(), rate);
        lines.push(format!(
            "durable, the run in the middle: {} syncs/s, {} bytes of journal/s, {} ids remembered; processors: switch {}, \
             generator {}",
            number(&run.syncs_per_s),
            number(&run.journal_bytes_per_s),
            run.remembered.map_or("n/a".to_owned(), |count| rate(count as f64)),
            times(run.switch_cpu),
            times(run.generator_cpu.as_f64()),
        ));
        lines.push(format!("commit {}, {}", run.commit.as_str().unwrap_or("unknown"), run.host));
    }
    if asked("real_time_priority") == Some(0) {
        lines.push("at usual priority: what else the machine does counts as theirs".to_owned());
    }
    if let Some(window) = asked("window_s").filter(|window| *window < 30) {
        lines.push(format!("NOT THE HEADLINE WORK: ids are remembered for {window} s, less than 30"));
    }
    if asked("volatile_warm_up_s") < asked("warm_up_s") && !figures.volatile.is_empty() {
        let filled = asked("volatile_warm_up_s").unwrap_or(0);
        lines.push(format!("without syncs, ids were filled for {filled} s only: there is no more memory"));
    }
    if figures.laboratory.is_some() {
        lines.push(match figures.relay_by_laboratory() {
            Some(share) if share >= RELAY_SHARE_MIN => {
                format!("raw relay, one link a side, by the laboratory's: {share:.2}")
            }
            Some(share) => format!(
                "raw relay, one link a side, by the laboratory's: {share:.2}, below {RELAY_SHARE_MIN}: THE RATIO TO THE \
                 RELAY COUNTS FOR NOTHING"
            ),
            None => "the laboratory's file has no raw relay to compare with".to_owned(),
        });
    }
    lines.extend(figures.skipped.iter().map(|line| format!("skipped: {line}")));
    for run in figures.invalid() {
        lines.push(format!("INVALID: {}: {}", run.name, run.remarks.join("; ")));
    }
    lines
}
