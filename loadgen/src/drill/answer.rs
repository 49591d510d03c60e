//! What a drill came to, for people and for programs.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use holdfast_audit::counted;
use holdfast_audit::finding::Class;
use serde::Serialize;

use crate::report::table::grouped;

/// What to make of a drill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum DrillVerdict {
    /// Everything that was sent ended once, in time, and everybody agrees how.
    Clean,
    /// Something was lost, done twice, contradictory or left open.
    Faulty,
    /// Nothing was in flight at any fault, so nothing could have been lost.
    Vacuous,
    /// It broke off, was cut short, or fewer faults came than were planned: nothing is judged.
    Unfinished,
}

impl DrillVerdict {
    /// Of a drill that came to its end and was looked at; faults that never came show nothing.
    pub(super) fn of(is_faulty: bool, planned: usize, faults: &[FaultSummary]) -> Self {
        if is_faulty {
            Self::Faulty
        } else if faults.len() < planned {
            Self::Unfinished
        } else if faults.iter().all(|fault| fault.in_flight == 0) {
            Self::Vacuous
        } else {
            Self::Clean
        }
    }

    /// As people read it.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Clean => "CLEAN",
            Self::Faulty => "FAULTY",
            Self::Vacuous => "VACUOUS: nothing was in flight at any fault, so nothing could be lost",
            Self::Unfinished => "unfinished: nothing is judged",
        }
    }
}

/// One fault and what came of it. Times in seconds.
#[derive(Clone, Debug, Serialize)]
pub struct FaultSummary {
    /// What, as on the command line.
    pub fault: String,
    /// When, since the run began.
    pub at_s: f64,
    /// How long it took until it was over: started again, thawed, no longer cut off; `None` where it never was.
    pub lasted_s: Option<f64>,
    /// How long after it a switch that was started again was ready.
    pub ready_after_s: Option<f64>,
    /// Requests that the switch owed an answer when it came.
    pub in_flight: u64,
    /// From the fault until the operator's next answered request, by its name; `None` where none was answered any more.
    pub unavailable_s: BTreeMap<String, Option<f64>>,
    /// From the fault until the operator's next approved request, which may be later than the next answered one: a switch that just
    /// came back declines what goes to a destination that has not.
    pub approved_after_s: BTreeMap<String, Option<f64>>,
    /// From the fault until the response's p99 was what it was before the first; `None` where it was not before the next, or
    /// the time before the first was too short to say.
    pub steady_after_s: Option<f64>,
}

impl FaultSummary {
    /// The longest of all operators; `None` where one has none.
    fn longest(of_each: &BTreeMap<String, Option<f64>>) -> Option<f64> {
        of_each.values().copied().collect::<Option<Vec<_>>>()?.into_iter().reduce(f64::max)
    }
}

/// What the auditor said.
#[derive(Clone, Debug, Serialize)]
pub struct AuditSummary {
    /// Findings of each class, docs/HISTORY.md has them.
    pub findings_by_class: BTreeMap<&'static str, u64>,
    /// In all.
    pub findings_total: u64,
    /// Of those, that the journal of a switch that was not started here holds transactions of other times, of which no history knows:
    /// nothing speaks against the switch in that.
    pub of_other_times: u64,
    /// The first of each class, in words.
    pub examples: Vec<String>,
    /// Transactions that were joined.
    pub transactions: u64,
    /// Records of operators and destinations.
    pub records: u64,
}

impl AuditSummary {
    /// What speaks against the switch, for people; what is of other times does not.
    fn write(&self, out: &mut String) -> fmt::Result {
        writeln!(
            out,
            "  audit of {} transactions and {} records: {}",
            grouped(self.transactions),
            grouped(self.records),
            counted(self.findings_total - self.of_other_times)
        )?;
        let counts = |class: &str| self.of_other_times == 0 || class != Class::NotCovered.name();
        for (class, count) in self.findings_by_class.iter().filter(|(class, _)| counts(class)) {
            writeln!(out, "    {class}: {}", grouped(*count))?;
        }
        let class_of = |example: &str| example.split(':').next().is_some_and(counts);
        for example in self.examples.iter().filter(|example| class_of(example)).take(5) {
            writeln!(out, "    e.g. {example}")?;
        }
        Ok(())
    }
}

