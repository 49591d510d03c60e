//! Values on the command line.

use std::net::SocketAddr;
use std::time::Duration;

use clap::ValueEnum;

/// How often operations arrive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// Operations a second in all, open loop.
    PerSecond(f64),
    /// As fast as the switch completes them, with a window of them in flight.
    Max,
}

/// In which form the end of the run is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table for people.
    Text,
    /// JSON for programs.
    Json,
}

/// Of several addresses of a name, the first: IPv4 where it has one.
pub(super) fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let addresses = holdfast_participant::resolve(text).map_err(|error| error.to_string())?;
    addresses.first().copied().ok_or_else(|| format!("{text:?} has no address"))
}

/// Operations a second.
pub(super) fn parse_rate_per_s(text: &str) -> Result<f64, String> {
    match text.replace('_', "").parse::<f64>() {
        Ok(rate) if rate.is_finite() && (0.1..=10_000_000.0).contains(&rate) => Ok(rate),
        _ => Err("expected operations a second, 0.1 to 10,000,000".to_owned()),
    }
}

pub(super) fn parse_rate(text: &str) -> Result<Rate, String> {
    if text == "max" {
        return Ok(Rate::Max);
    }
    parse_rate_per_s(text).map(Rate::PerSecond).map_err(|error| format!("{error}, or `max`"))
}

/// How many times faster.
pub(super) fn parse_speed(text: &str) -> Result<f64, String> {
    match text.strip_suffix('x').unwrap_or(text).parse::<f64>() {
        Ok(speed) if (0.001..=100_000.0).contains(&speed) => Ok(speed),
        _ => Err("expected a factor from 0.001 to 100,000, as in 10".to_owned()),
    }
}

/// From 0 to 1.
pub(super) fn parse_share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("expected a share from 0 to 1".to_owned()),
    }
}

/// Of a queue that is never idle nor ever empties: its p99 would not be seen in any time that one waits.
pub(super) fn parse_queue_load(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(load) if (0.05..=0.95).contains(&load) => Ok(load),
        _ => Err("expected a load from 0.05 to 0.95".to_owned()),
    }
}

/// A share written as a percentage, as in `3%`; above zero, at most 100.
pub(super) fn parse_percent(text: &str) -> Result<f64, String> {
    match text.strip_suffix('%').unwrap_or(text).trim().parse::<f64>() {
        Ok(percent) if percent > 0.0 && percent <= 100.0 => Ok(percent / 100.0),
        _ => Err("expected a percentage above 0, at most 100, as in 3%".to_owned()),
    }
}

/// A number with `us`, `ms`, `s` (the default), `m` or `h`; at most a day.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a number with us, ms, s, m or h, at most 24h, as in 10s".to_owned();
    let split = text.find(|c: char| c.is_ascii_alphabetic() || c == 'µ').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "us" | "µs" => number / 1_000_000.0,
        "ms" => number / 1_000.0,
        "" | "s" => number,
        "m" => number * 60.0,
        "h" => number * 3_600.0,
        _ => return Err(wrong()),
    };
    if (0.0..=86_400.0).contains(&seconds) { Ok(Duration::from_secs_f64(seconds)) } else { Err(wrong()) }
}
