//! I4: positions over all participants net to zero in each currency.

use std::collections::BTreeMap;

use holdfast_core::Core;
use holdfast_protocol::Currency;

use crate::sim::violation::{Verdict, ensure};

pub(crate) fn check(core: &Core) -> Verdict {
    let mut net: BTreeMap<Currency, i128> = BTreeMap::new();
    let configured = core.participants().flat_map(|(_, _, positions)| positions);
    let removed = core.removed_participants().flat_map(|(_, positions)| positions);
    for position in configured.chain(removed) {
        *net.entry(position.currency).or_default() += position.debits.minor() - position.credits.minor();
    }
    for (currency, net) in net {
        ensure!("I4", net == 0, "positions in {currency} net to {net}");
    }
    Ok(())
}