/// The section of a drill in `summary.json`.
#[derive(Clone, Debug, Serialize)]
pub struct DrillSummary {
    /// What to make of it.
    pub verdict: DrillVerdict,
    /// Why it is faulty or unfinished, in words.
    pub why: Vec<String>,
    /// Faults that were planned.
    pub planned: usize,
    /// Each that came.
    pub faults: Vec<FaultSummary>,
    /// The p99 that counts as steady, in microseconds; `None` where the time before the first fault was too short to say.
    pub steady_p99_us: Option<u32>,
    /// How long everything might take to end.
    pub resolve_s: f64,
    /// How long it took from the last that was sent.
    pub resolved_s: f64,
    /// Operations without an outcome after that: in flight or unknown.
    pub unresolved: u64,
    /// What the auditor said; `None` where the drill broke off before.
    pub audit: Option<AuditSummary>,
}

/// From a fault until everybody was served and approved again. The end of the run stands where that never was.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outage {
    /// What.
    pub fault: String,
    /// When, in seconds since the run began.
    pub from_s: f64,
    /// Until everybody had an outcome again, perhaps a decline.
    pub served_s: f64,
    /// Until everybody had an approval again.
    pub until_s: f64,
}

impl DrillSummary {
    /// For pictures.
    pub fn outages(&self) -> Vec<Outage> {
        // Longer than any run: a picture ends where its data do.
        const ENDLESS_S: f64 = 1e6;
        let outage = |fault: &FaultSummary| {
            let end = |of_each| fault.at_s + FaultSummary::longest(of_each).unwrap_or(ENDLESS_S);
            Outage {
                fault: fault.fault.clone(),
                from_s: fault.at_s,
                served_s: end(&fault.unavailable_s),
                until_s: end(&fault.approved_after_s),
            }
        };
        self.faults.iter().map(outage).collect()
    }

