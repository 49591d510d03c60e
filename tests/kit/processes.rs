//! The real programs as processes: built, started, watched, killed.
//!
//! Whatever a test starts ends with it, and its output is shown where the test fails.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::wait::wait_until;

/// Recovery reads the whole journal; the machine may be busy.
const READY_WITHIN: Duration = Duration::from_secs(60);
const EXIT_WITHIN: Duration = Duration::from_secs(60);
const HTTP_WITHIN: Duration = Duration::from_secs(5);
/// Of a log, as much as explains a failure.
const LOG_TAIL_BYTES: usize = 8 * 1024;

/// Where the programs of this build are. They are built first, in the profile of the tests, so that what is started is
/// what the tree says; `HOLDFAST_PROGRAMS` names a directory to take them from as they are.
pub fn program(name: &str) -> PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    DIRECTORY
        .get_or_init(|| std::env::var_os("HOLDFAST_PROGRAMS").map_or_else(build, PathBuf::from))
        .join(name)
}

fn build() -> PathBuf {
    // A test is TARGET/PROFILE/deps/NAME.
    let test = std::env::current_exe().unwrap();
    let directory = test.ancestors().nth(2).expect("a test stands in PROFILE/deps").to_owned();
    let profile = match directory.file_name().and_then(|name| name.to_str()) {
        Some("debug") | None => "dev",
        Some(profile) => profile,
    };
    let status = Command::new(env!("CARGO"))
        .args([
            "build",
            "--locked",
            "--quiet",
            "-p",
            "holdfast",
            "-p",
            "holdfast-loadgen",
            "-p",
            "holdfast-audit",
        ])
        .args(["--bins", "--profile", profile, "--target-dir"])
        .arg(directory.parent().expect("PROFILE stands in the target directory"))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .unwrap();
    assert!(status.success(), "the programs do not build: {status}");
    directory
}

/// Runs a program to its end.
pub fn run(name: &str, arguments: &[&str]) -> Output {
    Command::new(program(name)).args(arguments).output().unwrap_or_else(|e| panic!("{name}: {e}"))
}

/// Runs a program to its end and expects success.
///
/// # Panics
/// With its output, where it fails.
pub fn run_well(name: &str, arguments: &[&str]) -> Output {
    let output = run(name, arguments);
    assert!(
        output.status.success(),
        "{name} {arguments:?}: {}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// A running program. It is killed when it is dropped.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program; what it prints goes to `log`, behind what is there.
    pub fn start(name: &str, arguments: &[&str], log: &Path) -> Self {
        let mut command = Command::new(program(name));
        command.args(arguments);
        Self::start_command(name, command, log)
    }

    /// The same for a command that becomes the program.
    pub fn start_command(name: &str, mut command: Command, log: &Path) -> Self {
        let output = || File::options().create(true).append(true).open(log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(output())
            .stderr(output())
            .spawn()
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        Self { name: name.to_owned(), child, log: log.to_owned() }
    }

    /// Whether it has ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Kills it as a power cut would: it can do nothing more.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end (SIGTERM).
    pub fn terminate(&self) {
        self.signal("TERM");
    }

    /// Sends it a signal.
    ///
    /// # Panics
    /// Where it has ended.
    pub fn signal(&self, signal: &str) {
        let status = Command::new("kill").args([&format!("-{signal}"), &self.id().to_string()]).status();
        assert!(status.unwrap().success(), "{} has ended already\n{}", self.name, self.log_tail());
    }

    /// Lets it stand still for a while (SIGSTOP, then SIGCONT).
    pub fn freeze(&self, pause: Duration) {
        self.signal("STOP");
        std::thread::sleep(pause);
        self.signal("CONT");
    }

    /// Lets it stand still and go on in turns until it ends.
    ///
    /// # Panics
    /// Where it does not end within the limit.
    pub fn stutter(&mut self, still: Duration, going: Duration, limit: Duration) -> ExitStatus {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return status;
            }
            assert!(
                begun.elapsed() < limit,
                "{} did not end within {limit:?}\n{}",
                self.name,
                self.log_tail()
            );
            self.freeze(still);
            // No wait for anything: standing still and going on in turn is the fault that is injected.
            std::thread::sleep(going);
        }
    }

    /// Lets it stand still until [`Self::go_on`]; each of its threads does when this returns.
    pub fn stand_still(&self) {
        let id = Pid::from_child(&self.child);
        kill_process(id, Signal::STOP).unwrap_or_else(|error| panic!("{}: {error}", self.name));
        wait_until(&format!("{} stands still", self.name), EXIT_WITHIN, || {
            let tasks = fs::read_dir(format!("/proc/{}/task", self.id())).unwrap();
            let stands = |task: PathBuf| {
                // Behind the name, which may hold anything: its state. A thread that has ended stands still, too.
                let stat = fs::read_to_string(task.join("stat")).unwrap_or_default();
                stat.rsplit_once(") ").is_none_or(|(_, state)| state.starts_with('T'))
            };
            tasks.into_iter().all(|task| stands(task.unwrap().path())).then_some(())
        });
    }

    /// It stood still, and goes on.
    pub fn go_on(&self) {
        self.signal("CONT");
    }

    /// Its number on this machine.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// Where it does not end within the limit.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        wait_until(&format!("{} ends", self.name), limit, || self.ended())
    }

    /// The end of what it printed.
    pub fn log_tail(&self) -> String {
        let log = fs::read(&self.log).unwrap_or_default();
        let from = log.len().saturating_sub(LOG_TAIL_BYTES);
        format!("--- {} ---\n{}", self.log.display(), String::from_utf8_lossy(&log[from..]))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // It may end by itself in between, which is as good.
            if let Err(error) = self.child.kill().and_then(|()| self.child.wait()) {
                eprintln!("{} was left behind: {error}", self.name);
            }
        }
        if std::thread::panicking() {
            eprintln!("{}", self.log_tail());
        }
    }
}

