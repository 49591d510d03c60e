//! What operators sent and heard, against what the journal decided.

use super::{Case, outcome_name};
use crate::course::Decision;
use crate::finding::{Class, Findings};
use crate::history::record::flag;
use crate::history::{Kind, Message, Record, Role};
use crate::journal::{Fact, FactKind};
use crate::numbers::BY_SWITCH;
use crate::transaction::Seen;

/// A request was recorded before under its id, or twice in a batch: refusals that speak of another copy.
const REASON_DUPLICATE_IN_BATCH: u16 = 321;
const REASONS_ID_REUSED: std::ops::RangeInclusive<u16> = 330..=341;

pub(super) fn check(case: &Case<'_>, findings: &mut Findings) {
    if !case.context.has(Role::Operator, case.transaction.key.originator) {
        return;
    }
    let mut requests: Vec<(u128, Message)> = Vec::new();
    for seen in &case.transaction.seen {
        let Record { id, message, .. } = seen.record;
        if message != Message::None
            && case.context.role(seen) == Role::Operator
            && !requests.contains(&(id, message))
        {
            requests.push((id, message));
        }
    }
    for (id, message) in requests {
        let of = |kind| -> Vec<&Seen> {
            let all = case.context.records(case.transaction, Role::Operator, kind);
            all.filter(|s| s.record.id == id && s.record.message == message).collect()
        };
        let request =
            Request { id, message, sent: of(Kind::Sent), heard: of(Kind::Heard), gave_up: of(Kind::GaveUp) };
        request.check(case, findings);
    }
    facts_were_asked_for(case, findings);
    statuses_are_true(case, findings);
}

/// One request of the operator and all that came of it.
struct Request<'a> {
    id: u128,
    message: Message,
    sent: Vec<&'a Seen>,
    heard: Vec<&'a Seen>,
    gave_up: Vec<&'a Seen>,
}

