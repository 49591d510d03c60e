//! `summary.json`, `latency.hlog` and `latency.hgrm`.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;
use hdrhistogram::serialization::V2DeflateSerializer;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};

use super::Report;
use crate::latency::{Latencies, Measure};

/// Writes all of them.
pub(super) fn write(report: &Report, output: &Path) -> io::Result<()> {
    let text = serde_json::to_string_pretty(&report.summary).map_err(io::Error::other)?;
    fs::write(output.join("summary.json"), text + "\n")?;
    let mut log = BufWriter::new(fs::File::create(output.join("latency.hlog"))?);
    interval_log(&report.intervals, &mut log)?;
    log.flush()?;
    let mut distribution = BufWriter::new(fs::File::create(output.join("latency.hgrm"))?);
    percentile_distribution(report.latencies.of(Measure::Response), &mut distribution)?;
    distribution.flush()
}

/// One tagged histogram a measure and interval, in the format that HdrHistogram's tools read.
pub(super) fn interval_log(intervals: &[(Duration, Latencies)], out: &mut impl Write) -> io::Result<()> {
    let mut serializer = V2DeflateSerializer::new();
    let length: Duration = intervals.last().map_or(Duration::ZERO, |(begun, _)| *begun);
    let begun = SystemTime::now().checked_sub(length).unwrap_or(SystemTime::UNIX_EPOCH);
    let mut builder = IntervalLogWriterBuilder::new();
    builder.add_comment("[microseconds; tags: response, service, lag, switch_only, follow_up]");
    // The maximum of a line is in milliseconds, as usual in such logs.
    builder.with_start_time(begun).with_base_time(begun).with_max_value_divisor(1_000.0);
    let mut writer = builder.begin_log_with(out, &mut serializer)?;
    for (index, (begun, latencies)) in intervals.iter().enumerate() {
        let next = intervals.get(index + 1).map_or(*begun + Duration::from_secs(1), |(next, _)| *next);
        for measure in Measure::ALL {
            let histogram = latencies.of(measure);
            if histogram.is_empty() {
                continue;
            }
            let tag = Tag::new(measure.name());
            let written = writer.write_histogram(histogram, *begun, next.saturating_sub(*begun), tag);
            written.map_err(|error| io::Error::other(format!("{error:?}")))?;
        }
    }
    Ok(())
}

/// The percentile distribution that HdrHistogram's plotter reads; values in milliseconds.
pub(super) fn percentile_distribution(histogram: &Histogram<u64>, out: &mut impl Write) -> io::Result<()> {
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
