//! The figures of a run, from what was counted and measured.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::json;

use super::{JournalSpan, Measured};
use crate::accounting::Counts;
use crate::cli::Rate;
use crate::machine::Host;
use crate::measure::bins::{Distribution, Sum};
use crate::measure::kinds::{Figure, Measure};
use crate::measure::slices::{self, Group};
use crate::measure::steadiness::{Steadiness, steadiness};
use crate::measure::warm_up::Cut;
use crate::results::head::{COLOCATED, debug_builds};
use crate::results::latency::{LatencySummary, figures};
use crate::results::summary::{
    Audit, Books, Build, CountsSummary, Generator, JournalRates, Rates, SCHEMA_VERSION, Summary, Verdict,
    Window,
};
use crate::run::{Closing, DRILL, NOT_COMPARED, Plan, Source};
use crate::stage::Stage;
use crate::traffic::fate::DECLINE_REASONS;
use crate::traffic::scenario::Scenario;
use crate::verdict::{Cause, Evidence, Measurement, Remark, judge};
use holdfast_protocol::Reason;

/// What figures are made of.
pub(super) struct Figures<'a> {
    pub(super) plan: &'a Plan,
    pub(super) stage: &'a Stage,
    pub(super) closing: &'a Closing,
    pub(super) measured: &'a Measured,
    pub(super) span: slices::Measured,
    /// It ended before its time: nothing is judged.
    pub(super) cut_short: bool,
}