impl Request<'_> {
    fn check(&self, case: &Case<'_>, findings: &mut Findings) {
        if let (Some(first), true) = (self.heard.iter().chain(&self.gave_up).next(), self.sent.is_empty()) {
            case.find(findings, Class::Phantom, &[], &[first], || {
                format!("the operator never sent this {:?}", self.message).to_lowercase()
            });
        }
        self.copies(case, findings);
        for heard in &self.heard {
            match heard.record.outcome {
                1 | 2 => self.recorded(case, heard, findings),
                _ => self.refused(case, heard, findings),
            }
        }
        self.one_answer(case, findings);
        self.settled(case, findings);
    }

    /// A drained operator knows what became of everything it sent, or has given it up.
    fn settled(&self, case: &Case<'_>, findings: &mut Findings) {
        let told = case.context.records(case.transaction, Role::Operator, Kind::Told);
        // A status answers its inquiry; with an outcome it also settles the request it is about.
        let inquiry = self.message == Message::Inquiry;
        let told = told.filter(|s| s.record.id == self.id && (inquiry || s.record.outcome != 0)).count();
        let known = self.heard.len() + self.gave_up.len() + told;
        // Copies of a request share an outcome; each inquiry has its own status.
        let needed = if self.message == Message::Inquiry { self.sent.len() } else { 1 };
        if let (Some(sent), true) = (self.sent.first(), known < needed)
            && case.context.source(sent).drained
        {
            case.find(findings, Class::Unanswered, &[], &[sent], || {
                "it was neither answered nor given up, although the operator says it was drained".to_owned()
            });
        }
    }

    /// Copies are counted, marked and alike; and no more is heard of them than there are.
    fn copies(&self, case: &Case<'_>, findings: &mut Findings) {
        let mut contradicts = |seen: &Seen, what: &str| {
            case.find(findings, Class::HistoryContradicts, &[], &[seen], || what.to_owned());
        };
        for (n, sent) in self.sent.iter().enumerate() {
            let copy = u8::try_from(n + 1).unwrap_or(u8::MAX);
            if self.message != Message::Inquiry && sent.record.attempt != copy {
                contradicts(sent, "its copies are not counted one by one");
            }
            if self.message != Message::Inquiry && sent.record.has(flag::REPEAT) != (n > 0) {
                contradicts(sent, "a second copy has the repeat flag, and a first has not");
            }
        }
        let known = |seen: &&&Seen| seen.record.attempt != 0;
        for seen in self.heard.iter().chain(&self.gave_up).filter(known) {
            let copies = self.sent.iter().filter(|sent| case.precedes(sent, seen)).count();
            if usize::from(seen.record.attempt) != copies.min(usize::from(u8::MAX)) {
                contradicts(seen, "it counts other copies than were sent");
            }
        }
        if self.gave_up.len() > self.sent.len() {
            contradicts(self.gave_up[0], "it was given up more often than sent");
        }
        let counted = self.heard.iter().all(|s| s.record.attempt != 0);
        if let (Some(last), true) = (self.heard.last(), counted && self.heard.len() > self.sent.len()) {
            case.find(findings, Class::Phantom, &[], &[last], || {
                "more answers than copies were sent".to_owned()
            });
        }
        let alike = |r: &Record| {
            let options = r.flags & !flag::REPEAT;
            (r.amount, r.currency, r.payment_kind, r.sequence, options)
        };
        let refused = self.heard.iter().any(|s| REASONS_ID_REUSED.contains(&s.record.reason));
        for other in self.sent.iter().skip(1).filter(|_| !refused) {
            if alike(&self.sent[0].record) != alike(&other.record) {
                case.find(findings, Class::ContentDiffers, &[], &[self.sent[0], other], || {
                    "two copies have different content, and none was refused".to_owned()
                });
            }
        }
    }

    /// An answer that rests on a decision: the decision must stand where the answer says.
    fn recorded(&self, case: &Case<'_>, heard: &Seen, findings: &mut Findings) {
        let answer = &heard.record;
        let Some(decision) = case.course.decision(self.id, self.message) else {
            case.find(findings, Class::Lost, &[], &[heard], || {
                format!("the operator heard {} and the journal decided nothing", outcome_name(answer.outcome))
            });
            return;
        };
        let at = decision.fact;
        let fact = &case.transaction.facts[at];
        if let Some(what) = difference(decision, answer) {
            case.find(findings, Class::OutcomeChanged, &[at], &[heard], || what);
        }
        let stands = (fact.partition, fact.epoch, fact.sequence);
        if (answer.partition, answer.epoch, answer.sequence) != stands {
            case.find(findings, Class::WrongPlace, &[at], &[heard], || {
                format!(
                    "the answer names partition {} epoch {} sequence {}, the decision stands at {}, {}, {}",
                    answer.partition, answer.epoch, answer.sequence, stands.0, stands.1, stands.2
                )
            });
        }
        if !case.course.had_state_since(at, answer.state) {
            case.find(findings, Class::WrongState, &[at], &[heard], || {
                format!("the answer tells state {}", answer.state)
            });
        }
        if case.is_before(answer.time_ms, fact.time_ms) {
            case.find(findings, Class::EffectBeforeFact, &[at], &[heard], || {
                format!("heard at {}, journaled at {}", answer.time_ms, fact.time_ms)
            });
        }
    }

    /// A refusal says nothing about other copies; but where there was one copy only, nothing was recorded (rule 5).
    fn refused(&self, case: &Case<'_>, heard: &Seen, findings: &mut Findings) {
        let Record { reason, decided_by, partition, sequence, amount, .. } = heard.record;
        // A link refuses before it is known whose home it is.
        let somewhere = partition == 0 || partition == case.context.home(case.transaction.key.originator);
        if !somewhere || (decided_by, sequence, amount) != (BY_SWITCH, 0, 0) {
            case.find(findings, Class::WrongPlace, &[], &[heard], || {
                "a refusal rests on no decision and moves nothing".to_owned()
            });
        }
        let about_another = REASONS_ID_REUSED.contains(&reason) || reason == REASON_DUPLICATE_IN_BATCH;
        let one_copy = self.sent.len() == 1 && heard.record.attempt == 1;
        if about_another || !one_copy {
            return;
        }
        let recorded = |fact: &Fact| fact.id == self.id && asked_by(fact) == self.message;
        if let Some(at) = case.transaction.facts.iter().position(recorded) {
            case.find(findings, Class::RefusedYetRecorded, &[at], &[heard], || {
                format!("its only copy was refused with reason {reason}")
            });
        }
    }

    /// One id has one outcome for ever (I2, I6).
    fn one_answer(&self, case: &Case<'_>, findings: &mut Findings) {
        let mut recorded = self.heard.iter().filter(|s| s.record.outcome != 3);
        let Some(first) = recorded.next() else { return };
        let said =
            |r: &Record| (r.outcome, r.reason, r.amount, r.decided_by, r.partition, r.epoch, r.sequence);
        for other in recorded {
            if said(&first.record) != said(&other.record) {
                case.find(findings, Class::TwoAnswers, &[], &[first, other], || {
                    format!(
                        "one answer says {} {}, the other {} {}",
                        outcome_name(first.record.outcome),
                        first.record.amount,
                        outcome_name(other.record.outcome),
                        other.record.amount
                    )
                });
            }
        }
    }
}

