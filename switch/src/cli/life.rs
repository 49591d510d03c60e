//! The whole life of one transaction, from the journal alone: when each thing happened, what it did to the money, and
//! what the destination had to acknowledge.
//!
//! The facts of the transaction are folded into a core of their own (I7), so that no rule about money stands here a
//! second time.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_core::effect::Delivery;
use holdfast_core::fact::{Fact, FollowUp, RefundReserved, Reserved};
use holdfast_core::{Core, Settings};
use holdfast_protocol::{
    Amount, ApprovalCode, Currency, ParticipantNumber, Reason, RequestId, Sequence, TransactionKey,
    UnixMillis,
};

use super::Failure;
use super::dump::{Line, follow_up, transaction};
use super::show;
use super::time::utc;
use super::words::{debtor_name, decider_name, kind_name};
use crate::admin::Who;
use crate::config::text_from_minor;
use crate::serve::transactions::{self, delivery_name};

/// Follows one transaction through the facts of a journal.
pub(super) struct Life {
    who: Who,
    id: RequestId,
    core: Core,
    names: BTreeMap<ParticipantNumber, String>,
    currency: Option<Currency>,
    /// The last fact of the journal, of any transaction.
    last: Option<(Sequence, UnixMillis)>,
    page: Vec<String>,
    /// Its refunds, which are transactions of their own.
    refunds: BTreeSet<RequestId>,
    /// What the id that is looked for is a capture, release or reversal of.
    original: Option<RequestId>,
}

impl Life {
    pub(super) fn new(who: &Who, id: RequestId) -> Self {
        Self {
            who: who.clone(),
            id,
            core: Core::new(Settings::default()),
            names: BTreeMap::new(),
            currency: None,
            last: None,
            page: Vec::new(),
            refunds: BTreeSet::new(),
            original: None,
        }
    }

    /// Takes the next fact of the journal.
    pub(super) fn take(&mut self, line: Line<'_>) {
        self.last = Some((line.sequence, line.time));
        match line.fact {
            Fact::ParticipantConfigured(record) => {
                self.names.insert(record.number, record.name.clone());
                self.core.apply_recovered(line.fact);
            }
            // Transactions have a date.
            Fact::CutOver(_) => self.core.apply_recovered(line.fact),
            fact => {
                let key = self.key();
                if let Fact::RefundReserved(r) = fact
                    && key == Some(TransactionKey { originator: r.originator, id: r.request.original })
                {
                    self.refunds.insert(r.request.id);
                }
                if key.is_some() && transaction(fact) == key {
                    self.tell(line);
                } else if let Some((key, about)) = key.zip(transaction(fact))
                    && about.originator == key.originator
                    && self.refunds.contains(&about.id)
                {
                    self.tell_of_refund(line, about.id);
                }
                if let Some((asked, original)) = follow_up(fact)
                    && key == Some(asked)
                {
                    self.original = Some(original);
                }
            }
        }
    }

    /// The transaction to look for instead: nothing was found under the id, but it is one of its captures, releases or
    /// reversals.
    pub(super) fn original(&self) -> Option<RequestId> {
        self.original.filter(|_| self.page.is_empty())
    }

    /// Whether the journal has something of it.
    pub(super) fn is_found(&self) -> bool {
        !self.page.is_empty()
    }

    fn key(&self) -> Option<TransactionKey> {
        let originator = match &self.who {
            Who::Number(number) => Some(*number),
            Who::Name(name) => self.names.iter().find(|(_, known)| *known == name).map(|(number, _)| *number),
        };
        originator.map(|originator| TransactionKey { originator, id: self.id })
    }

    fn name(&self, number: ParticipantNumber) -> String {
        self.names.get(&number).cloned().unwrap_or_else(|| number.to_string())
    }

