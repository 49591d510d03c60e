//! What is sent: a function of these options, of the rate and of the seed.

use clap::Args;

use super::values::parse_share;
use crate::traffic::amounts::Amounts;
use crate::traffic::popularity::Popularity;
use crate::traffic::scenario::Mix;

/// See the module.
#[derive(Clone, Debug, Args)]
pub struct TrafficArguments {
    /// Weight of each scenario: pay, intersystem, reserve, partial, release, expire, verify, reverse, inquiry, duplicate,
    /// refund
    #[arg(long, default_value = Mix::DEFAULT)]
    pub mix: Mix,
    /// How many operators to play
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub operators: u32,
    /// How many acquirers to play
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub acquirers: u32,
    /// Merchants of each destination
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub merchants: u32,
    /// How often which merchant is paid: uniform, zipf or zipf:EXPONENT
    #[arg(long, value_name = "POPULARITY", default_value_t = Popularity::Uniform)]
    pub payees: Popularity,
    /// Accounts (instrument references) of each operator
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub accounts: u32,
    /// How often which account pays: uniform, zipf or zipf:EXPONENT
    #[arg(long, value_name = "POPULARITY", default_value_t = Popularity::Uniform)]
    pub payers: Popularity,
    /// How much is paid, in minor units: fixed:AMOUNT, uniform:LEAST..MOST or lognormal:MEDIAN,SIGMA; verifications are 1 to 99
    #[arg(long, value_name = "DISTRIBUTION", default_value_t = Amounts::default())]
    pub amounts: Amounts,
    /// Share of requests, 0 to 1, that the destination declines
    #[arg(long, value_name = "P", default_value_t = 0.0, value_parser = parse_share)]
    pub decline_rate: f64,
    /// Share of requests that the destination never answers
    #[arg(long, value_name = "P", default_value_t = 0.0, value_parser = parse_share)]
    pub silent_rate: f64,
    /// Share of requests that the destination approves after the deadline
    #[arg(long, value_name = "P", default_value_t = 0.0, value_parser = parse_share)]
    pub late_rate: f64,
    /// Three letters of ISO 4217
    #[arg(long, default_value = "EUR")]
    pub currency: String,
    /// Seed of the schedule; chosen and printed where it is not given
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
}
