//! The fields of requests, and where a forward goes.

use holdfast_core::registry::Debtor;
use holdfast_protocol::{Authorize, Capture, Instance, ParticipantNumber, Refund, Release, Reverse};
use serde::ser::SerializeMap;

use super::super::words::{channel_name, debtor_name, kind_name};
use super::Fields;

impl<M: SerializeMap> Fields<M> {
    pub(super) fn authorize(&mut self, request: &Authorize) -> Result<(), M::Error> {
        self.put("payment_kind", kind_name(request.kind))?;
        self.text("payment_id", request.payment_id)?;
        self.text("instrument", request.instrument)?;
        self.put("amount", request.amount.minor())?;
        self.put("currency", request.currency.code())?;
        self.put("security_level", request.security_level as u8)?;
        self.put("channel", channel_name(request.channel))?;
        self.put("expires", request.expires.get())?;
        self.put("hold_until", request.hold_until.get())?;
        self.put("budget_ms", request.budget_ms)?;
        self.put("partial_allowed", request.partial_allowed)?;
        self.put("captures_many", request.captures_many)?;
        self.copy(request.repeat, request.attempt, request.extensions.as_bytes().len())
    }

    /// The id of the original stands in a field of its own: a refund is a transaction, and `original` is its id.
    pub(super) fn refund(&mut self, request: &Refund) -> Result<(), M::Error> {
        self.put("payment_kind", "refund")?;
        self.text("refund_of", request.original)?;
        self.put("amount", request.amount.minor())?;
        self.put("currency", request.currency.code())?;
        self.put("expires", request.expires.get())?;
        self.put("budget_ms", request.budget_ms)?;
        self.copy(request.repeat, request.attempt, request.extensions.as_bytes().len())
    }

    pub(super) fn forwarded(
        &mut self,
        originator: ParticipantNumber,
        destination: ParticipantNumber,
        instance: Instance,
        debtor: Debtor,
    ) -> Result<(), M::Error> {
        self.put("destination", destination.get())?;
        self.put("instance", instance.0)?;
        self.put("debtor", debtor_name(debtor))?;
        self.put("creditor", debtor_name(debtor.opposite()))?;
        let (debtor, creditor) = match debtor {
            Debtor::Originator => (originator, destination),
            Debtor::Destination => (destination, originator),
            Debtor::Outside => return Ok(()),
        };
        self.put("debtor_participant", debtor.get())?;
        self.put("creditor_participant", creditor.get())
    }

    pub(super) fn capture(&mut self, request: &Capture) -> Result<(), M::Error> {
        self.put("amount", request.amount.minor())?;
        self.put("currency", request.currency.code())?;
        self.put("last", request.last)?;
        self.put("expires", request.expires.get())?;
        self.copy(request.repeat, request.attempt, request.extensions.as_bytes().len())
    }

    pub(super) fn release(&mut self, request: &Release) -> Result<(), M::Error> {
        self.put("expires", request.expires.get())?;
        self.copy(request.repeat, request.attempt, request.extensions.as_bytes().len())
    }

    pub(super) fn reverse(&mut self, request: &Reverse) -> Result<(), M::Error> {
        self.text("payment_id", request.payment_id)?;
        self.put("originator_reason", request.reason)?;
        self.put("expires", request.expires.get())?;
        self.copy(request.repeat, request.attempt, request.extensions.as_bytes().len())
    }

    fn copy(&mut self, repeat: bool, attempt: u8, extension_bytes: usize) -> Result<(), M::Error> {
        self.put("repeat", repeat)?;
        self.put("attempt", attempt)?;
        self.put("extension_bytes", extension_bytes)
    }
}
