//! The text that Prometheus scrapes: counters as they stand, and levels from one report of the driver.
//!
//! Where the driver did not answer in time the levels are absent and `holdfast_driver_answered` is 0: a stale level
//! would be a wrong one.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use holdfast_journal::{Counts, SYNC_BUCKETS_US};
use holdfast_protocol::{Reason, ReasonClass};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, text};
use prometheus_client::registry::Registry;

use super::archive::archive;
use super::levels;
use super::page::{Labels, Page};
use super::participant::{ParticipantTallies, ParticipantTally, RequestKind};
use super::snapshots::snapshots;
use super::{DriverTally, Telemetry};
use crate::admin::report::StatusReport;
use crate::build;

/// Of the text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The configured participants by number, for labels, and so that each has its series from the start: a series that
/// begins with its first event hides that event from `rate()`.
pub type Names = BTreeMap<u16, Named>;

/// A configured participant.
#[derive(Clone, Debug)]
pub struct Named {
    /// Its name.
    pub name: String,
    /// It may send requests.
    pub originates: bool,
    /// It may be a destination.
    pub receives: bool,
}

/// All metrics now.
///
/// # Errors
///
/// Never in practice: writing to a text does not fail.
pub fn exposition(
    telemetry: &Telemetry,
    names: &Names,
    status: Option<&StatusReport>,
) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Scrape {
        telemetry: telemetry.clone(),
        drivers: telemetry.drivers(),
        names: names.clone(),
        status: status.cloned(),
    }));
    let mut out = String::new();
    text::encode(&mut out, &registry)?;
    Ok(out)
}

/// What a session refuses before the core sees it.
const REFUSED_BY_SESSIONS: [Reason; 6] = [
    Reason::Busy,
    Reason::Malformed,
    Reason::WindowExceeded,
    Reason::RoleNotAgreed,
    Reason::MessageReserved,
    Reason::InquiryBudgetSpent,
];

#[derive(Debug)]
struct Scrape {
    telemetry: Telemetry,
    drivers: Arc<DriverTally>,
    names: Names,
    status: Option<StatusReport>,
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        self.process(&mut page)?;
        self.driver(&mut page)?;
        self.requests(&mut page)?;
        self.links(&mut page)?;
        self.journal(&mut page)?;
        let Some(status) = &self.status else { return Ok(()) };
        levels::all(status, &mut page)
    }
}

impl Scrape {
    fn name(&self, number: u16) -> String {
        self.names.get(&number).map(|named| named.name.clone()).unwrap_or_else(|| match number {
            0 => "nobody".to_owned(),
            other => other.to_string(),
        })
    }

    fn process(&self, page: &mut Page<'_>) -> fmt::Result {
        let build = vec![
            ("version", build::VERSION.to_owned()),
            ("commit", build::COMMIT.to_owned()),
            ("profile", build::PROFILE.to_owned()),
        ];
        page.gauges("holdfast_build", "The build, as labels.", [(build, 1.0)])?;
        let uptime = self.telemetry.started.elapsed().as_secs_f64();
        page.level("holdfast_uptime_seconds", "Since the process started.", uptime)?;
        let ready = f64::from(u8::from(self.telemetry.is_ready()));
        page.level(
            "holdfast_ready",
            "Whether the switch is recovered and takes new work, as /readyz says.",
            ready,
        )?;
        let answered = f64::from(u8::from(self.status.is_some()));
        page.level("holdfast_driver_answered", "Whether the driver answered this scrape in time.", answered)
    }

