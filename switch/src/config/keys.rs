//! Every key of a configuration with its value in words, so that two configurations can be compared key by key.

use std::collections::BTreeMap;

use holdfast_core::registry::{CurrencyLimits, Debtor, MerchantPattern, ParticipantRecord, Route};
use holdfast_protocol::{Currency, SecurityLevel};

use super::decimal::text_from_minor;
use super::{Config, DriverMode};

/// Keys as the file names them, but for entries of arrays, which are named by what they are about.
pub(super) type Keys = BTreeMap<String, String>;

/// What a participant's table says.
pub(super) fn participant(p: &ParticipantRecord) -> Keys {
    let roles = [(p.originates, "originates"), (p.receives, "receives")];
    let roles: Vec<_> = roles.into_iter().filter(|(has, _)| *has).map(|(_, role)| role).collect();
    let mut keys = Keys::from([
        ("name".to_owned(), p.name.clone()),
        ("number".to_owned(), p.number.to_string()),
        ("roles".to_owned(), roles.join(", ")),
    ]);
    for (currency, cap) in &p.caps {
        keys.insert(format!("caps.{currency}"), text_from_minor(cap.minor(), *currency));
    }
    for (level, limits) in &p.limits {
        let level = match level {
            SecurityLevel::One => "limits.level_1",
            SecurityLevel::Two => "limits.level_2",
            SecurityLevel::Three => "limits.level_3",
            SecurityLevel::Four => "limits.level_4",
        };
        keys.insert(level.to_owned(), "agreed".to_owned());
        for (currency, limits) in &limits.currencies {
            keys.insert(format!("{level}.{currency}"), limits_in_words(limits, *currency));
        }
    }
    keys
}

fn limits_in_words(limits: &CurrencyLimits, currency: Currency) -> String {
    let money = |minor: i128| text_from_minor(minor, currency);
    let words: Vec<_> = [
        limits.amount.map(|amount| format!("amount {}", money(amount.minor().into()))),
        limits.daily_amount.map(|total| format!("daily_amount {}", money(total.minor()))),
        limits.daily_count.map(|count| format!("daily_count {count}")),
    ]
    .into_iter()
    .flatten()
    .collect();
    if words.is_empty() { "no limits".to_owned() } else { words.join(", ") }
}

/// Where payment IDs lead, by payee.
pub(super) fn routes(config: &Config) -> Keys {
    let name = |route: &Route| {
        let found = config.participants.iter().find(|p| p.number == route.destination);
        found.map_or_else(|| route.destination.to_string(), |p| p.name.clone())
    };
    let key = |route: &Route| match route.merchants {
        MerchantPattern::Default => format!("routes.*@{}", route.mps),
        MerchantPattern::Prefix(prefix) => format!("routes.{prefix}*@{}", route.mps),
        MerchantPattern::Exact(merchant) => format!("routes.{merchant}@{}", route.mps),
    };
    let value = |route: &Route| {
        let (pay, reserve) = (debtor(route.pay_debtor), debtor(route.reserve_debtor));
        format!("{} (pay_debtor {pay}, reserve_debtor {reserve})", name(route))
    };
    config.routes.iter().map(|route| (key(route), value(route))).collect()
}

const fn debtor(debtor: Debtor) -> &'static str {
    match debtor {
        Debtor::Originator => "originator",
        Debtor::Destination => "destination",
        Debtor::Outside => "outside",
    }
}

/// Where certificates and keys lie.
pub(super) fn tls(config: &Config) -> Keys {
    let tls = &config.tls;
    [("tls.certificate", &tls.certificate), ("tls.key", &tls.key), ("tls.ca", &tls.ca)]
        .map(|(key, path)| (key.to_owned(), path.display().to_string()))
        .into()
}

