//! What an audit says: a summary for people, and the same as JSON.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use iso_currency::Currency;
use serde::Serialize;

use crate::course::Phase;
use crate::finding::{Class, Evidence, Finding, Findings};
use crate::history::{Kind, Role};
use crate::journal::FactKind;
use crate::positions::{Belief, Position, Positions};
use crate::rules::Case;
use crate::status::Status;
use crate::timeline::TimelineLine;
use crate::transaction::Context;

/// What was counted on the way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Lines of the dump.
    pub facts: u64,
    /// Records of all histories.
    pub records: u64,
    /// Transactions that the journal or a history knows.
    pub transactions: u64,
    /// Of those, approved by the journal.
    pub approved: u64,
    /// Declined by the journal, timed out ones too.
    pub declined: u64,
    /// Waiting for their destination at the end.
    pub pending: u64,
    /// Holding money at the end, within their time.
    pub open_holds: u64,
    /// Undone as a whole.
    pub reversed: u64,
    /// Reversals that came before their original.
    pub tombstones: u64,
    /// Known to histories only: refused, or never arrived.
    pub unrecorded: u64,
    /// Captures, releases and reversals without an acknowledgement at the end.
    pub undelivered: u64,
    /// From times that no history covers.
    pub not_covered: u64,
    /// Requests that an operator gave up: their outcome is unknown to it.
    pub given_up: u64,
}

impl Tally {
    /// Counts one transaction.
    pub fn count(&mut self, case: &Case<'_>) {
        let course = case.course;
        self.transactions += 1;
        self.not_covered += u64::from(case.is_uncovered());
        let reversed = case.transaction.facts.iter().any(|f| f.kind == FactKind::Reversed);
        self.reversed += u64::from(reversed);
        self.approved += u64::from(course.approved.is_some());
        match course.phase {
            Phase::Unknown => self.unrecorded += 1,
            Phase::Tombstone => self.tombstones += 1,
            Phase::Pending => self.pending += 1,
            Phase::Held => self.open_holds += u64::from(course.open() > 0),
            Phase::Closed => self.declined += u64::from(course.approved.is_none()),
        }
        let undelivered = course.deliveries.iter().filter(|d| d.acknowledged.is_none() && !d.superseded);
        self.undelivered += undelivered.count() as u64;
        let given_up = case.context.records(case.transaction, Role::Operator, Kind::GaveUp);
        self.given_up += given_up.count() as u64;
    }
}

/// One line of the table of positions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PositionLine {
    /// The participant's number.
    pub participant: u16,
    /// Its name, where the journal has one.
    pub name: String,
    /// ISO 4217 letters.
    pub currency: String,
    /// From the facts, in minor units.
    pub held: String,
    /// From the facts.
    pub debits: String,
    /// From the facts.
    pub credits: String,
    /// What the switch says, in the same order; absent where no status was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub switch: Option<[String; 3]>,
    /// What its operator's history adds up to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<Belief>,
    /// What its destination's history adds up to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<Belief>,
}

/// The result of an audit.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Grows with each change of this form.
    pub schema_version: u32,
    /// `clean` or `faulty`.
    pub verdict: &'static str,
    /// Whether the end was judged as one with nothing in flight.
    pub drained: bool,
    /// What was counted.
    pub tally: Tally,
    /// How many findings of each class.
    pub findings_by_class: BTreeMap<&'static str, u64>,
    /// How many in all.
    pub findings_total: u64,
    /// The first of each class.
    pub findings: Vec<Finding>,
    /// What is worth knowing and no finding.
    pub notes: Vec<String>,
    /// By participant and currency.
    pub positions: Vec<PositionLine>,
    /// The transaction that was asked for; absent where none was, or nobody knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeline: Option<Vec<TimelineLine>>,
}

impl Report {
    pub(crate) fn new(
        findings: Findings,
        tally: Tally,
        notes: Vec<String>,
        context: &Context,
        positions: Positions,
        status: Option<&Status>,
        names: BTreeMap<u16, String>,
    ) -> Self {
        let total = findings.total();
        Self {
            schema_version: 1,
            verdict: verdict(total),
            drained: context.drained,
            tally,
            findings_by_class: findings.counts().iter().map(|(class, n)| (class.name(), *n)).collect(),
            findings_total: total,
            findings: findings.kept().cloned().collect(),
            notes,
            positions: lines(&positions, status, &names),
            timeline: None,
        }
    }

    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.findings_total == 0
    }

    /// The same where it is known that the journal also holds times that no history covers: that is a note then and no finding.
    pub fn excuse_other_times(mut self) -> Self {
        let name = Class::NotCovered.name();
        self.findings_total -= self.findings_by_class.remove(name).unwrap_or(0);
        let (excused, findings): (Vec<_>, Vec<_>) =
            self.findings.into_iter().partition(|finding| finding.class == name);
        self.findings = findings;
        let n = self.tally.not_covered;
        self.notes.extend((!excused.is_empty()).then(|| {
            format!("transactions of other times in the journal, which no history here covers, are not judged: {n}")
        }));
        self.verdict = verdict(self.findings_total);
        self
    }
}

const fn verdict(findings: u64) -> &'static str {
    if findings == 0 { "clean" } else { "faulty" }
}

/// So many findings, in words.
pub fn counted(findings: u64) -> String {
    format!("{findings} finding{}", if findings == 1 { "" } else { "s" })
}