/// Where an answer differs from the decision it rests on.
fn difference(decision: &Decision, answer: &Record) -> Option<String> {
    let differs = |what: &str, heard: &str, decided: &str| {
        (heard != decided).then(|| format!("the operator heard {what} {heard}, the journal has {decided}"))
    };
    let number = |what, heard: u64, decided: u64| differs(what, &heard.to_string(), &decided.to_string());
    differs("outcome", outcome_name(answer.outcome), outcome_name(decision.outcome))
        .or_else(|| number("reason", answer.reason.into(), decision.reason.into()))
        .or_else(|| number("decided by", answer.decided_by.into(), decision.decided_by.into()))
        .or_else(|| number("amount", answer.amount, decision.amount))
}

/// Which message of the operator stands behind a fact.
fn asked_by(fact: &Fact) -> Message {
    if fact.kind == FactKind::Reserved { Message::Authorize } else { fact.decided_message() }
}

/// Whether an operator must have sent what led to a fact.
pub(super) fn needs_a_request(fact: &Fact) -> bool {
    asked_by(fact) != Message::None && !matches!(fact.kind, FactKind::Approved | FactKind::Declined)
}

/// Every fact that needs an operator's request has one, with the same content.
fn facts_were_asked_for(case: &Case<'_>, findings: &mut Findings) {
    for (at, fact) in case.transaction.facts.iter().enumerate() {
        if !needs_a_request(fact) {
            continue;
        }
        let message = asked_by(fact);
        let sent = case.context.records(case.transaction, Role::Operator, Kind::Sent);
        let sent = sent.filter(|s| s.record.id == fact.id && s.record.message == message);
        let Some(first) = sent.clone().next() else {
            case.find(findings, Class::Phantom, &[at], &[], || {
                "no operator sent what the journal has".to_owned()
            });
            continue;
        };
        if !sent.clone().any(|s| same_content(fact, &s.record)) {
            case.find(findings, Class::ContentDiffers, &[at], &[first], || {
                "the journal has another content than the operator sent".to_owned()
            });
        }
        if case.is_before(fact.time_ms, first.record.time_ms) {
            case.find(findings, Class::EffectBeforeFact, &[at], &[first], || {
                format!("journaled at {}, sent at {}", fact.time_ms, first.record.time_ms)
            });
        }
    }
}

fn same_content(fact: &Fact, sent: &Record) -> bool {
    let same_money = fact.amount == sent.amount && fact.currency == sent.currency;
    match asked_by(fact) {
        Message::Authorize => {
            same_money
                && fact.payment_kind == sent.payment_kind
                && fact.payment_digest == sent.sequence
                && fact.partial_allowed == sent.has(flag::PARTIAL_ALLOWED)
                && fact.captures_many == sent.has(flag::CAPTURES_MANY)
        }
        Message::Capture => same_money && fact.last == sent.has(flag::LAST),
        Message::None | Message::Release | Message::Reverse | Message::Inquiry => true,
    }
}

/// What a status told, to either side, is what the journal decided.
fn statuses_are_true(case: &Case<'_>, findings: &mut Findings) {
    for told in case.transaction.seen.iter().filter(|s| s.record.kind == Kind::Told) {
        let status = &told.record;
        let until_now = |kind| {
            let same = move |s: &&Seen| {
                let inquiry = s.record.kind == kind && s.record.message == Message::Inquiry;
                inquiry && s.file == told.file && s.place <= told.place && s.record.id == status.id
            };
            case.transaction.seen.iter().filter(same).count()
        };
        if until_now(Kind::Sent) < until_now(Kind::Told) {
            case.find(findings, Class::Phantom, &[], &[told], || "nobody asked for this status".to_owned());
        }
        if status.outcome == 0 {
            continue;
        }
        let mut decisions = case.course.decisions.iter().filter(|d| d.id == status.id).peekable();
        let first = decisions.peek().copied();
        let place = |d: &&Decision| case.transaction.facts[d.fact].sequence == status.sequence;
        let Some(decision) = decisions.find(place).or(first) else {
            case.find(findings, Class::Lost, &[], &[told], || {
                "a status told an outcome and the journal decided nothing".to_owned()
            });
            continue;
        };
        let fact = &case.transaction.facts[decision.fact];
        let says = (status.outcome, status.reason, status.decided_by);
        let held_for = decision.outcome != 1 || status.amount == case.course.held_for;
        if says != (decision.outcome, decision.reason, decision.decided_by) || !held_for {
            case.find(findings, Class::OutcomeChanged, &[decision.fact], &[told], || {
                "the status tells another outcome than the journal".to_owned()
            });
        }
        if !case.course.had_state_since(decision.fact, status.state) {
            case.find(findings, Class::WrongState, &[decision.fact], &[told], || {
                format!("the status tells state {}", status.state)
            });
        }
        let stands = (fact.partition, fact.epoch, fact.sequence);
        if (status.partition, status.epoch, status.sequence) != stands {
            case.find(findings, Class::WrongPlace, &[decision.fact], &[told], || {
                "the status names another place than that of the decision".to_owned()
            });
        }
    }
}
