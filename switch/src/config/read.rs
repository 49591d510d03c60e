//! From the text of a file to a [`Config`]: every section, its defaults and its ranges.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use holdfast_core::Settings;
use toml::de::DeTable;

use super::fault::Faults;
use super::section::Section;
use super::{
    Config, ConfigError, DriverMode, JournalConfig, SessionConfig, TlsConfig, TransportConfig, participants,
    routes,
};
use crate::serve::priority::PRIORITY_MAX;

const LISTEN_DEFAULT: &str = "127.0.0.1:7070";
const ADMIN_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7_071);
const ADDRESS: &str = "an IP address and port such as \"127.0.0.1:7070\"";
const FILE_BYTES_MAX: u64 = 16 << 20;
/// Addresses on which participants may dial in.
const LISTEN_MAX: usize = 64;
/// Threads of links; each has a socket for every address.
const IO_THREADS_MAX: u16 = 64;
/// Partitions; each has a core, a journal and a thread.
const PARTITIONS_MAX: u16 = 64;
/// Further names in the switch's certificate.
const TLS_NAMES_MAX: usize = 256;
const DAY_MS: u64 = 86_400_000;

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read, or is wrong; then all that is wrong is listed.
    pub fn load(file: &Path) -> Result<Self, ConfigError> {
        let unreadable = |source| ConfigError::Unreadable { file: file.to_owned(), source };
        let bytes = std::fs::metadata(file).map_err(unreadable)?.len();
        if bytes > FILE_BYTES_MAX {
            let source = std::io::Error::other(format!("{bytes} bytes are too many for a configuration"));
            return Err(unreadable(source));
        }
        Self::parse(&std::fs::read_to_string(file).map_err(unreadable)?, file)
    }

    /// Reads the text of a file; `file` names it in faults, and its directory is what relative paths are relative to.
    ///
    /// # Errors
    ///
    /// Where the text is wrong; all that is wrong is listed.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ConfigError> {
        let faults = Faults::new(text);
        let (document, broken) = DeTable::parse_recoverable(text);
        for error in &broken {
            let offset = error.span().map_or(0, |span| span.start);
            faults.add(offset, "", no_toml(text, offset, &error.message().trim().replace('\n', "; ")));
        }
        // What is no TOML is not searched for further faults: they would be about keys that the author did write.
        let config = broken.is_empty().then(|| read(Section::root(document.get_ref(), &faults), file));
        let faults = faults.into_sorted();
        match config {
            Some(config) if faults.is_empty() => Ok(config),
            _ => Err(ConfigError::Wrong { file: file.to_owned(), faults }),
        }
    }
}

/// What is wrong where a file is no TOML. The parser takes what stands behind a key for text without quotes, also where nothing does.
fn no_toml(text: &str, offset: usize, message: &str) -> String {
    let (before, after) = text.split_at_checked(offset).unwrap_or((text, ""));
    let line = format!("{}{}", before.rsplit('\n').next().unwrap_or(""), after.lines().next().unwrap_or(""));
    match line.split_once('=').map(|(key, value)| (key.trim(), value.split('#').next().unwrap_or("").trim()))
    {
        Some((key, "")) => format!("{key} has no value: something must stand behind the ="),
        Some((key, value)) if message.starts_with("string values must be quoted") => {
            format!("text stands in quotes: {key} = {value:?}")
        }
        Some(_) | None => message.to_owned(),
    }
}