impl Figures<'_> {
    /// The summary, and what is wrong with the measurement.
    pub(super) fn summary(&self) -> (Summary, Vec<Remark>) {
        let slices = &self.measured.slices;
        let latencies: BTreeMap<_, _> = Figure::ALL
            .into_iter()
            .map(|figure| (figure.name(), self.latency(figure, self.span.from)))
            .collect();
        let evidence = self.evidence(&latencies);
        let (measurement, mut remarks) = judge(&evidence);
        let (window, unsteady) = self.window();
        remarks.extend(unsteady);
        let by_hand = self.measured.by_hand.remark();
        remarks.extend(by_hand.map(|text| Remark { level: Measurement::Suspect, cause: Cause::Run, text }));
        let rate = self.rates();
        let journal = journal_rates(self.measured);
        let by_scenario = Scenario::ALL
            .into_iter()
            .map(|scenario| (scenario.name(), figures(slices, self.span.from, Group::Of(scenario))))
            .filter(|(_, figures)| !figures.is_empty());
        let names = self.closing.operators.iter().enumerate();
        let by_operator =
            names.map(|(index, name)| (name.clone(), figures(slices, self.span.from, Group::By(index))));
        let summary = Summary {
            schema_version: SCHEMA_VERSION,
            seed: self.plan.seed,
            config: config(self.plan),
            build: Build::this(),
            switch_build: self.measured.switch_build.clone(),
            host: Host::this(),
            verdict: self.verdict(measurement.max(worst(&remarks)), &remarks, journal.syncs_per_s > 0.0),
            rate,
            objectives: self.objectives(&latencies, &rate),
            latency_us_by_scenario: by_scenario.collect(),
            latency_us_by_operator: by_operator.collect(),
            latency_us: latencies,
            window,
            accounting: CountsSummary::of(&self.closing.accounting.total()),
            scenarios: CountsSummary::of_scenarios(&self.closing.accounting),
            journal,
            generator: self.generator(&evidence),
            changed_by_hand: self.measured.by_hand.changes(),
            broken_off: None,
            drill: None,
        };
        (summary, remarks)
    }

    /// A figure of everybody, of the slices from `from` on.
    pub(super) fn latency(&self, figure: Figure, from: usize) -> LatencySummary {
        let slices = &self.measured.slices;
        let unanswered = (figure == Figure::Response).then(|| {
            let answered: u64 = slices.all.iter().map(|s| s.of(figure, Group::All).len()).sum();
            self.closing.sums.offered_in_time.saturating_sub(answered)
        });
        LatencySummary::of(slices, from, figure, Group::All, unanswered)
    }

    fn evidence(&self, latencies: &BTreeMap<&'static str, LatencySummary>) -> Evidence {
        let total = self.closing.accounting.total();
        let m = self.measured;
        let share = |time: std::time::Duration| time.as_secs_f64() / m.seconds;
        let own_lag = m.slices.all.iter().flat_map(|slice| &slice.operators).map(|of| of.of(Measure::Lag));
        let p99 = |sum: &Sum| sum.quantile(0.99, 0).map_or(0, u64::from);
        let response = m.slices.sum(self.span.from, Figure::Response, Group::All);
        Evidence {
            samples: latencies.get(Figure::Response.name()).map_or(0, |response| response.count),
            open_loop: self.plan.rate_of_operator().is_some(),
            lag_p99_us: p99(&Sum::of(own_lag)),
            response_p99_us: p99(&response),
            held_back: self.closing.sums.held_back,
            offered: self.closing.sums.offered_in_time,
            planned: self.planned(),
            scheduled: total.scheduled,
            shed: total.shed,
            ran_share: share(m.thread.ran),
            waited_share: share(m.thread.waited),
            stolen_share: m.stolen_share,
            udp_drops: m.udp_drops,
            messages: total.messages,
            max_hiccup_us: m.hiccup_us,
            history_stalls: self.stage.history_stalls.get(),
            cut_short: self.cut_short,
            struck: self.plan.command == DRILL,
        }
    }

    /// Arrivals that the schedule has for the measured time; zero in a closed loop.
    fn planned(&self) -> f64 {
        let warm_ns = self.measured.slices.warm_ns;
        let measured_ns = (self.seconds() * 1e9) as u64;
        let until_ns = warm_ns.saturating_add(measured_ns);
        self.plan.source.planned(warm_ns, until_ns)
            * self.plan.share_played()
            * self.measured.by_hand.mean(warm_ns, until_ns)
    }

    /// A run that was cut short had less time than it was given.
    fn seconds(&self) -> f64 {
        self.plan.arguments.duration.as_secs_f64().min(self.measured.seconds)
    }

    fn rates(&self) -> Rates {
        let per_second = |count: u64| count as f64 / self.seconds();
        let sums = &self.closing.sums;
        Rates {
            offered_per_s: per_second(sums.offered_in_time),
            achieved_per_s: per_second(sums.completed_in_time),
            goodput_per_s: per_second(sums.good_in_time),
            error_share: self.error_share(&self.closing.accounting.total()),
        }
    }

    fn error_share(&self, total: &Counts) -> f64 {
        let load = &self.plan.arguments.load;
        let wanted = |reason: &Reason| {
            let timed_out = *reason == Reason::DestinationTimedOut
                && load.traffic.silent_rate + load.traffic.late_rate > 0.0;
            timed_out || DECLINE_REASONS.contains(reason)
        };
        let declined: u64 = total.declined.iter().filter(|(r, _)| !wanted(r)).map(|(_, count)| count).sum();
        let wrong = total.shed
            + total.not_done_in_all()
            + total.unknown
            + total.in_flight_at_end
            + total.errors_in_all()
            + declined;
        wrong as f64 / (total.scheduled.max(1)) as f64
    }

    /// The measured part, and a remark where it was not steady.
    fn window(&self) -> (Window, Option<Remark>) {
        let slices = &self.measured.slices;
        let begun_s = |index: usize| slices.all.get(index).map(|slice| slice.begun_ns as f64 / 1e9);
        let series = slices.series(self.span.from, Figure::Response, Group::All);
        let series: Vec<&Distribution> =
            series.iter().map(Cow::as_ref).filter(|slice| !slice.is_empty()).collect();
        let is_shaped = !self.plan.source.is_flat() || !self.measured.by_hand.is_empty();
        let (steady, text) = match (self.span.cut, steadiness(&series)) {
            // A rate that is meant to change leaves nothing to be steady, and what steadies later never came.
            _ if is_shaped || self.cut_short => (None, None),
            (Cut::Never, _) => {
                (Some(false), Some("unsteady: the response never settled (MSER-5)".to_owned()))
            }
            (Cut::At(_) | Cut::TooShort, Steadiness::Drifts(drift)) => {
                let text = format!(
                    "unsteady: the median response at the end was {drift:.2} times that at the beginning"
                );
                (Some(false), Some(text))
            }
            (Cut::At(_) | Cut::TooShort, Steadiness::Steady) => (Some(true), None),
            (Cut::At(_) | Cut::TooShort, Steadiness::Unknown) => (None, None),
        };
        let until_s = slices.end_ns as f64 / 1e9;
        let window = Window {
            from_s: begun_s(self.span.from).unwrap_or(0.0).max(slices.warm_ns as f64 / 1e9).min(until_s),
            until_s,
            planned_until_s: self.plan.end_ns() as f64 / 1e9,
            mser_5_s: match self.span.cut {
                Cut::At(slice) => begun_s(slice),
                Cut::Never | Cut::TooShort => None,
            },
            steady,
        };
        (window, text.map(|text| Remark { level: Measurement::Suspect, cause: Cause::Run, text }))
    }

    fn verdict(&self, measurement: Measurement, remarks: &[Remark], durable: bool) -> Verdict {
        let total = self.closing.accounting.total();
        let mut words = self.plan.remarks.clone();
        words.extend(remarks.iter().map(|remark| remark.text.clone()));
        words.extend(self.left_out());
        let c = self.closing;
        let mut closed = c.open.is_empty() && c.unread.is_none() && total.in_flight_at_end == 0;
        if let Err(imbalance) = total.check() {
            closed = false;
            words.push(imbalance.to_string());
        }
        words.extend(c.unread.clone());
        words.extend(debug_builds(&Build::this(), self.measured.switch_build.as_ref()));
        words.extend(self.plan.alone.map(|_| NOT_COMPARED.to_owned()));
        Verdict {
            measurement,
            books: match (closed, self.plan.alone) {
                // What was in flight when nobody waited any longer is on one side of the books only.
                (false, _) if self.cut_short && !c.is_settled() => Books::NotJudged,
                (false, _) => Books::Open,
                (true, None) => Books::Closed,
                (true, Some(_)) => Books::NotCompared,
            },
            audit: Audit::NotRun,
            durable,
            label: self.plan.arguments.load.place.is_colocated().then_some(COLOCATED),
            remarks: words,
        }
    }

    fn generator(&self, evidence: &Evidence) -> Generator {
        let planned = evidence.planned;
        Generator {
            cpu_share: self.measured.cpu_seconds / self.measured.seconds,
            ran_share: evidence.ran_share,
            waited_share: evidence.waited_share,
            stolen_share: evidence.stolen_share,
            offered_of_planned: (planned > 0.0).then(|| evidence.offered as f64 / planned),
            own_lag_p99_us: evidence.lag_p99_us,
            udp_drops: self.measured.udp_drops,
            max_hiccup_us: self.measured.hiccup_us,
        }
    }
}