    /// Everything that was found, and how the transaction stands at the end of the journal.
    ///
    /// # Errors
    /// Where the journal has nothing of it.
    pub(super) fn print(mut self) -> Result<(), Failure> {
        let nothing = || Failure::Refused("the journal holds no such transaction".to_owned());
        let key = self.key().filter(|_| !self.page.is_empty()).ok_or_else(nothing)?;
        let who = Who::Number(key.originator);
        let mut report = transactions::transaction(&self.core, &who, self.id).map_err(|_| nothing())?;
        // Numbers of facts are the journal's; this core counts its own.
        report.sequence = None;
        let mut page = vec![format!(
            "transaction {}/{}, made at {}",
            self.name(key.originator),
            self.id,
            utc(self.id.created())
        )];
        page.append(&mut self.page);
        let (sequence, time) = self.last.unwrap_or_default();
        page.push(format!("at the end of this journal, fact {} of {}:", sequence.0, utc(time)));
        page.extend(show::transaction_page(&report).into_iter().skip(1));
        if report.deliveries.is_empty() {
            page.push("  deliveries       all acknowledged".to_owned());
        }
        show::lines(page)
    }

    fn tell(&mut self, line: Line<'_>) {
        match line.fact {
            Fact::Reserved(reserved) => self.currency = Some(reserved.request.currency),
            Fact::RefundReserved(reserved) => self.currency = Some(reserved.request.currency),
            _ => {}
        }
        let before = self.undelivered();
        self.core.set_time(line.time);
        // To this page nothing was ever forgotten, but for what stood in segments that were trimmed.
        let known = self.key().is_some_and(|key| self.core.transaction(key).is_some());
        if !(known && matches!(line.fact, Fact::Recalled { .. })) {
            self.core.apply_recovered(line.fact);
        }
        let after = self.undelivered();
        self.page.push(format!(
            "  {}  fact {:<8} {}",
            utc(line.time),
            line.sequence.0,
            self.words(line.fact)
        ));
        for delivery in after.iter().filter(|d| before.iter().all(|b| b.number() != d.number())) {
            let number = delivery.number().0;
            self.page.push(format!("{:45} delivery {number} is due: {}", "", self.delivery(delivery)));
        }
        for delivery in before.iter().filter(|d| after.iter().all(|a| a.number() != d.number())) {
            if !matches!(line.fact, Fact::Acknowledged { .. }) {
                let number = delivery.number().0;
                self.page.push(format!("{:45} delivery {number} is superseded: it was never sent", ""));
            }
        }
    }

    /// What happens to a refund changes what can be refunded, and what a reversal gives back.
    fn tell_of_refund(&mut self, line: Line<'_>, refund: RequestId) {
        self.core.set_time(line.time);
        // As above: nothing was forgotten here.
        if !matches!(line.fact, Fact::Recalled { .. }) {
            self.core.apply_recovered(line.fact);
        }
        let words = self.words(line.fact);
        self.page.push(format!("  {}  fact {:<8} refund {refund}: {words}", utc(line.time), line.sequence.0));
    }

    fn undelivered(&self) -> Vec<Delivery> {
        let view = self.key().and_then(|key| self.core.transaction(key));
        view.map_or_else(Vec::new, |view| view.undelivered)
    }

    fn delivery(&self, delivery: &Delivery) -> String {
        match delivery {
            Delivery::Capture(m) => format!("{} of {}", delivery_name(delivery), self.money(m.amount)),
            Delivery::Release(_) | Delivery::Reverse(_) => delivery_name(delivery).to_owned(),
        }
    }

    fn money(&self, amount: Amount) -> String {
        self.currency.map_or_else(
            || format!("{} minor units", amount.minor()),
            |currency| format!("{} {currency}", text_from_minor(amount.minor().into(), currency)),
        )
    }

