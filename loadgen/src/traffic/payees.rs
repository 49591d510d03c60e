//! Who can be paid: the payment IDs of all destinations, made once.

use holdfast_protocol::{Merchant, MpsId, PaymentId};

use crate::history::record::payment_id_digest;
use crate::traffic::arrival::Payee;

/// Payment IDs by destination and merchant.
#[derive(Clone, Debug)]
pub struct Payees {
    merchants: usize,
    ids: Vec<PaymentId>,
    digests: Vec<u64>,
}

/// A template that gives no MPS id or merchant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what}: expected 1 to {bytes} letters, digits, '.', '-' or '_'")]
pub struct TemplateError {
    /// What the template gave.
    pub text: String,
    /// What it should have given.
    pub what: &'static str,
    /// How long that may be.
    pub bytes: usize,
}

/// A template with its `{}` replaced by a number.
pub fn fill(template: &str, number: u32) -> String {
    template.replace("{}", &number.to_string())
}

impl Payees {
    /// Payment IDs of acquirers first, then of operators, each with as many merchants.
    ///
    /// # Errors
    /// Where a template does not give an MPS id or a merchant.
    pub fn new<'a>(
        mps: impl Iterator<Item = (&'a str, u32)>,
        merchant: &str,
        merchants: u32,
    ) -> Result<Self, TemplateError> {
        let mut ids = Vec::new();
        for (template, number) in mps {
            let text = fill(template, number);
            let mps =
                MpsId::from_text(&text).ok_or(TemplateError { text, what: "MPS id", bytes: MpsId::BYTES })?;
            for shop in 1..=merchants {
                let text = fill(merchant, shop);
                let merchant = Merchant::from_text(&text).ok_or(TemplateError {
                    text,
                    what: "merchant",
                    bytes: Merchant::BYTES,
                })?;
                ids.push(PaymentId { mps, merchant });
            }
        }
        let digests = ids.iter().map(payment_id_digest).collect();
        Ok(Self { merchants: merchants as usize, ids, digests })
    }

    /// The payment ID of a payee of the schedule.
    #[inline]
    pub fn id(&self, payee: Payee) -> PaymentId {
        self.ids[self.index(payee)]
    }

    /// The digest of that payment ID, for histories.
    #[inline]
    pub fn digest(&self, payee: Payee) -> u64 {
        self.digests[self.index(payee)]
    }

    /// How many destinations there are.
    pub const fn destinations(&self) -> usize {
        self.ids.len() / self.merchants
    }

    #[inline]
    fn index(&self, payee: Payee) -> usize {
        usize::from(payee.destination) * self.merchants + usize::from(payee.merchant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payment_ids_follow_the_templates() {
        let mps = [("acq-{}", 1), ("acq-{}", 2), ("mps-{}", 1)];
        let payees = Payees::new(mps.into_iter(), "shop-{}", 3).unwrap();
        let text = |destination, merchant| payees.id(Payee { destination, merchant }).to_string();
        assert_eq!(text(0, 0), "shop-1@acq-1");
        assert_eq!(text(1, 2), "shop-3@acq-2");
        assert_eq!(text(2, 1), "shop-2@mps-1");
    }

    #[test]
    fn a_template_that_is_too_long_is_refused() {
        let error = Payees::new([("acquirer-{}", 1)].into_iter(), "shop-{}", 1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "\"acquirer-1\" is no MPS id: expected 1 to 8 letters, digits, '.', '-' or '_'"
        );
    }
}
