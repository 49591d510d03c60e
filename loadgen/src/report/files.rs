//! `summary.json`, `run.json`, `series.csv`, `latency.hlog` and `latency.hgrm`.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use super::Report;
use crate::measure::bins::Sum;
use crate::measure::kinds::Figure;
use crate::measure::slices::{Group, Slice, Slices};
use crate::results::Results;
use crate::results::series::Point;
use crate::run::RunError;

/// How long one interval of the log is at least.
const INTERVAL_NS: u64 = 1_000_000_000;

/// Writes all of them.
pub(super) fn write(report: &Report, output: &Path) -> Result<(), RunError> {
    // The figures first: of what does not fit any more they are the last to miss.
    let text = serde_json::to_string_pretty(&report.summary).expect("a summary is plain data");
    let summary = output.join("summary.json");
    fs::write(&summary, text + "\n").map_err(RunError::io(summary.display().to_string()))?;
    pictures(report, output).map_err(RunError::io(format!("what belongs beside {}", summary.display())))
}

/// What people and other tools look at.
fn pictures(report: &Report, output: &Path) -> io::Result<()> {
    let results = Results::new(&report.summary, &report.slices, report.from);
    let text = serde_json::to_string(&results).map_err(io::Error::other)?;
    fs::write(output.join("run.json"), text + "\n")?;
    let lines = results.points.iter().map(|point| point.csv() + "\n");
    fs::write(
        output.join("series.csv"),
        lines.fold(format!("{}\n", Point::CSV_HEAD), |text, line| text + &line),
    )?;
    let mut log = BufWriter::new(fs::File::create(output.join("latency.hlog"))?);
    interval_log(&report.slices, &mut log)?;
    log.flush()?;
    let mut distribution = BufWriter::new(fs::File::create(output.join("latency.hgrm"))?);
    let responses = report.slices.sum(report.from, Figure::Response, Group::All);
    percentile_distribution(&responses.histogram(), &mut distribution)?;
    distribution.flush()
}

/// One tagged histogram a figure and second, in the format that HdrHistogram's tools read.
fn interval_log(slices: &Slices, out: &mut impl Write) -> io::Result<()> {
    let mut serializer = V2DeflateSerializer::new();
    let length_ns = slices.all.last().map_or(0, |slice| slice.begun_ns);
    let begun =
        SystemTime::now().checked_sub(Duration::from_nanos(length_ns)).unwrap_or(SystemTime::UNIX_EPOCH);
    let mut builder = IntervalLogWriterBuilder::new();
    builder.add_comment("[microseconds; tags: response, service, lag, switch_only, dependency, follow_up]");
    // The maximum of a line is in milliseconds, as usual in such logs.
    builder.with_start_time(begun).with_base_time(begun).with_max_value_divisor(1_000.0);
    let mut writer = builder.begin_log_with(out, &mut serializer)?;
    for interval in intervals(&slices.all) {
        let Some(first) = interval.first() else { continue };
        let length = interval.iter().map(|slice| slice.length_ns).sum();
        for figure in Figure::ALL {
            let mut sum = Sum::default();
            interval.iter().for_each(|slice| sum.add(&slice.of(figure, Group::All)));
            if sum.is_empty() {
                continue;
            }
            let (at, length) = (Duration::from_nanos(first.begun_ns), Duration::from_nanos(length));
            let written = writer.write_histogram(&sum.histogram(), at, length, Tag::new(figure.name()));
            written.map_err(|error| io::Error::other(format!("{error:?}")))?;
        }
    }
    Ok(())
}

/// The slices in groups of a second or more.
fn intervals(slices: &[Slice]) -> Vec<&[Slice]> {
    let (mut intervals, mut begin, mut length_ns) = (Vec::new(), 0, 0);
    for (index, slice) in slices.iter().enumerate() {
        length_ns += slice.length_ns;
        if length_ns >= INTERVAL_NS {
            intervals.push(&slices[begin..=index]);
            (begin, length_ns) = (index + 1, 0);
        }
    }
    intervals.push(&slices[begin..]);
    intervals
}

/// The percentile distribution that HdrHistogram's plotter reads; values in milliseconds.
fn percentile_distribution(histogram: &Histogram<u64>, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "{:>12} {:>14} {:>10} {:>14}\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)")?;
    let mut total = 0;
    for step in histogram.iter_quantiles(5) {
        total += step.count_since_last_iteration();
        let value = step.value_iterated_to() as f64 / 1_000.0;
        let quantile = step.quantile_iterated_to();
        write!(out, "{value:>12.3} {quantile:>14.12} {total:>10}")?;
        if quantile < 1.0 {
            writeln!(out, " {:>14.2}", 1.0 / (1.0 - quantile))?;
        } else {
            writeln!(out)?;
        }
    }
    let (mean, deviation) = (histogram.mean() / 1_000.0, histogram.stdev() / 1_000.0);
    writeln!(out, "#[Mean    = {mean:>12.3}, StdDeviation   = {deviation:>12.3}]")?;
    let max = histogram.max() as f64 / 1_000.0;
    writeln!(out, "#[Max     = {max:>12.3}, Total count    = {:>12}]", histogram.len())?;
    let buckets = 22;
    writeln!(out, "#[Buckets = {buckets:>12}, SubBuckets     = {:>12}]", 2_048)
}