fn read(mut root: Section<'_>, file: &Path) -> Config {
    let base = file.parent().unwrap_or_else(|| Path::new(""));
    let name = root.text("name", "the name of the switch").map_or("switch", |placed| {
        if !participants::is_name(placed.value) {
            let problem = format!("{}; found {:?}", participants::NAME_EXPECTED, placed.value);
            placed.fault(root.faults(), problem);
        }
        placed.value
    });
    let name = name.to_owned();
    let listen = listen(&mut root);
    let admin = admin(&mut root);
    let journal = journal(root.section("journal"), base);
    let tls = tls(root.section("tls"), base);
    let (participants, names) = participants::read(root.sections("participants"), &root);
    let routes = routes::read(root.sections("routes"), &names);
    let mut settings = Settings::default();
    requests(root.section("requests"), &mut settings);
    deliveries(root.section("deliveries"), &mut settings);
    let sessions = sessions(root.section("sessions"));
    settings.inquiries_per_s = sessions.inquiries_per_s;
    let transport = transport(root.section("transport"), journal.partitions);
    root.finish();
    let file = file.to_owned();
    Config { file, name, listen, admin, journal, tls, participants, routes, settings, sessions, transport }
}

fn listen(root: &mut Section<'_>) -> Vec<SocketAddr> {
    let Some(texts) = root.texts("listen", ADDRESS) else {
        return LISTEN_DEFAULT.parse().into_iter().collect();
    };
    if texts.is_empty() {
        root.fault("listen", format!("expected at least one address, {ADDRESS}"));
    }
    if let Some(first) = texts.get(LISTEN_MAX) {
        first.fault(root.faults(), format!("is one too many: expected at most {LISTEN_MAX} addresses"));
    }
    let mut addresses = Vec::new();
    for text in texts {
        match text.value.parse::<SocketAddr>() {
            Ok(address) if addresses.contains(&address) => {
                text.fault(root.faults(), format!("{address} stands here twice"));
            }
            Ok(address) => addresses.push(address),
            Err(_) => text.fault(root.faults(), format!("expected {ADDRESS}, found {:?}", text.value)),
        }
    }
    addresses
}

fn admin(root: &mut Section<'_>) -> SocketAddr {
    let Some(text) = root.text("admin", ADDRESS) else { return ADMIN_DEFAULT };
    match text.value.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => return address,
        // It can stop participants and shows positions; what guards it is that nobody else can reach it.
        Ok(address) => text.fault(root.faults(), format!("expected a loopback address, found {address}")),
        Err(_) => text.fault(root.faults(), format!("expected {ADDRESS}, found {:?}", text.value)),
    }
    ADMIN_DEFAULT
}

/// Where the admin interface listens unless the file says otherwise.
pub const fn admin_default() -> SocketAddr {
    ADMIN_DEFAULT
}

fn path(section: &mut Section<'_>, key: &'static str, base: &Path, default: &Path) -> PathBuf {
    let text = section.text(key, "a path, relative to this file");
    base.join(text.map_or(default, |text| {
        if text.value.is_empty() {
            text.fault(section.faults(), "expected a path, relative to this file, found nothing");
        }
        Path::new(text.value)
    }))
}

fn journal(mut section: Section<'_>, base: &Path) -> JournalConfig {
    let d = JournalConfig::default();
    let config = JournalConfig {
        directory: path(&mut section, "directory", base, &d.directory),
        partitions: section.number("partitions", d.partitions, 1..=PARTITIONS_MAX),
        segment_bytes: section.number("segment_bytes", d.segment_bytes, (8 << 20)..=(16 << 30)),
        gather_us: section.number("gather_us", d.gather_us, 0..=10_000),
        gather_bytes: section.number("gather_bytes", d.gather_bytes, 4_096..=(16 << 20)),
        unsynced_bytes_max: section.number("unsynced_bytes_max", d.unsynced_bytes_max, (1 << 20)..=(4 << 30)),
        full_reserve_bytes: section.number("full_reserve_bytes", d.full_reserve_bytes, 0..=(16 << 30)),
        snapshot_segments: section.number("snapshot_segments", d.snapshot_segments, 0..=10_000),
        retention_days: section.number("retention_days", d.retention_days, 0..=36_500),
        archive_days: section.number("archive_days", d.archive_days, 0..=36_500),
        unindexed_max: section.number("unindexed_max", d.unindexed_max, 1_000..=1_000_000_000),
    };
    if !config.segment_bytes.is_multiple_of(4_096) {
        section.fault("segment_bytes", "expected a multiple of 4096");
    }
    if config.full_reserve_bytes > config.segment_bytes {
        section.fault("full_reserve_bytes", "expected at most segment_bytes");
    }
    section.finish();
    config
}