/// A switch with its configuration, certificates and journal in a directory, to be started as often as a test likes.
#[derive(Debug)]
pub struct SwitchHome {
    directory: PathBuf,
    /// Where participants dial.
    pub listen: SocketAddr,
    /// Where it is administered.
    pub admin: SocketAddr,
    /// A command that becomes what stands behind it, which is the switch; nothing where it is started as it is.
    pub launcher: Vec<String>,
}

impl SwitchHome {
    /// Makes everything a switch needs, for operators numbered from 1 and acquirers numbered from 11.
    pub fn new(directory: &Path, operators: u16, acquirers: u16) -> Self {
        let home = Self {
            directory: directory.to_owned(),
            listen: free_udp(),
            admin: free_tcp(),
            launcher: Vec::new(),
        };
        fs::write(home.config(), home.configuration(operators, acquirers)).unwrap();
        let (certs, config) = (home.certs(), home.config());
        run_well("holdfast", &["certs", text(&certs), "--config", text(&config)]);
        home
    }

    /// The configuration file.
    pub fn config(&self) -> PathBuf {
        self.directory.join("holdfast.toml")
    }

    /// The directory of the certificates.
    pub fn certs(&self) -> PathBuf {
        self.directory.join("certs")
    }

    /// The directory of the journal.
    pub fn journal(&self) -> PathBuf {
        self.directory.join("journal")
    }

    fn configuration(&self, operators: u16, acquirers: u16) -> String {
        let (certs, journal) = (self.certs(), self.journal());
        let mut toml = format!(
            "name = \"switch\"\nlisten = [\"{}\"]\nadmin = \"{}\"\n\n[journal]\ndirectory = \"{}\"\n\n\
             [tls]\ncertificate = \"{}/switch.pem\"\nkey = \"{}/switch.key\"\nca = \"{}/ca.pem\"\n",
            self.listen,
            self.admin,
            journal.display(),
            certs.display(),
            certs.display(),
            certs.display()
        );
        let caps = "caps = { EUR = \"1000000000000.00\" }";
        let limits = "limits = { level_1 = {}, level_2 = {}, level_3 = {}, level_4 = {} }";
        for number in 1..=operators {
            toml.push_str(&format!(
                "\n[[participants]]\nname = \"operator-{number}\"\nnumber = {number}\n\
                 roles = [\"originates\", \"receives\"]\n{caps}\n{limits}\n\
                 \n[[routes]]\nmps = \"mps-{number}\"\ndestination = \"operator-{number}\"\n"
            ));
        }
        for number in 1..=acquirers {
            toml.push_str(&format!(
                "\n[[participants]]\nname = \"acquirer-{number}\"\nnumber = {}\nroles = [\"receives\"]\n{caps}\n\
                 \n[[routes]]\nmps = \"acq-{number}\"\ndestination = \"acquirer-{number}\"\n",
                10 + number
            ));
        }
        toml
    }

    fn log(&self) -> PathBuf {
        self.directory.join("switch.log")
    }

    /// How much the switch has logged over all its starts.
    pub fn log_bytes(&self) -> u64 {
        fs::metadata(self.log()).map_or(0, |metadata| metadata.len())
    }

    /// Starts the switch without waiting for anything.
    pub fn start_unready(&self) -> Process {
        let mut words = self.launcher.clone();
        words.push(text(&program("holdfast")).to_owned());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).args(["serve", "--config", text(&self.config())]);
        Process::start_command("holdfast", command, &self.log())
    }

    /// Starts the switch and waits until it serves.
    pub fn start(&self) -> Process {
        let mut process = self.start_unready();
        wait_until("the switch serves", READY_WITHIN, || {
            assert_eq!(process.ended(), None, "the switch did not start\n{}", process.log_tail());
            http_get(self.admin, "/readyz").is_some_and(|(status, _)| status == 200).then_some(())
        });
        process
    }

    /// Stops the switch in good order.
    ///
    /// # Panics
    /// Where it does not end, or not well.
    pub fn stop(&self, mut process: Process) {
        process.terminate();
        let status = process.wait(EXIT_WITHIN);
        assert!(status.success(), "the switch ended with {status}\n{}", process.log_tail());
    }

    /// What `/status` says.
    ///
    /// # Panics
    /// Where the switch does not answer.
    pub fn status(&self) -> String {
        let (status, body) =
            http_get(self.admin, "/status").expect("the switch answers on its admin address");
        assert_eq!(status, 200, "{body}");
        body
    }
}

/// A path as an argument.
///
/// # Panics
/// Where it is not text.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("paths of tests are text")
}

/// One GET over a connection of its own: its status and body, `None` where nobody answers.
pub fn http_get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    http(address, &format!("GET {path} HTTP/1.1\r\n"))
}

/// One order over a connection of its own: its status and body, `None` where nobody answers.
pub fn http_post(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    http(address, &format!("POST {path} HTTP/1.1\r\n{}: 1\r\nContent-Length: 0\r\n", holdfast::admin::HEADER))
}

fn http(address: SocketAddr, head: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, HTTP_WITHIN).ok()?;
    stream.set_read_timeout(Some(HTTP_WITHIN)).ok()?;
    write!(stream, "{head}Host: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split_whitespace().nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}

fn free_udp() -> SocketAddr {
    UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

fn free_tcp() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}