    /// The text for people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        self.write(&mut out).expect("a string takes what is written to it");
        out
    }

    fn write(&self, out: &mut String) -> fmt::Result {
        let operators: Vec<&String> =
            self.faults.first().map(|fault| fault.unavailable_s.keys().collect()).unwrap_or_default();
        let width = operators.iter().map(|name| name.len() + 2).max().unwrap_or(0).max(12);
        write!(out, "\n  {:<28}{:>8}{:>11}{:>9}{:>14}", "fault", "at", "in flight", "ready", "p99 steady")?;
        for name in &operators {
            write!(out, "{name:>width$}{:>12}", "approved")?;
        }
        writeln!(out)?;
        let seconds = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |s| format!("{s:.3} s"));
        for fault in &self.faults {
            let at = format!("{:.1} s", fault.at_s);
            write!(out, "  {:<28}{at:>8}{:>11}", fault.fault, grouped(fault.in_flight))?;
            write!(out, "{:>9}{:>14}", seconds(fault.ready_after_s), seconds(fault.steady_after_s))?;
            for name in &operators {
                let unavailable = fault.unavailable_s.get(*name).copied().flatten();
                let approved = fault.approved_after_s.get(*name).copied().flatten();
                write!(out, "{:>width$}{:>12}", seconds(unavailable), seconds(approved))?;
            }
            writeln!(out)?;
        }
        writeln!(
            out,
            "    in flight: requests that the switch owed an answer; ready: until a switch that was started again was; p99 \
             steady: until it was what it was\n    before the first fault; of each operator: until its next answered request, and until the next \
             approved one"
        )?;
        writeln!(
            out,
            "  everything had ended {:.1} s after the last was sent, {:.0} s were allowed; unresolved: {}",
            self.resolved_s,
            self.resolve_s,
            grouped(self.unresolved)
        )?;
        if let Some(audit) = &self.audit {
            audit.write(out)?;
        }
        for why in &self.why {
            writeln!(out, "    {why}")?;
        }
        writeln!(out, "  drill {} of {} faults: {}", self.faults.len(), self.planned, self.verdict.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(unavailable: [Option<f64>; 2]) -> FaultSummary {
        let names = ["operator-1", "operator-2"].map(str::to_owned);
        FaultSummary {
            fault: "kill switch".to_owned(),
            at_s: 7.0,
            lasted_s: Some(0.01),
            ready_after_s: Some(0.4),
            in_flight: 1_234,
            unavailable_s: names.clone().into_iter().zip(unavailable).collect(),
            approved_after_s: names.into_iter().zip(unavailable.map(|s| s.map(|s| s + 0.5))).collect(),
            steady_after_s: None,
        }
    }

    fn summary(faults: Vec<FaultSummary>) -> DrillSummary {
        DrillSummary {
            verdict: DrillVerdict::of(false, 2, &faults),
            why: vec![],
            planned: 2,
            faults,
            steady_p99_us: None,
            resolve_s: 30.0,
            resolved_s: 0.8,
            unresolved: 0,
            audit: None,
        }
    }

    #[test]
    fn an_outage_ends_when_the_last_operator_is_approved() {
        let declined = FaultSummary {
            approved_after_s: BTreeMap::from([
                ("operator-1".to_owned(), Some(2.5)),
                ("operator-2".to_owned(), None),
            ]),
            ..fault([Some(2.0), Some(3.0)])
        };
        let all = summary(vec![fault([Some(2.0), Some(3.0)]), fault([Some(2.0), None]), declined]).outages();
        assert_eq!((all[0].from_s, all[0].served_s, all[0].until_s), (7.0, 10.0, 10.5));
        assert!(all[1].served_s > 1e5 && all[1].until_s > 1e5, "somebody never was");
        assert!(all[2].served_s == 10.0 && all[2].until_s > 1e5, "served with declines alone");
    }

    #[test]
    fn only_a_drill_with_all_its_faults_is_clean() {
        let one = fault([Some(2.0), Some(3.0)]);
        let idle = FaultSummary { in_flight: 0, ..one.clone() };
        let of = |is_faulty, faults: &[&FaultSummary]| {
            let faults: Vec<_> = faults.iter().map(|fault| (*fault).clone()).collect();
            DrillVerdict::of(is_faulty, 2, &faults)
        };
        assert_eq!(of(false, &[&one, &idle]), DrillVerdict::Clean);
        assert_eq!(of(false, &[&one]), DrillVerdict::Unfinished);
        assert_eq!(of(false, &[]), DrillVerdict::Unfinished);
        assert_eq!(of(true, &[&one]), DrillVerdict::Faulty, "what was found stays found");
        assert_eq!(of(false, &[&idle, &idle]), DrillVerdict::Vacuous);
    }

    #[test]
    fn what_is_of_other_times_is_no_finding_in_what_people_read() {
        let not_covered = Class::NotCovered.name();
        let audit = |more: u64| AuditSummary {
            findings_by_class: [(not_covered, 1), ("phantom", more)]
                .into_iter()
                .filter(|(_, n)| *n > 0)
                .collect(),
            findings_total: 1 + more,
            of_other_times: 1,
            examples: vec![
                format!("{not_covered}: the journal holds 7 transactions"),
                "phantom: nobody asked".to_owned(),
            ],
            transactions: 70,
            records: 300,
        };
        let text = |audit| DrillSummary { audit: Some(audit), ..summary(vec![]) }.text();
        let clean = text(AuditSummary { examples: audit(0).examples[..1].to_vec(), ..audit(0) });
        assert!(clean.contains("records: 0 findings") && !clean.contains(not_covered), "{clean}");
        let faulty = text(audit(1));
        assert!(faulty.contains("records: 1 finding\n    phantom: 1\n    e.g. phantom"), "{faulty}");
        assert!(!faulty.contains(not_covered), "{faulty}");
        let own = text(AuditSummary { of_other_times: 0, ..audit(0) });
        assert!(own.contains("records: 1 finding\n    not-covered: 1\n    e.g. not-covered"), "{own}");
    }

    #[test]
    fn the_table_names_operators_and_what_is_not_known() {
        let text = summary(vec![fault([Some(2.0), None])]).text();
        for words in
            ["kill switch", "operator-2", "1,234", "2.000 s     2.500 s", "drill 1 of 2 faults: unfinished"]
        {
            assert!(text.contains(words), "{words}\n{text}");
        }
    }
}