fn tls(mut section: Section<'_>, base: &Path) -> TlsConfig {
    let d = TlsConfig::default();
    let expected = "host names such as \"switch.example\"";
    let names = section.texts("names", expected).unwrap_or_default();
    if let Some(first) = names.get(TLS_NAMES_MAX) {
        first.fault(section.faults(), format!("is one too many: expected at most {TLS_NAMES_MAX} names"));
    }
    let config = TlsConfig {
        certificate: path(&mut section, "certificate", base, &d.certificate),
        key: path(&mut section, "key", base, &d.key),
        ca: path(&mut section, "ca", base, &d.ca),
        names: names.iter().map(|name| name.value.to_owned()).collect(),
    };
    for name in names {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.');
        if name.value.is_empty() || name.value.len() > 253 || !name.value.bytes().all(allowed) {
            name.fault(section.faults(), format!("expected {expected}, found {:?}", name.value));
        }
    }
    section.finish();
    config
}

fn requests(mut s: Section<'_>, to: &mut Settings) {
    let d = Settings::default();
    to.window_max_ms = s.number("window_max_ms", d.window_max_ms, 1_000..=DAY_MS);
    to.skew_max_ms = s.number("skew_max_ms", d.skew_max_ms, 0..=600_000);
    to.budget_max_ms = s.number("budget_max_ms", d.budget_max_ms, 10..=DAY_MS);
    to.budget_share_ms = s.number("budget_share_ms", d.budget_share_ms, 0..=10_000);
    to.hold_max_ms = s.number("hold_max_ms", d.hold_max_ms, 1_000..=366 * DAY_MS);
    let verify_hold_max_ms = d.verify_hold_max_ms.min(to.hold_max_ms);
    to.verify_hold_max_ms = s.number("verify_hold_max_ms", verify_hold_max_ms, 1_000..=DAY_MS);
    to.pending_max = s.number("pending_max", d.pending_max, 1..=100_000_000);
    to.pending_for_destination_max =
        s.number("pending_for_destination_max", d.pending_for_destination_max, 1..=100_000_000);
    to.open_max = s.number("open_max", d.open_max, 1..=1_000_000_000);
    to.remembered_max = s.number("remembered_max", d.remembered_max, 1_000..=4_000_000_000);
    to.answer_extension_bytes_max =
        s.number("answer_extension_bytes_max", d.answer_extension_bytes_max, 0..=(16 << 30));
    to.recalls_max = s.number("recalls_max", d.recalls_max, 1..=1_000_000);
    to.recalled_max = s.number("recalled_max", d.recalled_max, 1..=100_000_000);
    to.retry_after_ms = s.number("retry_after_ms", d.retry_after_ms, 1..=60_000);
    to.expected_rate_per_s = s.number("expected_rate_per_s", d.expected_rate_per_s, 1..=10_000_000);
    if to.budget_share_ms >= to.budget_max_ms {
        s.fault("budget_share_ms", "expected less than budget_max_ms: nothing would be left to forward");
    }
    if to.verify_hold_max_ms > to.hold_max_ms {
        s.fault("verify_hold_max_ms", "expected at most hold_max_ms");
    }
    if to.budget_max_ms > to.window_max_ms {
        // An id must be remembered for as long as its transaction may be pending.
        s.fault("budget_max_ms", "expected at most window_max_ms");
    }
    s.finish();
}

