//! An MPS operator that pays, reserves, captures, releases, verifies, reverses and inquires, one after the other.

use std::error::Error;
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use holdfast_participant::protocol::{Amount, Currency, PaymentId};
use holdfast_participant::{
    CallOutcome, Credentials, InquiryOutcome, LinkConfig, Operator, Participant, ParticipantConfig, Roles,
    Terms, resolve,
};

const USAGE: &str = "\
Usage: operator ADDRESS CERTS NAME [PAYMENT-ID]

Signs on as an MPS operator, makes one call of each kind, and says how each ended.

  ADDRESS     of the switch, as scripts/demo.sh --serve DIR prints it: HOST:PORT
  CERTS       directory with ca.pem, NAME.pem and NAME.key: DIR/certs
  NAME        of the operator: operator-1
  PAYMENT-ID  the payee: shop-1@acq-1 if none is given; its acquirer must be signed on (see the example acquirer)
";

/// How long each call may take.
const WITHIN: Duration = Duration::from_secs(5);

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
    let payee = arguments.get(3).map_or("shop-1@acq-1", String::as_str);
    match run(address, certs, name, payee).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("operator: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(address: &str, certs: &str, name: &str, payee: &str) -> Result<(), Box<dyn Error>> {
    let credentials = Credentials::from_directory(Path::new(certs), name)?;
    let link = LinkConfig::new(credentials, Roles::Originator);
    let mut config = ParticipantConfig::new(link, resolve(address)?);
    config.sign_on_within = Duration::from_secs(15);
    let payee: PaymentId = payee.parse()?;
    let (participant, operator) = Participant::originator(config).await?;
    println!("signed on; the switch's time is {:?}", operator.switch_time());
    calls(&operator, payee).await?;
    participant.close(WITHIN).await?;
    Ok(())
}

async fn calls(operator: &Operator, payee: PaymentId) -> Result<(), Box<dyn Error>> {
    let euro = Currency::from_code("EUR").ok_or("ISO 4217 has the euro")?;
    let amount = |minor| Amount::from_minor(minor).ok_or("at most twelve digits");
    let terms = |minor| Ok::<_, Box<dyn Error>>(Terms::new(payee, amount(minor)?, euro));
    // An operator that must survive its own crash would write each of these ids down before its call.
    let new_call = || operator.new_call(Duration::from_secs(30));
    let in_a_minute = || operator.switch_time().plus(60_000);

    let paid = operator.pay(new_call(), terms(12_50)?, WITHIN).await;
    tell("pay 12.50", &paid);
    tell("pay 0.99", &operator.pay(new_call(), terms(99)?, WITHIN).await);

    let held = operator.reserve(new_call(), terms(80_00)?, in_a_minute(), true, WITHIN).await;
    tell("reserve 80.00", &held);
    let part = operator.capture(new_call(), held.id(), amount(30_00)?, euro, false, WITHIN).await;
    tell("capture 30.00 of it", &part);
    let rest = operator.capture(new_call(), held.id(), amount(20_00)?, euro, true, WITHIN).await;
    tell("capture 20.00 of it, and no more", &rest);

    let held = operator.reserve(new_call(), terms(15_00)?, in_a_minute(), false, WITHIN).await;
    tell("reserve 15.00", &held);
    tell("release it", &operator.release(new_call(), held.id(), WITHIN).await);

    let verified = operator.verify(new_call(), terms(1_37)?, in_a_minute(), WITHIN).await;
    tell("verify with 1.37", &verified);
    tell("release it", &operator.release(new_call(), verified.id(), WITHIN).await);

    let reversed = operator.reverse(new_call(), paid.id(), payee, 0, WITHIN).await;
    tell("reverse the first payment", &reversed);
    match operator.inquire(paid.id(), WITHIN).await {
        InquiryOutcome::Found(status) => println!("inquire about it: {:?}", status.state),
        InquiryOutcome::NotInMemory => println!("inquire about it: not in the switch's memory"),
        InquiryOutcome::Refused(reason) => println!("inquire about it: refused, {reason}"),
        InquiryOutcome::Unknown => {
            let why = operator.no_link().map_or(String::new(), |why| format!(": {why}"));
            println!("inquire about it: no answer{why}");
        }
    }
    Ok(())
}

fn tell(what: &str, outcome: &CallOutcome) {
    match outcome {
        CallOutcome::Approved(approval) => {
            let minor = approval.amount.minor();
            println!("{what}: approved {}.{:02}, now {:?}", minor / 100, minor % 100, approval.state);
        }
        CallOutcome::Declined(decline) => println!("{what}: declined, {}", decline.reason.text()),
        CallOutcome::NotDone(not_done) => println!("{what}: not done, {not_done}"),
        CallOutcome::Unknown(unknown) => {
            println!("{what}: unknown, {unknown}; a careful operator reverses now");
        }
    }
}
