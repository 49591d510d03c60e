//! Draws the live screen of a run that has ended, as it stood at the end of the sending, into an SVG on standard output:
//! `cargo run -p holdfast-loadgen --example live_picture -- DIR > live.svg`, where DIR holds what `loadgen run -o DIR` left. The
//! drawing is that of the program, so that the picture in the documents stays true.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use holdfast_loadgen::accounting::Counts;
use holdfast_loadgen::live::{Gauges, Palette, Phase, RateBy, Setting, Snapshot, View, draw, svg};
use holdfast_loadgen::measure::bins::Distribution;
use holdfast_protocol::Reason;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use serde_json::Value;

const WIDTH: u16 = 110;
const HEIGHT: u16 = 34;

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).ok_or("which directory holds the run?")?;
    let run: Value = serde_json::from_str(&std::fs::read_to_string(Path::new(&directory).join("run.json"))?)?;
    let mut terminal = Terminal::new(TestBackend::new(WIDTH, HEIGHT))?;
    let view = view(&run).ok_or("run.json is not one of this version")?;
    terminal.draw(|frame| draw(&view, frame))?;
    print!("{}", svg::svg_of(terminal.backend().buffer()));
    Ok(())
}

fn view(run: &Value) -> Option<View> {
    let (summary, config) = (&run["summary"], &run["summary"]["config"]);
    let (warmup, duration) = (config["warmup_s"].as_f64()?, config["duration_s"].as_f64()?);
    let setting = Setting {
        command: "run",
        switch: config["switch"].as_str()?.parse().ok()?,
        admin: None,
        seed: summary["seed"].as_u64()?,
        warmup: Duration::from_secs_f64(warmup),
        duration: Duration::from_secs_f64(duration),
        rate: config["rate"].as_f64().map_or(RateBy::Switch, RateBy::Keys),
        hiccup_us: Arc::new(AtomicU64::new(0)),
        player: 0,
    };
    let mut view = View::new(setting, Palette::Colours);
    let rows: Vec<u32> = run["heat_map"]["rows_us"].as_array()?.iter().filter_map(as_u32).collect();
    let total = counts(&summary["accounting"])?;
    let slices = run["points"].as_array()?.iter().zip(run["heat_map"]["counts"].as_array()?);
    for (point, counts) in slices {
        let (at_s, length_s) = (point["at_s"].as_f64()?, point["length_s"].as_f64()?);
        if at_s >= warmup + duration - 0.5 * length_s {
            break;
        }
        let count = |name: &str| Some((point[name].as_f64()? * length_s).round() as u64);
        let responses = rows.iter().zip(counts.as_array()?).flat_map(|(micros, count)| {
            std::iter::repeat_n(*micros, usize::try_from(count.as_u64().unwrap_or(0)).unwrap_or(0))
        });
        view.take(Snapshot {
            at_ns: ((at_s + length_s) * 1e9) as u64,
            length_ns: (length_s * 1e9) as u64,
            phase: if at_s < warmup { Phase::WarmUp } else { Phase::Measuring },
            offered: count("offered_per_s")?,
            completed: count("achieved_per_s")?,
            responses: Distribution::of(responses),
            lag: Distribution::of(as_u32(&point["lag_p99_us"])),
            total: total.clone(),
            ..Snapshot::default()
        });
    }
    let generator = &summary["generator"];
    view.take_gauges(Gauges {
        ran_share: generator["ran_share"].as_f64()?,
        waited_share: generator["waited_share"].as_f64()?,
        hiccup_us: generator["max_hiccup_us"].as_u64()?,
        udp_drops: generator["udp_drops"].as_u64()?,
        syncs_per_s: summary["journal"]["syncs_per_s"].as_f64(),
    });
    Some(view)
}

fn as_u32(value: &Value) -> Option<u32> {
    u32::try_from(value.as_u64()?).ok()
}

fn counts(accounting: &Value) -> Option<Counts> {
    let count = |name: &str| accounting[name].as_u64();
    Some(Counts {
        sent: count("sent")?,
        shed: count("shed")?,
        approved: count("approved")?,
        unknown: count("unknown")?,
        declined: by_reason(&accounting["declined_by_reason"]),
        not_done: by_reason(&accounting["not_done_by_reason"]),
        ..Counts::default()
    })
}

fn by_reason(counts: &Value) -> BTreeMap<Reason, u64> {
    let of = |reason: &Reason| Some((*reason, counts.get(reason.name())?.as_u64()?));
    Reason::ALL.iter().filter_map(of).collect()
}