/// What is built into queues, sockets and threads when the process starts.
pub(super) fn at_start(config: &Config) -> Keys {
    let addresses: Vec<_> = config.listen.iter().map(ToString::to_string).collect();
    let mut keys = Keys::from([
        ("name".to_owned(), config.name.clone()),
        ("listen".to_owned(), addresses.join(", ")),
        ("admin".to_owned(), config.admin.to_string()),
    ]);
    let mut put = |section: &str, entries: &[(&str, u64)]| {
        keys.extend(entries.iter().map(|(key, value)| (format!("{section}.{key}"), value.to_string())));
    };
    let j = &config.journal;
    put(
        "journal",
        &[
            ("partitions", j.partitions.into()),
            ("segment_bytes", j.segment_bytes),
            ("gather_us", j.gather_us),
            ("gather_bytes", j.gather_bytes),
            ("unsynced_bytes_max", j.unsynced_bytes_max),
            ("full_reserve_bytes", j.full_reserve_bytes),
            ("snapshot_segments", j.snapshot_segments),
            ("retention_days", j.retention_days.into()),
            ("archive_days", j.archive_days.into()),
            ("unindexed_max", j.unindexed_max),
        ],
    );
    put("requests", &requests(config));
    put("deliveries", &deliveries(config));
    let s = &config.sessions;
    put(
        "sessions",
        &[
            ("window", s.window.into()),
            ("links_for_participant_max", s.links_for_participant_max.into()),
            ("links_max", s.links_max.into()),
            ("inquiries_per_s", s.inquiries_per_s.into()),
            ("authorizes_per_s", s.authorizes_per_s.into()),
            ("outbound_bytes_max", s.outbound_bytes_max),
            ("turn_quota", s.turn_quota.into()),
            ("sign_on_timeout_ms", s.sign_on_timeout_ms),
            ("echo_interval_ms", s.echo_interval_ms),
            ("echo_timeout_ms", s.echo_timeout_ms),
            ("drain_timeout_ms", s.drain_timeout_ms),
            ("start_grace_ms", s.start_grace_ms),
        ],
    );
    let t = &config.transport;
    put(
        "transport",
        &[
            ("mtu", t.mtu.into()),
            ("socket_buffer_bytes", t.socket_buffer_bytes),
            ("initial_window_bytes", t.initial_window_bytes),
            ("stream_window_bytes", t.stream_window_bytes),
            ("idle_timeout_ms", t.idle_timeout_ms),
            ("io_threads", t.io_threads.into()),
            ("gather_us", t.gather_us),
            ("real_time_priority", t.real_time_priority.into()),
        ],
    );
    let driver = match t.driver {
        DriverMode::Auto => "auto",
        DriverMode::Inline => "inline",
        DriverMode::Thread => "thread",
    };
    keys.insert("transport.driver".to_owned(), driver.to_owned());
    keys.insert("journal.directory".to_owned(), j.directory.display().to_string());
    keys
}

fn requests(config: &Config) -> [(&'static str, u64); 15] {
    let s = &config.settings;
    [
        ("window_max_ms", s.window_max_ms),
        ("skew_max_ms", s.skew_max_ms),
        ("budget_max_ms", s.budget_max_ms),
        ("budget_share_ms", s.budget_share_ms),
        ("hold_max_ms", s.hold_max_ms),
        ("verify_hold_max_ms", s.verify_hold_max_ms),
        ("pending_max", s.pending_max.into()),
        ("pending_for_destination_max", s.pending_for_destination_max.into()),
        ("open_max", s.open_max.into()),
        ("remembered_max", s.remembered_max.into()),
        ("answer_extension_bytes_max", s.answer_extension_bytes_max as u64),
        ("recalls_max", s.recalls_max.into()),
        ("recalled_max", s.recalled_max.into()),
        ("retry_after_ms", s.retry_after_ms),
        ("expected_rate_per_s", s.expected_rate_per_s.into()),
    ]
}

fn deliveries(config: &Config) -> [(&'static str, u64); 6] {
    let s = &config.settings;
    [
        ("undelivered_for_destination_max", s.undelivered_for_destination_max.into()),
        ("window", s.delivery_window.into()),
        ("for_transaction_max", s.deliveries_for_transaction_max.into()),
        ("retry_ms", s.delivery_retry_ms),
        ("retry_max_ms", s.delivery_retry_max_ms),
        ("alarm_ms", s.delivery_alarm_ms),
    ]
}