fn worst(remarks: &[Remark]) -> Measurement {
    remarks.iter().map(|remark| remark.level).max().unwrap_or(Measurement::Valid)
}

fn journal_rates(measured: &Measured) -> JournalRates {
    let Some(JournalSpan { grown, seconds }) = measured.journal else { return JournalRates::default() };
    JournalRates {
        syncs_per_s: grown.syncs / seconds,
        bytes_per_s: grown.bytes / seconds,
        batch_mean: if grown.frames > 0.0 { grown.facts / grown.frames } else { 0.0 },
    }
}

fn config(plan: &Plan) -> serde_json::Value {
    let a = &plan.arguments;
    let l = &a.load;
    let replay = match &plan.source {
        Source::Drawn(_) => None,
        Source::Trace { trace, speed } => Some(json!({
            "trace": trace.path.display().to_string(),
            "checksum": format!("{:08x}", trace.checksum),
            "speed": speed,
            "made_from": trace.header.made_from,
        })),
    };
    let drawn = replay.is_none();
    json!({
        "command": plan.command,
        "replay": replay,
        "switch": l.place.switch.to_string(),
        "admin": l.place.admin_address().map(|address| address.to_string()),
        "rate": match a.rate {
            Rate::PerSecond(rate) => json!(rate),
            Rate::Max => json!("max"),
        },
        "duration_s": a.duration.as_secs_f64(),
        "warmup_s": a.warmup.as_secs_f64(),
        "shape": drawn.then(|| a.shape.to_string()),
        "phase": a.phase,
        "payees": drawn.then(|| l.traffic.payees.to_string()),
        "accounts": drawn.then_some(l.traffic.accounts),
        "payers": drawn.then(|| l.traffic.payers.to_string()),
        "amounts": drawn.then(|| l.traffic.amounts.to_string()),
        "slo": a.objectives.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "mix": l.traffic.mix.to_string(),
        "operators": l.traffic.operators,
        "acquirers": l.traffic.acquirers,
        "merchants": l.traffic.merchants,
        "decline_rate": l.traffic.decline_rate,
        "silent_rate": l.traffic.silent_rate,
        "late_rate": l.traffic.late_rate,
        "window": l.place.window,
        "budget_ms": u64::try_from(l.place.budget.as_millis()).unwrap_or(u64::MAX),
        "expires_ms": u64::try_from(l.place.expires.as_millis()).unwrap_or(u64::MAX),
        "currency": plan.currency.code(),
        "lanes": l.place.lanes,
        "mtu": l.place.mtu,
        "history": !a.no_history && a.to.output.is_some(),
        "tolerate_restarts": l.place.tolerate_restarts,
        "colocated": l.place.is_colocated(),
    })
}
