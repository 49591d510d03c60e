//! What stands at one moment, from one report of the drivers.

use std::fmt;

use super::page::Page;
use crate::admin::report::{PartitionReport, PositionReport, StatusReport};

/// All of it.
pub(super) fn all(status: &StatusReport, page: &mut Page<'_>) -> fmt::Result {
    levels(status, page)?;
    certificates(status, page)?;
    participants(status, page)?;
    deliveries(status, page)
}

fn levels(status: &StatusReport, page: &mut Page<'_>) -> fmt::Result {
    let q = &status.queues;
    let j = &status.journal;
    for (name, help, level) in [
        ("holdfast_pending", "Transactions waiting for their destination.", q.pending),
        ("holdfast_open", "Transactions pending, held or undelivered.", q.open),
        ("holdfast_remembered", "Ids remembered.", q.remembered),
        ("holdfast_recalled", "Originals in memory because they were recalled.", q.recalled),
        ("holdfast_links", "Links signed on or signing on.", q.links),
        ("holdfast_journal_unsynced_bytes", "Bytes of the journal not yet synced.", j.unsynced_bytes),
        ("holdfast_journal_free_bytes", "Free space on the disk of the journal.", j.free_bytes),
        ("holdfast_journal_full", "Whether new work is refused for want of room.", u64::from(j.full)),
        ("holdfast_sequence", "The last decided fact.", status.sequence),
        ("holdfast_durable", "The last durable fact.", status.durable),
        ("holdfast_epoch", "Grows with each start.", status.epoch.into()),
        ("holdfast_alarms", "Alarms that stand now; /status has them in words.", status.alarms.len() as u64),
    ] {
        page.level(name, help, level as f64)?;
    }
    let of_each = |of: fn(&PartitionReport) -> u64| {
        status.partitions.iter().map(move |p| (vec![("partition", p.partition.to_string())], of(p) as f64))
    };
    let help = "The last decided fact of each partition, where there are several.";
    page.gauges("holdfast_partition_sequence", help, of_each(|p| p.sequence))?;
    let help = "The last durable fact of each partition, where there are several.";
    page.gauges("holdfast_partition_durable", help, of_each(|p| p.durable))?;
    let threads = (1..)
        .zip(&q.links_of_threads)
        .map(|(thread, links): (usize, _)| (vec![("thread", thread.to_string())], *links as f64));
    page.gauges(
        "holdfast_links_of_thread",
        "Links that each thread of links has, signed on or not.",
        threads,
    )?;
    let o = &status.oddities;
    for (name, help, count) in [
        (
            "holdfast_forwards_repeated",
            "Forwards sent again after a lost link or a restart.",
            o.forwards_repeated,
        ),
        ("holdfast_answers_unexpected", "Answers nobody asked for.", o.answers_unexpected),
        ("holdfast_approvals_wrong", "Approvals of what was not asked; reversed.", o.approvals_wrong),
        ("holdfast_approvals_late", "Approvals after the end; reversed.", o.approvals_late),
        ("holdfast_declines_late", "Declines after an approval.", o.declines_late),
        (
            "holdfast_acknowledgements_unexpected",
            "Acknowledgements of nothing that was sent.",
            o.acknowledgements_unexpected,
        ),
        (
            "holdfast_reversals_before_request",
            "Reversals of requests that the participant had not sent; remembered.",
            o.reversals_before_request,
        ),
        ("holdfast_configurations_refused", "Configurations not taken.", o.configurations_refused),
    ] {
        page.count(name, help, count)?;
    }
    let queue = |name: &str, level: u64| (vec![("queue", name.to_owned())], level as f64);
    let queues = [queue("inputs", q.inputs), queue("outbox", q.outbox)];
    page.gauges("holdfast_queue_depth", "What waits in each queue.", queues)?;
    let help = "Bytes that wait because links do not read.";
    page.level("holdfast_outbound_bytes", help, q.outbound_bytes as f64)
}

fn certificates(status: &StatusReport, page: &mut Page<'_>) -> fmt::Result {
    let left = status.certificates.iter().map(|certificate| {
        let left_s = (certificate.valid_until_ms as f64 - status.time_ms as f64) / 1_000.0;
        (vec![("certificate", certificate.of.clone())], left_s)
    });
    page.gauges("holdfast_certificate_expires_seconds", "Until the first of its certificates expires.", left)
}

fn participants(status: &StatusReport, page: &mut Page<'_>) -> fmt::Result {
    let of = |name: &str| ("participant", name.to_owned());
    let all = &status.participants;
    let links = all.iter().map(|p| (vec![of(&p.name)], p.links.len() as f64));
    page.gauges("holdfast_links_up", "Live links of each participant.", links)?;
    let unanswered = all.iter().map(|p| (vec![of(&p.name)], p.unanswered as f64));
    page.gauges("holdfast_unanswered", "Requests without an answer yet.", unanswered)?;
    let states = all.iter().map(|p| (vec![of(&p.name), ("status", p.status.clone())], 1.0));
    page.gauges("holdfast_participant_status", "The status of each participant, as a label.", states)?;
    let positions = &status.positions;
    let labels = |i: usize| vec![of(&positions[i].participant), ("currency", positions[i].currency.clone())];
    let sums = |of: fn(&PositionReport) -> &str| {
        let sums = positions.iter().map(move |p| minor(of(p)));
        sums.enumerate().map(|(i, sum)| (labels(i), sum)).collect::<Vec<_>>()
    };
    let help = "held + debits - credits, in minor units.";
    page.gauges("holdfast_position_exposure", help, sums(|p| &p.exposure))?;
    page.gauges("holdfast_position_held", "Held by open reservations, in minor units.", sums(|p| &p.held))?;
    let caps = positions.iter().enumerate();
    let caps = caps.filter_map(|(i, p)| Some((labels(i), minor(p.cap.as_deref()?))));
    page.gauges("holdfast_position_cap", "The net debit cap, in minor units.", caps)
}

fn deliveries(status: &StatusReport, page: &mut Page<'_>) -> fmt::Result {
    let of = |name: &str| ("destination", name.to_owned());
    let all = &status.deliveries;
    let undelivered = all.iter().map(|d| (vec![of(&d.destination)], d.undelivered as f64));
    page.gauges("holdfast_undelivered", "Deliveries without an acknowledgement.", undelivered)?;
    let oldest = all.iter().map(|d| (vec![of(&d.destination)], d.oldest_ms as f64 / 1_000.0));
    page.gauges("holdfast_undelivered_oldest_seconds", "The age of the oldest of them.", oldest)?;
    let in_doubt = all.iter().flat_map(|d| {
        d.in_doubt
            .iter()
            .map(|sum| (vec![of(&d.destination), ("currency", sum.currency.clone())], minor(&sum.amount)))
    });
    let help = "Money behind reversals that the destination has not acknowledged, in minor units.";
    page.gauges("holdfast_in_doubt", help, in_doubt)
}

/// For a graph, where rounding beyond 53 bits is harmless; `/status` has the digits.
fn minor(digits: &str) -> f64 {
    digits.parse().unwrap_or(f64::NAN)
}
