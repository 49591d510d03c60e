//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};

use crate::scenario::Mix;

/// What the program is asked to do.
#[derive(Debug, Parser)]
#[command(name = "loadgen", version = crate::build::VERSION, about, long_about = None, arg_required_else_help = true)]
pub struct Arguments {
    /// The task.
    #[command(subcommand)]
    pub command: Command,
}

/// The tasks.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Plays operators and destinations against a switch, measures latency, and closes the books.
    #[command(after_help = EXAMPLES)]
    Run(Box<RunArguments>),
}

const EXAMPLES: &str = "\
Examples:
  loadgen run --switch 127.0.0.1:7400 --certs demo/certs --admin 127.0.0.1:7401 -r 20000 -d 10s
  loadgen run --switch 127.0.0.1:7400 --certs demo/certs --admin 127.0.0.1:7401 -r max --window 4096 --mix pay:1 --no-history
  loadgen run --switch 127.0.0.1:7400 --certs demo/certs --no-admin -r 5000 -d 60s --decline-rate 0.05 --silent-rate 0.01 \\
      --late-rate 0.01 --tolerate-restarts --seed 7 -o out

Accounting covers the whole run, warm-up included, because the books do. Rates and latencies cover what was meant to be
sent after the warm-up. Latency is counted from the intended time of sending (open loop), so a switch that stalls cannot
hide it; with -r max there is no schedule and no lag.

Exit code: 0 pass, 1 run error, 2 usage, 4 measurement invalid, 5 books do not close, 130 interrupted.";

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
    /// The content of `summary.json`.
    Json,
}

/// What `loadgen run` takes.
#[derive(Clone, Debug, Parser)]
pub struct RunArguments {
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
    #[arg(long, conflicts_with = "admin")]
    pub no_admin: bool,

    /// Operations a second over all operators, or `max`
    #[arg(short, long, value_name = "RATE|max", value_parser = parse_rate, default_value = "10000")]
    pub rate: Rate,
    /// How long operations are sent after the warm-up, as in 500ms, 10s, 2m
    #[arg(short, long, value_parser = parse_duration, default_value = "10s")]
    pub duration: Duration,
    /// How long operations are sent before the measurement begins
    #[arg(short, long, value_parser = parse_duration, default_value = "2s")]
    pub warmup: Duration,
    /// Weight of each scenario: pay, intersystem, reserve, partial, release, expire, verify, reverse, inquiry, duplicate
    #[arg(long, default_value = Mix::DEFAULT)]
    pub mix: Mix,
    /// How many operators to play
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub operators: u32,
    /// How many acquirers to play
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub acquirers: u32,
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
    /// Directory for summary.json, latency.hlog, latency.hgrm and history/
    #[arg(short, long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Writes no history (for saturation runs)
    #[arg(long)]
    pub no_history: bool,
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

    /// What is printed at the end
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// No progress
    #[arg(short, long)]
    pub quiet: bool,
}

impl RunArguments {
    /// The admin address, unless the run goes without.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        (!self.no_admin).then_some(self.admin)
    }
}

/// Of several addresses of a name, the first: IPv4 where it has one.
fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let addresses = holdfast_participant::resolve(text).map_err(|error| error.to_string())?;
    addresses.first().copied().ok_or_else(|| format!("{text:?} has no address"))
}

fn parse_rate(text: &str) -> Result<Rate, String> {
    if text == "max" {
        return Ok(Rate::Max);
    }
    let plain = text.replace('_', "");
    match plain.parse::<f64>() {
        Ok(rate) if rate.is_finite() && (0.1..=10_000_000.0).contains(&rate) => Ok(Rate::PerSecond(rate)),
        _ => Err("expected operations a second, 0.1 to 10,000,000, or `max`".to_owned()),
    }
}

fn parse_share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err("expected a share from 0 to 1".to_owned()),
    }
}

/// A number with `ms`, `s` (the default), `m` or `h`; at most a day.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "expected a number with ms, s, m or h, at most 24h, as in 10s".to_owned();
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    let seconds = match unit {
        "ms" => number / 1_000.0,
        "" | "s" => number,
        "m" => number * 60.0,
        "h" => number * 3_600.0,
        _ => return Err(wrong()),
    };
    if (0.0..=86_400.0).contains(&seconds) { Ok(Duration::from_secs_f64(seconds)) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn run(line: &str) -> Result<RunArguments, clap::Error> {
        let words = ["loadgen", "run"].into_iter().chain(line.split_whitespace());
        Arguments::try_parse_from(words).map(|arguments| match arguments.command {
            Command::Run(run) => *run,
        })
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_line_of_the_documentation_is_understood() {
        let run = run(
            "--switch 127.0.0.1:7400 --certs certs --admin 127.0.0.1:7401 -r max -d 10s -w 500ms --mix pay:40,reserve:15 \
             --operators 3 --acquirers 2 --decline-rate 0.1 --silent-rate 0.01 --late-rate 0 --window 512 --seed 9 -o out",
        )
        .unwrap();
        assert_eq!(run.rate, Rate::Max);
        assert_eq!((run.duration, run.warmup), (Duration::from_secs(10), Duration::from_millis(500)));
        assert_eq!((run.operators, run.acquirers, run.window, run.seed), (3, 2, 512, Some(9)));
    }

    #[test]
    fn a_switch_may_be_named() {
        let named = run("--switch localhost:7400 --certs certs --admin localhost:7401").unwrap();
        assert!(named.switch.ip().is_loopback() && named.switch.port() == 7400, "{}", named.switch);
        assert!(named.admin.ip().is_loopback() && named.admin.port() == 7401, "{}", named.admin);
        assert_eq!(run("--switch localhost --certs certs").unwrap_err().exit_code(), 2);
    }

    #[test]
    fn wrong_values_are_refused() {
        for wrong in
            ["-r 0", "-r fast", "-d 5x", "-d -1s", "--decline-rate 1.1", "--operators 0", "--mix refund:1"]
        {
            let line = format!("--switch 127.0.0.1:7400 --certs certs --no-admin {wrong}");
            assert_eq!(run(&line).unwrap_err().exit_code(), 2, "{wrong}");
        }
    }

    #[test]
    fn the_admin_address_is_the_switchs_usual_one_unless_the_run_goes_without() {
        let address = |line: &str| run(line).unwrap().admin_address();
        let usual = "127.0.0.1:7071".parse().ok();
        assert_eq!(address("--switch 127.0.0.1:7400 --certs certs"), usual);
        assert_eq!(address("--switch 127.0.0.1:7400 --certs certs --no-admin"), None);
        assert!(run("--switch 127.0.0.1:7400 --certs certs --no-admin --admin 127.0.0.1:1").is_err());
    }
}