    fn driver(&self, page: &mut Page<'_>) -> fmt::Result {
        let d = &self.drivers;
        page.count("holdfast_turns", "Turns of the driver that decided something.", d.turns.get())?;
        page.count("holdfast_inputs", "Inputs decided.", d.inputs.get())?;
        page.count("holdfast_facts", "Facts decided.", d.facts.get())?;
        page.count("holdfast_effects", "Effects decided.", d.effects.get())?;
        let help = "Times the wall clock was found more than a second from the switch's time.";
        page.count("holdfast_clock_alarms", help, self.telemetry.clock_alarms.get())?;
        let stages = [
            ("queue", &d.queued),
            ("decide", &d.decided),
            ("journal", &d.journaled),
            ("outbox", &d.released),
        ];
        let help = "What each stage took, counted by batch for each input or effect.";
        page.histograms(
            "holdfast_stage_seconds",
            help,
            stages.map(|(name, d)| (vec![("stage", name.to_owned())], d)),
        )
    }

    fn requests(&self, page: &mut Page<'_>) -> fmt::Result {
        let tallies = &self.drivers.participants;
        let requests = self.everybody(tallies).flat_map(|(number, tally)| {
            RequestKind::ALL.into_iter().filter_map(move |kind| {
                let labels = vec![("participant", self.name(number)), ("kind", kind.label().to_owned())];
                let n = tally.map_or(0, |tally| tally.request_count(kind));
                (n > 0 || self.sends(number, kind)).then_some((labels, n))
            })
        });
        page.counts("holdfast_requests", "Messages received, by sender and kind.", requests)?;
        let told = |number, reason: Reason| self.originates(number) && reason.class() != ReasonClass::Link;
        let outcomes = self.reasons(tallies, told).map(|(mut labels, reason, n)| {
            labels.push(("outcome", outcome(reason).to_owned()));
            (labels, n)
        });
        let help = "Outcomes told to originators; a refusal is not recorded (rule 5).";
        page.counts("holdfast_outcomes", help, outcomes)?;
        self.declines(page)
    }

    /// Whose silence or refusal it was: outcomes are counted for those who hear them.
    fn declines(&self, page: &mut Page<'_>) -> fmt::Result {
        let receives = |number| self.names.get(&number).is_some_and(|named: &Named| named.receives);
        let begins = |number, reason| receives(number) && reason == Reason::DestinationTimedOut;
        let declines = self.reasons(&self.drivers.declines, begins).map(|(labels, reason, n)| {
            let destination = labels.into_iter().map(|(_, value)| value).next().unwrap_or_default();
            (vec![("destination", destination), ("reason", reason.name().to_owned())], n)
        });
        let help = "Forwarded transactions that ended without the destination's approval.";
        page.counts("holdfast_destination_declines", help, declines)
    }

