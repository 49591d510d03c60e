//! One operator or destination as a process: `party operator|destination`. The drill that kills starts it.

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use holdfast_protocol::ParticipantNumber;
use holdfast_tests::party::Party;

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    Operator,
    Destination,
}

#[derive(Debug, Parser)]
struct Arguments {
    #[arg(value_enum)]
    role: Role,
    #[arg(long)]
    switch: SocketAddr,
    #[arg(long)]
    certs: PathBuf,
    #[arg(long)]
    name: String,
    #[arg(long)]
    number: u16,
    /// Where its histories are.
    #[arg(long)]
    history: PathBuf,
    /// How often it was started.
    #[arg(long)]
    start: u32,
    /// Of an operator: requests in a second.
    #[arg(long, default_value_t = 100)]
    rate: u32,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { role, switch, certs, name, number, history, start, rate } = Arguments::parse();
    let number = ParticipantNumber::new(number).ok_or("a participant's number is not zero")?;
    let party = Party { switch, certs, name, number, history, start, rate };
    match role {
        Role::Operator => party.operate().await,
        Role::Destination => party.receive().await,
    }
}
