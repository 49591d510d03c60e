//! What the configuration says, as each part wants to hear it.

use std::time::Duration;

use holdfast_link::LinkSettings;
use holdfast_protocol::{Epoch, Partition};

use crate::config::{Config, TransportConfig};
use crate::driver::DriverSettings;
use crate::session::Member;
use crate::session::control::{EchoTimes, Offer};
use crate::transport::LinkLimits;

/// For QUIC.
pub(super) fn links(transport: &TransportConfig) -> LinkSettings {
    let limited = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX);
    LinkSettings {
        mtu: transport.mtu,
        socket_buffer_bytes: usize::try_from(transport.socket_buffer_bytes).unwrap_or(usize::MAX),
        stream_window_bytes: limited(transport.stream_window_bytes),
        link_window_bytes: limited(transport.stream_window_bytes.saturating_mul(2)),
        initial_window_bytes: transport.initial_window_bytes,
        idle_timeout_ms: limited(transport.idle_timeout_ms),
    }
}

/// For the core of one partition: limits that bound memory are shared out among all.
pub(super) fn core(config: &Config) -> holdfast_core::Settings {
    let partitions = u32::from(config.journal.partitions);
    let of_each = |limit: u32| limit.div_ceil(partitions);
    let settings = &config.settings;
    holdfast_core::Settings {
        pending_max: of_each(settings.pending_max),
        pending_for_destination_max: of_each(settings.pending_for_destination_max),
        open_max: of_each(settings.open_max),
        remembered_max: of_each(settings.remembered_max),
        undelivered_for_destination_max: of_each(settings.undelivered_for_destination_max),
        delivery_window: of_each(settings.delivery_window),
        recalls_max: of_each(settings.recalls_max),
        recalled_max: of_each(settings.recalled_max),
        answer_extension_bytes_max: settings
            .answer_extension_bytes_max
            .div_ceil(usize::from(config.journal.partitions)),
        expected_rate_per_s: of_each(settings.expected_rate_per_s),
        ..settings.clone()
    }
}

/// For the driver.
pub(super) fn driver(config: &Config) -> DriverSettings {
    let sessions = &config.sessions;
    DriverSettings {
        quota: usize::try_from(sessions.turn_quota).unwrap_or(usize::MAX),
        outbound_bytes_max: usize::try_from(sessions.outbound_bytes_max).unwrap_or(usize::MAX),
        unsynced_bytes_max: config.journal.unsynced_bytes_max,
        retry_after_ms: u16::try_from(config.settings.retry_after_ms).unwrap_or(u16::MAX),
        start_grace_ms: sessions.start_grace_ms,
        ..DriverSettings::default()
    }
}

/// What a welcome says to those whose home is this partition.
pub(super) fn offer(config: &Config, partition: Partition, epoch: Epoch) -> Offer {
    let settings = &config.settings;
    let limited = |millis: u64| u32::try_from(millis).unwrap_or(u32::MAX);
    Offer {
        partition,
        epoch,
        window: config.sessions.window,
        window_max_ms: limited(settings.window_max_ms),
        skew_max_ms: limited(settings.skew_max_ms),
        budget_max_ms: limited(settings.budget_max_ms),
        hold_max_ms: settings.hold_max_ms,
    }
}

/// For links.
pub(super) fn limits(config: &Config) -> LinkLimits {
    let sessions = &config.sessions;
    LinkLimits {
        threads: usize::from(config.transport.io_threads),
        links_max: usize::try_from(sessions.links_max).unwrap_or(usize::MAX),
        links_for_participant_max: sessions.links_for_participant_max,
        outbound_bytes_max: usize::try_from(sessions.outbound_bytes_max).unwrap_or(usize::MAX),
        sign_on_timeout: Duration::from_millis(sessions.sign_on_timeout_ms),
        echo: EchoTimes {
            interval: Duration::from_millis(sessions.echo_interval_ms),
            patience: Duration::from_millis(sessions.echo_timeout_ms),
        },
        retry_after_ms: u16::try_from(config.settings.retry_after_ms).unwrap_or(u16::MAX),
    }
}

/// The participants of a configuration as the sessions know them.
pub(super) fn members(config: &Config) -> Vec<Member> {
    let (inquiries, authorizes) = (config.sessions.inquiries_per_s, config.sessions.authorizes_per_s);
    let member = |p: &holdfast_core::registry::ParticipantRecord| {
        Member::new(p.name.clone(), p.number, p.originates, p.receives, inquiries).with_authorizes(authorizes)
    };
    config.participants.iter().map(member).collect()
}
