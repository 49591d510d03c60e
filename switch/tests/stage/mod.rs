//! A switch without its driver: the admin interface is real, the driver's answers are played.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Output;
use std::thread::JoinHandle;

use holdfast::admin::report::{
    CertificateReport, DeliveryReport, InDoubtReport, ParticipantReport, PositionReport, RouteReport,
    StatusReport, TransactionReport, UndeliveredReport, UndeliveredTransaction,
};
use holdfast::admin::{AdminThread, Command, CommandError, CommandReceiver, Who, channel};
use holdfast::certs;
use holdfast::config::Config;
use holdfast::telemetry::Telemetry;

pub(crate) const CONFIG: &str = r#"
admin = "127.0.0.1:0"
[[participants]]
name = "operator-1"
number = 1
roles = ["originates"]
caps = { EUR = "500.00" }
limits = { level_3 = {} }
[[participants]]
name = "acquirer-1"
number = 2
roles = ["receives"]
caps = { EUR = "0" }
[[routes]]
mps = "acq1"
destination = "acquirer-1"
"#;

pub(crate) const ID: &str = "019f0000-0000-7000-8000-000000000001";

/// A switch without its driver: the admin interface is real, the answers are played.
pub(crate) struct Stage {
    _directory: tempfile::TempDir,
    pub(crate) file: std::path::PathBuf,
    pub(crate) telemetry: Telemetry,
    admin: Option<AdminThread>,
    pub(crate) address: SocketAddr,
    driver: Option<JoinHandle<Vec<String>>>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with(play)
    }

    pub(crate) fn with(driver: fn(CommandReceiver) -> Vec<String>) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("holdfast.toml");
        std::fs::write(&file, CONFIG).unwrap();
        let config = Config::load(&file).unwrap();
        certs::issue(&directory.path().join("certs"), &config, false).unwrap();
        let telemetry = Telemetry::default();
        let (sender, receiver) = channel();
        let admin = AdminThread::start(config, telemetry.clone(), sender).unwrap();
        let address = admin.address();
        let driver = Some(std::thread::spawn(move || driver(receiver)));
        Self { _directory: directory, file, telemetry, admin: Some(admin), address, driver }
    }

    /// The status and the body of a request given by its first line and headers.
    pub(crate) fn ask(&self, first_line: &str, headers: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let host =
            if headers.contains("Host:") { String::new() } else { format!("Host: {}\r\n", self.address) };
        write!(stream, "{first_line} HTTP/1.1\r\n{host}Connection: close\r\n{headers}\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        self.ask(&format!("GET {path}"), "")
    }

    /// Runs the program itself.
    pub(crate) fn program(&self, arguments: &[&str]) -> Output {
        std::process::Command::new(env!("CARGO_BIN_EXE_holdfast"))
            .args(arguments)
            .args(["--admin", &self.address.to_string()])
            .output()
            .unwrap()
    }

    /// Ends it; what the driver was ordered.
    pub(crate) fn orders(mut self) -> Vec<String> {
        self.admin.take().unwrap().stop();
        self.driver.take().unwrap().join().unwrap()
    }
}

