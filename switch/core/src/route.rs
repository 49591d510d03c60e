//! Where a payment ID leads (SW-1): the exact merchant, else the longest prefix, else the default of its MPS.

use std::collections::HashMap;

use foldhash::fast::FixedState;
use holdfast_protocol::{Merchant, MpsId, ParticipantNumber, PaymentId, Reason};

use crate::registry::{MerchantPattern, Route};

/// All routes, by MPS.
#[derive(Clone, Debug)]
pub(crate) struct RouteTable {
    all: Vec<Route>,
    by_mps: HashMap<MpsId, Vec<usize>, FixedState>,
}

impl RouteTable {
    pub(crate) fn new(hash_seed: u64) -> Self {
        Self { all: Vec::new(), by_mps: HashMap::with_hasher(FixedState::with_seed(hash_seed)) }
    }

    pub(crate) fn replace(&mut self, routes: &[Route]) {
        self.all = routes.to_vec();
        self.by_mps.clear();
        for (at, route) in self.all.iter().enumerate() {
            self.by_mps.entry(route.mps).or_default().push(at);
        }
        for routes in self.by_mps.values_mut() {
            routes.sort_by_key(|at| std::cmp::Reverse(rank(&self.all[*at].merchants)));
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
        let routes = self.by_mps.get(&id.mps).ok_or(Reason::MpsUnknown)?;
        routes
            .iter()
            .map(|at| &self.all[*at])
            .find(|route| matches(&route.merchants, id))
            .ok_or(Reason::MerchantUnknown)
    }
}

/// Exact before prefixes, long prefixes before short ones, the default last.
fn rank(pattern: &MerchantPattern) -> usize {
    match pattern {
        MerchantPattern::Default => 0,
        MerchantPattern::Prefix(prefix) => prefix.as_str().len(),
        MerchantPattern::Exact(_) => usize::MAX,
    }
}

fn matches(pattern: &MerchantPattern, id: PaymentId) -> bool {
    match pattern {
        MerchantPattern::Default => true,
        MerchantPattern::Prefix(prefix) => id.merchant.as_str().starts_with(prefix.as_str()),
        MerchantPattern::Exact(merchant) => id.merchant == *merchant,
    }
}
