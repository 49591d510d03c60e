//! Who is played, with what traffic, against which switch: what every command that makes load takes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, FromArgMatches};

use super::values::{parse_address, parse_duration, parse_share};
use crate::popularity::Popularity;
use crate::scenario::Mix;

/// See the module.
#[derive(Clone, Debug, Args)]
pub struct LoadArguments {
    /// Where the switch listens, as HOST:PORT or IP:PORT
    #[arg(long, value_name = "ADDR", value_parser = parse_address)]
    pub switch: SocketAddr,
    /// Directory of the certificates: ca.pem, and NAME.pem and NAME.key for each participant
    #[arg(long, value_name = "DIR")]
    pub certs: PathBuf,
    /// Admin address of the switch (HTTP on loopback), read for journal figures and positions
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7071", value_parser = parse_address)]
    pub admin: SocketAddr,
    /// Runs without the admin address: the books are closed without the switch's positions, and the run is never called
    /// durable
    #[arg(long)]
    pub no_admin: bool,

    /// Weight of each scenario: pay, intersystem, reserve, partial, release, expire, verify, reverse, inquiry, duplicate
    #[arg(long, default_value = Mix::DEFAULT)]
    pub mix: Mix,
    /// How many operators to play
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub operators: u32,
    /// How many acquirers to play
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub acquirers: u32,
    /// How often which merchant is paid: uniform, zipf or zipf:EXPONENT
    #[arg(long, value_name = "POPULARITY", default_value_t = Popularity::Uniform)]
    pub payees: Popularity,
    /// Share of requests, 0 to 1, that the destination declines
    #[arg(long, value_name = "P", default_value_t = 0.0, value_parser = parse_share)]
    pub decline_rate: f64,
    /// Share of requests that the destination never answers
    #[arg(long, value_name = "P", default_value_t = 0.0, value_parser = parse_share)]
    pub silent_rate: f64,
    /// Share of requests that the destination approves after the deadline
    #[arg(long, value_name = "P", default_value_t = 0.0, value_parser = parse_share)]
    pub late_rate: f64,
    /// With `-r max` operations in flight, with a rate the most requests unanswered; over all operators
    #[arg(long, value_name = "W", default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub window: u32,
    /// Seed of the schedule; chosen and printed where it is not given
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// The switch may be killed and restarted during the run: links are dialled again, requests repeated
    #[arg(long)]
    pub tolerate_restarts: bool,

    /// How long an operator waits for an answer
    #[arg(long, value_parser = parse_duration, default_value = "3s")]
    pub budget: Duration,
    /// How long after its creation a request may still be accepted as new work
    #[arg(long, value_parser = parse_duration, default_value = "30s")]
    pub expires: Duration,
    /// Most time after the sending for holds to end, repeats to be answered and the books to close; 0s: chosen from the
    /// other times
    #[arg(long, value_parser = parse_duration, default_value = "0s")]
    pub drain: Duration,
    /// Three letters of ISO 4217
    #[arg(long, default_value = "EUR")]
    pub currency: String,
    /// Lanes of each link
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=4))]
    pub lanes: u8,
    /// Bytes of a UDP payload; more than 1452 only on loopback or jumbo links
    #[arg(long, default_value_t = 1_452, value_parser = clap::value_parser!(u16).range(1_200..=6_500))]
    pub mtu: u16,

    /// Name of an operator and of its certificate, {} is its number
    #[arg(long, value_name = "TEMPLATE", default_value = "operator-{}")]
    pub operator_name: String,
    /// Name of an acquirer and of its certificate
    #[arg(long, value_name = "TEMPLATE", default_value = "acquirer-{}")]
    pub acquirer_name: String,
    /// MPS id of an operator as destination
    #[arg(long, value_name = "TEMPLATE", default_value = "mps-{}")]
    pub operator_mps: String,
    /// MPS id of an acquirer
    #[arg(long, value_name = "TEMPLATE", default_value = "acq-{}")]
    pub acquirer_mps: String,
    /// Name of a merchant
    #[arg(long, value_name = "TEMPLATE", default_value = "shop-{}")]
    pub merchant: String,
    /// Merchants of each destination
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub merchants: u32,
}

impl LoadArguments {
    /// The admin address, unless the run goes without.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        (!self.no_admin).then_some(self.admin)
    }

    /// Payments to acquirers and nothing else, without the admin address; whoever uses it says where the switch is.
    pub(super) fn of_payments() -> Self {
        let line = "load --switch 127.0.0.1:1 --certs . --no-admin --mix pay:1";
        let matches = Self::augment_args(clap::Command::new("load")).get_matches_from(line.split(' '));
        Self::from_arg_matches(&matches).expect("the line names what has no default")
    }

    /// Whether generator and switch share this machine.
    pub fn is_colocated(&self) -> bool {
        self.switch.ip().is_loopback()
    }
}