pub(crate) fn play(commands: CommandReceiver) -> Vec<String> {
    let mut orders = Vec::new();
    for command in commands {
        match command {
            Command::Status { reply } => reply.send(Box::new(status())).unwrap(),
            Command::SetStatus { participant: Who::Name(name), status, reply } if name != "nobody" => {
                orders.push(format!("{name} {status:?}"));
                reply.send(Ok(())).unwrap();
            }
            Command::SetStatus { participant, reply, .. } => {
                reply.send(Err(CommandError::ParticipantUnknown(participant))).unwrap();
            }
            Command::CutOver { date, reply } if date.to_yyyymmdd() > 20_261_122 => {
                orders.push(format!("cut over to {date}"));
                reply.send(Ok("2026-11-22".parse().unwrap())).unwrap();
            }
            Command::CutOver { reply, .. } => {
                let answer = CommandError::Conflict("the business date is 2026-11-22 already".to_owned());
                reply.send(Err(answer)).unwrap();
            }
            Command::Transaction { originator, id, reply } => {
                let report = TransactionReport {
                    originator: format!("{originator:?}"),
                    id: id.to_string(),
                    state: "held".to_owned(),
                    currency: Some("EUR".to_owned()),
                    held_for: "1250".to_owned(),
                    ..TransactionReport::default()
                };
                let known = id.to_string() == ID;
                reply
                    .send(if known { Ok(Box::new(report)) } else { Err(CommandError::TransactionUnknown) })
                    .unwrap();
            }
            Command::Undelivered { destination, max, reply } => {
                let report = match destination {
                    Some(who) if who == Who::Name("nobody".to_owned()) => {
                        Err(CommandError::ParticipantUnknown(who))
                    }
                    Some(_) => Ok(Box::default()),
                    None => {
                        Ok(Box::new(UndeliveredReport { transactions: vec![waiting()], more: max as u64 }))
                    }
                };
                reply.send(report).unwrap();
            }
            Command::ExplainRoute { payment_id, reply } => {
                let report = RouteReport {
                    payment_id: payment_id.to_string(),
                    destination: Some("acquirer-1".to_owned()),
                    matched: Some("*".to_owned()),
                    now: "would be forwarded".to_owned(),
                    ..RouteReport::default()
                };
                reply.send(Box::new(report)).unwrap();
            }
            Command::Reload { config, reply, .. } => {
                let refused = config.participants.len() == 1;
                orders.push(format!("reload with {} participants", config.participants.len()));
                let conflict = || CommandError::Conflict("acquirer-1 has open work".to_owned());
                reply.send(if refused { Err(conflict()) } else { Ok(()) }).unwrap();
            }
        }
    }
    orders
}

fn waiting() -> UndeliveredTransaction {
    UndeliveredTransaction {
        originator: "operator-1".to_owned(),
        id: ID.to_owned(),
        destination: "acquirer-1".to_owned(),
        delivery: 1,
        kind: "reverse".to_owned(),
        behind: 2,
        age_ms: 61_500,
        attempts: 7,
        currency: Some("EUR".to_owned()),
        in_doubt: Some("990".to_owned()),
        why: "sent and not acknowledged".to_owned(),
        next_attempt_ms: Some(1_795_305_600_000),
    }
}

pub(crate) fn status() -> StatusReport {
    let text = str::to_owned;
    StatusReport {
        name: text("main"),
        state: text("serving"),
        business_date: text("2026-11-22"),
        sequence: 42,
        time_ms: 1_795_305_600_000,
        certificates: [("switch", 1_795_392_000_000), ("authority", 1_795_305_599_000)]
            .map(|(of, valid_until_ms)| CertificateReport { of: text(of), valid_until_ms })
            .into(),
        participants: vec![ParticipantReport {
            number: 1,
            name: text("operator-1"),
            status: text("active"),
            originates: true,
            ..ParticipantReport::default()
        }],
        positions: vec![PositionReport {
            participant: text("operator-1"),
            number: 1,
            currency: text("EUR"),
            held: text("1250"),
            exposure: text("-1250"),
            cap: Some(text("50000")),
            ..PositionReport::default()
        }],
        deliveries: vec![DeliveryReport {
            destination: text("acquirer-1"),
            number: 2,
            undelivered: 3,
            oldest_ms: 61_500,
            in_doubt: vec![InDoubtReport { currency: text("EUR"), amount: text("990"), count: 2 }],
            ..DeliveryReport::default()
        }],
        ..StatusReport::default()
    }
}

impl Stage {
    pub(crate) fn driver_gone(&self) {
        let driver = self.driver.as_ref().unwrap();
        wait_until("the driver has gone", || driver.is_finished());
    }
}

pub(crate) fn wait_until(what: &str, mut reached: impl FnMut() -> bool) {
    let start = std::time::Instant::now();
    while !reached() {
        assert!(start.elapsed().as_secs() < 10, "{what}");
        std::thread::yield_now();
    }
}
