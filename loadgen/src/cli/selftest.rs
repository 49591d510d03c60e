//! `loadgen selftest`.

use std::path::Path;
use std::time::Duration;

use clap::Parser;

use super::load::LoadArguments;
use super::output::OutputArguments;
use super::values::{parse_duration, parse_queue_load, parse_rate_per_s};

/// What `loadgen selftest` takes.
#[derive(Clone, Debug, Parser)]
pub struct SelftestArguments {
    /// How long each trial measures
    #[arg(short, long, value_parser = parse_duration, default_value = "3s")]
    pub duration: Duration,
    /// How long each trial sends before it measures
    #[arg(short, long, value_parser = parse_duration, default_value = "1s")]
    pub warmup: Duration,
    /// Lets the switch be a queue in front of one server of so many a second (M/M/1), and says whether the interval of the
    /// p99 holds the true one, which is known; give it -d 100s
    #[arg(long, value_name = "RATE", value_parser = parse_rate_per_s)]
    pub queue: Option<f64>,
    /// How much of what the server of --queue can do arrives, 0.05 to 0.95; the higher, the longer -d must be
    #[arg(long, value_name = "SHARE", default_value = "0.5", value_parser = parse_queue_load)]
    pub queue_load: f64,
    /// How many operators to play
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub operators: u32,
    /// How many acquirers to play
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub acquirers: u32,
    /// The most requests unanswered, over all operators
    #[arg(long, value_name = "W", default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub window: u32,
    /// Bytes of a UDP payload
    #[arg(long, default_value_t = 1_452, value_parser = clap::value_parser!(u16).range(1_200..=6_500))]
    pub mtu: u16,
    /// Seed of the schedule; chosen and printed where it is not given
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// What becomes of the results.
    #[command(flatten)]
    pub to: OutputArguments,
}

impl SelftestArguments {
    /// The load that goes to the switch that decides nothing: payments only.
    pub fn load(&self, certificates: &Path) -> LoadArguments {
        let mut load = LoadArguments::of_payments();
        load.place.certs = certificates.to_owned();
        load.place.window = self.window;
        load.place.mtu = self.mtu;
        load.traffic.operators = self.operators;
        load.traffic.acquirers = self.acquirers;
        load.traffic.seed = self.seed;
        load
    }
}
