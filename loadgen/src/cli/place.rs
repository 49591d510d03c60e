//! Against which switch, and who signs on there: what every command takes that sends something.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::values::{parse_address, parse_duration};

/// See the module.
#[derive(Clone, Debug, Args)]
pub struct PlaceArguments {
    /// Where the switch listens, as HOST:PORT or IP:PORT; `scripts/demo.sh --serve DIR` prints its own address and that of --admin
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

    /// With `-r max` operations in flight, with a rate the most requests unanswered; over all operators
    #[arg(long, value_name = "W", default_value_t = 4_096, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub window: u32,
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
}

impl PlaceArguments {
    /// The admin address, unless the run goes without.
    pub fn admin_address(&self) -> Option<SocketAddr> {
        (!self.no_admin).then_some(self.admin)
    }

    /// Whether generator and switch share this machine.
    pub fn is_colocated(&self) -> bool {
        self.switch.ip().is_loopback()
    }
}