    /// Everybody configured, and whoever else was counted.
    fn everybody<'a>(
        &'a self,
        tallies: &'a ParticipantTallies,
    ) -> impl Iterator<Item = (u16, Option<&'a ParticipantTally>)> {
        let mut all: BTreeMap<u16, Option<&ParticipantTally>> =
            self.names.keys().map(|number| (*number, None)).collect();
        all.extend(tallies.iter().map(|(number, tally)| (number, Some(tally))));
        all.into_iter()
    }

    fn originates(&self, number: u16) -> bool {
        self.names.get(&number).is_some_and(|named| named.originates)
    }

    /// Whether it is of the role of a participant to send such messages.
    fn sends(&self, number: u16, kind: RequestKind) -> bool {
        let Some(named) = self.names.get(&number) else { return false };
        match kind {
            RequestKind::Pay
            | RequestKind::Reserve
            | RequestKind::Verify
            | RequestKind::Capture
            | RequestKind::Release
            | RequestKind::Reverse
            | RequestKind::Refund => named.originates,
            RequestKind::Answer | RequestKind::Acknowledge => named.receives,
            RequestKind::Inquiry => named.originates || named.receives,
        }
    }

    /// Counts by participant and reason: what was counted, and what `begins` has at zero from the start.
    fn reasons<'a>(
        &'a self,
        tallies: &'a ParticipantTallies,
        begins: impl Fn(u16, Reason) -> bool + Copy + 'a,
    ) -> impl Iterator<Item = (Labels, Reason, u64)> {
        self.everybody(tallies).flat_map(move |(number, tally)| {
            Reason::ALL.iter().filter_map(move |reason| {
                let n = tally.map_or(0, |tally| tally.outcome_count(*reason));
                let labels = vec![("participant", self.name(number)), ("reason", reason.name().to_owned())];
                (n > 0 || begins(number, *reason)).then_some((labels, *reason, n))
            })
        })
    }

    fn links(&self, page: &mut Page<'_>) -> fmt::Result {
        let l = &self.telemetry.links;
        page.count("holdfast_sign_ons", "Links that signed on.", l.signed_on.get())?;
        let help = "Handshakes that failed: certificate, version, identity, or not finished in time.";
        page.count("holdfast_handshakes_failed", help, l.handshakes_failed.get())?;
        let help = "Unfinished handshakes that gave way to newer ones.";
        page.count("holdfast_handshakes_displaced", help, l.handshakes_displaced.get())?;
        let help = "Dials refused because all places are taken.";
        page.count("holdfast_dials_refused", help, l.dials_refused.get())?;
        let help = "Addresses asked to show that they are real, because it is crowded.";
        page.count("holdfast_addresses_asked", help, l.addresses_asked.get())?;
        let known = |number| self.names.contains_key(&number);
        let at_the_session = |number, reason| known(number) && REFUSED_BY_SESSIONS.contains(&reason);
        let refused = self.reasons(&l.refused, at_the_session).map(|(labels, _, n)| (labels, n));
        page.counts("holdfast_refused_frames", "Frames refused before they reached the core.", refused)?;
        let ends = |number, reason: Reason| known(number) && reason.class() == ReasonClass::Link;
        let closed = self.reasons(&l.closed, ends).map(|(labels, _, n)| (labels, n));
        page.counts("holdfast_links_closed", "Links that ended, by reason.", closed)
    }

    fn journal(&self, page: &mut Page<'_>) -> fmt::Result {
        let j = self.telemetry.journal_counts();
        page.count("holdfast_journal_syncs", "Syncs of the journal.", j.syncs)?;
        page.count("holdfast_journal_bytes", "Bytes written to the journal.", j.bytes)?;
        page.count("holdfast_journal_frames", "Frames written to the journal.", j.frames)?;
        page.count("holdfast_journal_seals", "Empty frames that seal the one before.", j.seals)?;
        page.count("holdfast_journal_facts", "Facts written to the journal.", j.facts)?;
        page.count("holdfast_journal_batches", "Batches merged into frames.", j.batches)?;
        let (buckets, sum) = sync_times(&j);
        page.histogram("holdfast_journal_sync_seconds", "What a write and sync took.", sum, &buckets)?;
        snapshots(&self.telemetry.snapshots(), page)?;
        archive(&self.telemetry.archive().unwrap_or_default(), page)
    }
}

/// The buckets and the sum of sync times in seconds.
fn sync_times(counts: &Counts) -> (Vec<(f64, u64)>, f64) {
    let edges = SYNC_BUCKETS_US.iter().map(|us| *us as f64 / 1e6).chain([f64::INFINITY]);
    (edges.zip(counts.sync_buckets).collect(), counts.sync_us_sum as f64 * 1e-6)
}

/// An outcome's label from its reason's class.
const fn outcome(reason: Reason) -> &'static str {
    match reason.class() {
        ReasonClass::None => "approved",
        ReasonClass::DestinationDeclined | ReasonClass::SwitchDeclined => "declined",
        ReasonClass::Refused | ReasonClass::Link => "refused",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sync_times_keep_their_buckets() {
        let mut counts = Counts { sync_us_sum: 1_500_000, ..Counts::default() };
        counts.sync_buckets[0] = 3;
        counts.sync_buckets[SYNC_BUCKETS_US.len()] = 1;
        let (buckets, sum) = sync_times(&counts);
        assert_eq!((buckets[0], buckets[SYNC_BUCKETS_US.len()]), ((50e-6, 3), (f64::INFINITY, 1)));
        assert!((sum - 1.5).abs() < 1e-9);
    }
}
