//! An acquirer that approves all but amounts that end in .99, and says what it is asked.

use std::error::Error;
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use holdfast_participant::destination::{Decision, Delivery, Notice, Task};
use holdfast_participant::protocol::{ApprovalCode, Authorize, Reason};
use holdfast_participant::{
    Credentials, FileDedup, Handler, LinkConfig, MemoryDedup, Participant, ParticipantConfig, Roles, resolve,
};

const USAGE: &str = "\
Usage: acquirer ADDRESS CERTS NAME [STORE]

Signs on as an acquirer and takes payments until it is interrupted. Amounts that end in .99 are declined.

  ADDRESS  of the switch, as scripts/demo.sh --serve DIR prints it: HOST:PORT
  CERTS    directory with ca.pem, NAME.pem and NAME.key: DIR/certs
  NAME     of the acquirer: acquirer-1
  STORE    directory for its deduplication store; without one it forgets with its process
";

/// A real one would book to its own ledger here, by `(originator, id)` and `(originator, id, delivery)`.
struct Acquirer;

impl Handler for Acquirer {
    async fn decide(&self, request: &Authorize) -> Decision {
        let minor = request.amount.minor();
        let decision = if minor % 100 == 99 {
            Decision::Decline(Reason::InsufficientFunds)
        } else {
            Decision::Approve(ApprovalCode::new(*b"DEMO01").unwrap_or(ApprovalCode::NONE))
        };
        let (kind, id) = (request.kind, request.id);
        println!("{kind:?} {id}: {}.{:02} {} -> {decision:?}", minor / 100, minor % 100, request.currency);
        decision
    }

    async fn deliver(&self, delivery: Delivery) {
        let what = match delivery.task {
            Task::Capture { amount, last, .. } => {
                let rest = if last { ", release the rest" } else { "" };
                format!("capture {}.{:02}{rest}", amount.minor() / 100, amount.minor() % 100)
            }
            Task::Release { expired: true } => "release: the hold has ended".to_owned(),
            Task::Release { expired: false } => "release".to_owned(),
            Task::Reverse { .. } => "reverse".to_owned(),
        };
        println!("{} delivery {}: {what}", delivery.key.id, delivery.number.0);
    }

    fn notice(&self, notice: Notice) {
        println!("notice: {notice:?}");
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // What the library warns of, such as a switch that does not answer, goes to standard error.
    let log = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_writer(std::io::stderr);
    log.with_ansi(std::io::stderr().is_terminal()).init();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (Some(address), Some(certs), Some(name)) = (arguments.first(), arguments.get(1), arguments.get(2))
    else {
        eprint!("{USAGE}");
        return ExitCode::from(2);
    };
    match run(address, certs, name, arguments.get(3).map(Path::new)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("acquirer: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(address: &str, certs: &str, name: &str, store: Option<&Path>) -> Result<(), Box<dyn Error>> {
    let credentials = Credentials::from_directory(Path::new(certs), name)?;
    let link = LinkConfig::new(credentials, Roles::Destination);
    let mut config = ParticipantConfig::new(link, resolve(address)?);
    config.sign_on_within = Duration::from_secs(15);
    let mut participant = match store {
        Some(directory) => {
            let store = FileDedup::open(directory)?;
            Participant::destination(config, Acquirer, store).await?
        }
        None => Participant::destination(config, Acquirer, MemoryDedup::default()).await?,
    };
    println!("signed on; interrupt to sign off");
    tokio::select! {
        ended = participant.ended() => ended?,
        interrupted = tokio::signal::ctrl_c() => {
            interrupted?;
            participant.close(Duration::from_secs(10)).await?;
            println!("signed off");
        }
    }
    Ok(())
}