    fn words(&self, fact: &Fact) -> String {
        match fact {
            Fact::Reserved(reserved) => self.reserved(reserved),
            Fact::DeclinedAtOnce(d) => {
                let money = text_from_minor(d.request.amount.minor().into(), d.request.currency);
                let (kind, currency, payee) =
                    (kind_name(d.request.kind), d.request.currency, d.request.payment_id);
                format!("{kind} of {money} {currency} to {payee} declined at once: {}", reason(d.reason))
            }
            Fact::RefundReserved(reserved) => self.refund_reserved(reserved),
            Fact::RefundDeclined(d) => {
                let money = text_from_minor(d.request.amount.minor().into(), d.request.currency);
                let (currency, original) = (d.request.currency, d.request.original);
                format!("refund of {money} {currency} of {original} declined at once: {}", reason(d.reason))
            }
            Fact::Approved { amount, approval_code, .. } => {
                let bytes = approval_code.to_bytes();
                let code = match *approval_code {
                    ApprovalCode::NONE => "no approval code".to_owned(),
                    _ => format!("approval code {}", String::from_utf8_lossy(&bytes).trim_end()),
                };
                format!("approved {}, {code}", self.money(*amount))
            }
            Fact::Declined { reason: why, decided_by, .. } => {
                format!("declined by the {}: {}", decider_name(*decided_by), reason(*why))
            }
            Fact::LateAnswer { approved: true, .. } => "the destination approved too late".to_owned(),
            Fact::LateAnswer { approved: false, .. } => "the destination declined after all".to_owned(),
            Fact::Expired(_) => "the hold expired".to_owned(),
            Fact::Captured { request, .. } => {
                let last = if request.last { ", the rest is released" } else { "" };
                format!("captured {}{last} (request {})", self.money(request.amount), request.id)
            }
            Fact::Released { request, .. } => format!("released by the originator (request {})", request.id),
            Fact::Reversed { request, .. } => {
                format!("reversed by the originator, its reason {} (request {})", request.reason, request.id)
            }
            Fact::Tombstoned { request, destination, .. } => format!(
                "a reversal came first and stands (request {}), {}",
                request.id,
                destination.map_or_else(
                    || "passed on to nobody".to_owned(),
                    |number| format!("passed on to {}", self.name(number))
                )
            ),
            Fact::FollowUpDeclined { request, reason: why, .. } => {
                let what = match request {
                    FollowUp::Capture(m) => format!("a capture of {}", self.money(m.amount)),
                    FollowUp::Release(_) => "a release".to_owned(),
                    FollowUp::Reverse(_) => "a reversal".to_owned(),
                };
                format!("{what} is declined: {} (request {})", reason(*why), request.id())
            }
            Fact::Acknowledged { delivery, .. } => format!("delivery {} is acknowledged", delivery.0),
            Fact::Recalled { .. } => "it had left memory and was recalled".to_owned(),
            Fact::ParticipantConfigured(_)
            | Fact::ParticipantRemoved(_)
            | Fact::ParticipantStatusSet(..)
            | Fact::RoutesConfigured(_)
            | Fact::CutOver(_)
            | Fact::DayClosed(_)
            | Fact::Founded { .. }
            | Fact::LeaseGiven { .. }
            | Fact::LeaseTaken { .. }
            | Fact::Forgotten(_) => unreachable!("it is about no transaction"),
        }
    }

    fn reserved(&self, r: &Reserved) -> String {
        let request = &r.request;
        let hold = if request.hold_until == UnixMillis::default() {
            String::new()
        } else {
            format!(", held until {} at most", utc(request.hold_until))
        };
        format!(
            "{} of {} to {}: forwarded to {} instance {}, debtor {}, answer due by {}{hold}, dated {}",
            kind_name(request.kind),
            self.money(request.amount),
            request.payment_id,
            self.name(r.destination),
            r.instance.0,
            debtor_name(r.debtor),
            utc(r.deadline),
            r.settlement_date
        )
    }
}

impl Life {
    fn refund_reserved(&self, r: &RefundReserved) -> String {
        format!(
            "gives back {} of {}: forwarded to {} instance {}, debtor {}, answer due by {}, dated {}",
            self.money(r.request.amount),
            r.request.original,
            self.name(r.destination),
            r.instance.0,
            debtor_name(r.debtor),
            utc(r.deadline),
            r.settlement_date
        )
    }
}

fn reason(reason: Reason) -> String {
    format!("{reason}, {}", reason.text())
}