fn deliveries(mut s: Section<'_>, to: &mut Settings) {
    let d = Settings::default();
    to.undelivered_for_destination_max =
        s.number("undelivered_for_destination_max", d.undelivered_for_destination_max, 10..=100_000_000);
    to.delivery_window = s.number("window", d.delivery_window, 1..=1_000_000);
    to.deliveries_for_transaction_max =
        s.number("for_transaction_max", d.deliveries_for_transaction_max, 2..=60);
    to.delivery_retry_ms = s.number("retry_ms", d.delivery_retry_ms, 1..=600_000);
    to.delivery_retry_max_ms = s.number("retry_max_ms", d.delivery_retry_max_ms, 1..=DAY_MS);
    to.delivery_alarm_ms = s.number("alarm_ms", d.delivery_alarm_ms, 1..=30 * DAY_MS);
    if to.delivery_retry_max_ms < to.delivery_retry_ms {
        s.fault("retry_max_ms", "expected at least retry_ms");
    }
    s.finish();
}

fn sessions(mut s: Section<'_>) -> SessionConfig {
    let d = SessionConfig::default();
    let config = SessionConfig {
        window: s.number("window", d.window, 1..=10_000_000),
        links_for_participant_max: s.number(
            "links_for_participant_max",
            d.links_for_participant_max,
            1..=65_536,
        ),
        links_max: s.number("links_max", d.links_max, 1..=1_000_000),
        inquiries_per_s: s.number("inquiries_per_s", d.inquiries_per_s, 1..=10_000_000),
        authorizes_per_s: s.number("authorizes_per_s", d.authorizes_per_s, 0..=10_000_000),
        outbound_bytes_max: s.number("outbound_bytes_max", d.outbound_bytes_max, (64 << 10)..=(4 << 30)),
        turn_quota: s.number("turn_quota", d.turn_quota, 1..=1_000_000),
        sign_on_timeout_ms: s.number("sign_on_timeout_ms", d.sign_on_timeout_ms, 10..=600_000),
        echo_interval_ms: s.number("echo_interval_ms", d.echo_interval_ms, 10..=600_000),
        echo_timeout_ms: s.number("echo_timeout_ms", d.echo_timeout_ms, 10..=600_000),
        drain_timeout_ms: s.number("drain_timeout_ms", d.drain_timeout_ms, 0..=3_600_000),
        start_grace_ms: s.number("start_grace_ms", d.start_grace_ms, 0..=60_000),
    };
    s.finish();
    config
}

fn transport(mut s: Section<'_>, partitions: u16) -> TransportConfig {
    let d = TransportConfig::default();
    let expected = "\"auto\", \"inline\" or \"thread\"";
    let driver = s.text("driver", expected).map_or(d.driver, |text| match text.value {
        "auto" => DriverMode::Auto,
        "inline" => DriverMode::Inline,
        "thread" => DriverMode::Thread,
        other => {
            text.fault(s.faults(), format!("expected {expected}, found {other:?}"));
            d.driver
        }
    });
    let config = TransportConfig {
        driver,
        mtu: s.number("mtu", d.mtu, 1_200..=65_507),
        socket_buffer_bytes: s.number("socket_buffer_bytes", d.socket_buffer_bytes, (64 << 10)..=(1 << 30)),
        initial_window_bytes: s.number(
            "initial_window_bytes",
            d.initial_window_bytes,
            (14 << 10)..=(256 << 20),
        ),
        stream_window_bytes: s.number("stream_window_bytes", d.stream_window_bytes, (64 << 10)..=(256 << 20)),
        idle_timeout_ms: s.number("idle_timeout_ms", d.idle_timeout_ms, 100..=600_000),
        io_threads: s.number("io_threads", d.io_threads, 1..=IO_THREADS_MAX),
        gather_us: s.number("gather_us", d.gather_us, 0..=1_000),
        real_time_priority: s.number("real_time_priority", d.real_time_priority, 0..=PRIORITY_MAX),
    };
    if config.driver == DriverMode::Inline && config.io_threads > 1 {
        let problem = "expected \"auto\" or \"thread\" with io_threads above 1: the driver runs inline with one thread of links only";
        s.place("driver").fault(s.faults(), problem);
    }
    if config.driver == DriverMode::Inline && partitions > 1 {
        let problem = "expected \"auto\" or \"thread\" with journal.partitions above 1: each has a driver of its own, on a thread of its own";
        s.place("driver").fault(s.faults(), problem);
    }
    s.finish();
    config
}
