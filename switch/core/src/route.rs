//! Where a payment ID leads (SW-1): the exact merchant, else the longest prefix, else the default of its MPS.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use holdfast_protocol::{Merchant, MpsId, ParticipantNumber, PaymentId, Reason};

use crate::registry::{MerchantPattern, Route};

/// All routes. Finding one costs the same however many there are: a look-up for the merchant, and one for each length
/// that a prefix of its MPS has.
#[derive(Clone, Debug)]
pub(crate) struct RouteTable {
    all: Vec<Route>,
    by_mps: HashMap<MpsId, OfMps, FixedState>,
    exact: HashMap<PaymentId, usize, FixedState>,
    /// By MPS and the bytes of the prefix, padded with zeros.
    prefixes: HashMap<(MpsId, [u8; Merchant::BYTES]), usize, FixedState>,
}

/// What kinds of routes an MPS has.
#[derive(Clone, Debug, Default)]
struct OfMps {
    has_exact: bool,
    /// The lengths of its prefixes, longest first.
    prefix_lengths: Vec<usize>,
    default: Option<usize>,
}

impl RouteTable {
    pub(crate) fn new(hash_seed: u64) -> Self {
        let hasher = FixedState::with_seed(hash_seed);
        Self {
            all: Vec::new(),
            by_mps: HashMap::with_hasher(hasher.clone()),
            exact: HashMap::with_hasher(hasher.clone()),
            prefixes: HashMap::with_hasher(hasher),
        }
    }

    pub(crate) fn replace(&mut self, routes: &[Route]) {
        self.all = routes.to_vec();
        self.by_mps.clear();
        self.exact.clear();
        self.prefixes.clear();
        // Of two that are alike the first is used, as if they were looked through in order.
        for (at, route) in self.all.iter().enumerate() {
            let of_mps = self.by_mps.entry(route.mps).or_default();
            match route.merchants {
                MerchantPattern::Default => {
                    of_mps.default.get_or_insert(at);
                }
                MerchantPattern::Prefix(prefix) => {
                    of_mps.prefix_lengths.push(prefix.as_str().len());
                    self.prefixes.entry((route.mps, prefix.to_bytes())).or_insert(at);
                }
                MerchantPattern::Exact(merchant) => {
                    of_mps.has_exact = true;
                    self.exact.entry(PaymentId { mps: route.mps, merchant }).or_insert(at);
                }
            }
        }
        for of_mps in self.by_mps.values_mut() {
            of_mps.prefix_lengths.sort_unstable_by_key(|length| std::cmp::Reverse(*length));
            of_mps.prefix_lengths.dedup();
        }
    }

    pub(crate) fn all(&self) -> &[Route] {
        &self.all
    }

    /// A payment ID that leads to a destination, for a reversal of what is no longer remembered in full. The destination
    /// knows the transaction by originator and id.
    pub(crate) fn any_payment_id(&self, destination: ParticipantNumber) -> PaymentId {
        let route = self.all.iter().find(|route| route.destination == destination);
        let merchant = route.and_then(|route| match route.merchants {
            MerchantPattern::Default => None,
            MerchantPattern::Prefix(merchant) | MerchantPattern::Exact(merchant) => Some(merchant),
        });
        PaymentId {
            mps: route.map_or_else(|| MpsId::from_text("-").expect("allowed text"), |route| route.mps),
            merchant: merchant.unwrap_or_else(|| Merchant::from_text("-").expect("allowed text")),
        }
    }

    /// The route of a payment ID, or why there is none.
    pub(crate) fn find(&self, id: PaymentId) -> Result<&Route, Reason> {
        let of_mps = self.by_mps.get(&id.mps).ok_or(Reason::MpsUnknown)?;
        let exact = if of_mps.has_exact { self.exact.get(&id) } else { None };
        let prefix = || of_mps.prefix_lengths.iter().find_map(|length| self.with_prefix(id, *length));
        let at = exact.or_else(prefix).or(of_mps.default.as_ref()).ok_or(Reason::MerchantUnknown)?;
        Ok(&self.all[*at])
    }

    /// The route with the first `length` bytes of this merchant as its prefix.
    fn with_prefix(&self, id: PaymentId, length: usize) -> Option<&usize> {
        let mut prefix = id.merchant.to_bytes();
        // A merchant that is shorter stays what it is, and no prefix of this length equals it.
        prefix[length..].fill(0);
        self.prefixes.get(&(id.mps, prefix))
    }
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::ParticipantNumber;
    use proptest::prelude::*;

    use super::*;
    use crate::registry::Debtor;

    fn merchant() -> impl Strategy<Value = Merchant> {
        prop_oneof!["[ab]{1,4}", "[ab]{23,24}"].prop_map(|text| Merchant::from_text(&text).unwrap())
    }

    fn mps() -> impl Strategy<Value = MpsId> {
        prop_oneof![Just("one"), Just("two"), Just("one-more")]
            .prop_map(|text| MpsId::from_text(text).unwrap())
    }

    fn route() -> impl Strategy<Value = Route> {
        let merchants = prop_oneof![
            Just(MerchantPattern::Default),
            merchant().prop_map(MerchantPattern::Prefix),
            merchant().prop_map(MerchantPattern::Exact),
        ];
        (mps(), merchants, 1_u16..100).prop_map(|(mps, merchants, destination)| Route {
            mps,
            merchants,
            destination: ParticipantNumber::new(destination).unwrap(),
            pay_debtor: Debtor::Originator,
            reserve_debtor: Debtor::Destination,
        })
    }

    /// The rule as it is written: exact before prefixes, long prefixes before short ones, the default last.
    fn looked_through(routes: &[Route], id: PaymentId) -> Result<&Route, Reason> {
        let of_mps: Vec<_> = routes.iter().filter(|route| route.mps == id.mps).collect();
        let rank = |route: &Route| match route.merchants {
            MerchantPattern::Default => Some(0),
            MerchantPattern::Prefix(prefix) => {
                id.merchant.as_str().starts_with(prefix.as_str()).then(|| prefix.as_str().len())
            }
            MerchantPattern::Exact(merchant) => (id.merchant == merchant).then_some(usize::MAX),
        };
        let best = of_mps.iter().filter_map(|route| rank(route)).max();
        if of_mps.is_empty() {
            return Err(Reason::MpsUnknown);
        }
        let best = best.ok_or(Reason::MerchantUnknown)?;
        Ok(of_mps.into_iter().find(|route| rank(route) == Some(best)).unwrap())
    }

    proptest! {
        #[test]
        fn the_route_is_the_one_that_the_rule_names(
            routes in prop::collection::vec(route(), 0..40),
            before in prop::collection::vec(route(), 0..4),
            mps in mps(),
            merchant in merchant(),
        ) {
            let mut table = RouteTable::new(7);
            table.replace(&before);
            table.replace(&routes);
            let id = PaymentId { mps, merchant };
            prop_assert_eq!(table.find(id), looked_through(&routes, id));
        }
    }
}