fn lines(positions: &Positions, status: Option<&Status>, names: &BTreeMap<u16, String>) -> Vec<PositionLine> {
    let beliefs = positions.beliefs.keys().map(|(participant, currency, _)| (*participant, *currency));
    let keys = positions.positions.keys().copied().chain(beliefs);
    let keys: std::collections::BTreeSet<(u16, u16)> = keys.collect();
    let line = |key: (u16, u16)| {
        let (participant, number) = key;
        let Position { held, debits, credits } = positions.positions.get(&key).copied().unwrap_or_default();
        let currency = Currency::from_numeric(number).map_or(number.to_string(), |c| c.code().to_owned());
        let belief = |role| positions.beliefs.get(&(participant, number, role)).copied();
        let switch = status.map(|status| {
            let p = status.positions.get(&key).copied().unwrap_or_default();
            [p.held.to_string(), p.debits.to_string(), p.credits.to_string()]
        });
        PositionLine {
            participant,
            name: names.get(&participant).cloned().unwrap_or_default(),
            currency,
            held: held.to_string(),
            debits: debits.to_string(),
            credits: credits.to_string(),
            switch,
            operator: belief(Role::Operator),
            destination: belief(Role::Destination),
        }
    };
    keys.into_iter().map(line).collect()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = &self.tally;
        writeln!(f, "{} facts, {} records, {} transactions", t.facts, t.records, t.transactions)?;
        writeln!(
            f,
            "  approved {}  declined {}  reversed {}  tombstones {}  unrecorded {}",
            t.approved, t.declined, t.reversed, t.tombstones, t.unrecorded
        )?;
        let end = if self.drained {
            "drained: nothing may be in flight"
        } else {
            "not drained: silence is unknown"
        };
        writeln!(
            f,
            "  at the end ({end}): pending {}  open holds {}  undelivered {}  given up {}",
            t.pending, t.open_holds, t.undelivered, t.given_up
        )?;
        self.words(f)?;
        self.positions(f)?;
        for note in &self.notes {
            writeln!(f, "note: {note}")?;
        }
        self.list(f)?;
        for line in self.timeline.iter().flatten() {
            writeln!(f, "{} {} {}: {}", line.time_ms, line.source, line.place, line.what)?;
        }
        match self.findings_total {
            0 => writeln!(f, "audit: clean"),
            n => writeln!(f, "audit: faulty, {}", counted(n)),
        }
    }
}

impl Report {
    /// What the counts mean that are no findings and look like some.
    fn words(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.tally.unrecorded > 0 {
            writeln!(
                f,
                "    unrecorded: somebody sent it and the journal does not know it: it was refused, or never arrived"
            )?;
        }
        if self.tally.given_up > 0 {
            writeln!(
                f,
                "    given up: requests whose answer the operator stopped waiting for; the journal may know their outcome"
            )?;
        }
        Ok(())
    }

    fn positions(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.positions.is_empty() {
            return Ok(());
        }
        writeln!(
            f,
            "\n{:<20} {:>4} {:>18} {:>18} {:>18}  as operator, as destination: captured and kept (journal)",
            "positions", "", "held", "debits", "credits"
        )?;
        for line in &self.positions {
            let name = if line.name.is_empty() { line.participant.to_string() } else { line.name.clone() };
            write!(
                f,
                "{name:<20} {:>4} {:>18} {:>18} {:>18}  {}, {}",
                line.currency,
                line.held,
                line.debits,
                line.credits,
                belief(line.operator),
                belief(line.destination)
            )?;
            if let Some([held, debits, credits]) = &line.switch {
                let same = (held, debits, credits) == (&line.held, &line.debits, &line.credits);
                let word = if same { "as the switch" } else { "the switch had" };
                write!(f, "  {word}")?;
                if !same {
                    write!(f, " {held} {debits} {credits}")?;
                }
            }
            writeln!(f)?;
        }
        writeln!(f)
    }

    fn list(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for class in Class::ALL {
            let Some(count) = self.findings_by_class.get(class.name()) else { continue };
            writeln!(f, "\n{} ({count}): {}", class.name(), class.meaning())?;
            let mut listed = 0;
            for finding in self.findings.iter().filter(|finding| finding.class == class.name()) {
                listed += 1;
                let transaction = finding.transaction.as_deref().unwrap_or("-");
                writeln!(f, "  {transaction}: {}", finding.what)?;
                let mut evidence = String::new();
                for item in &finding.evidence {
                    match item {
                        Evidence::Journal { partition: 0, sequence, fact } => {
                            write!(evidence, "  [journal {sequence} {fact}]")?
                        }
                        Evidence::Journal { partition, sequence, fact } => {
                            write!(evidence, "  [journal of partition {partition} {sequence} {fact}]")?
                        }
                        Evidence::History { file, record, what } => {
                            write!(evidence, "  [{file} {record} {what}]")?;
                        }
                    }
                }
                if !evidence.is_empty() {
                    writeln!(f, "   {evidence}")?;
                }
            }
            if listed < *count {
                writeln!(f, "  and {} more", count - listed)?;
            }
        }
        Ok(())
    }
}

fn belief(belief: Option<Belief>) -> String {
    let Some(b) = belief else { return "-".to_owned() };
    let mut text = format!("{} ({})", b.party, b.journal);
    if b.unsure > 0 {
        text.push_str(&format!(" and {} unsure", b.unsure));
    }
    text
}
