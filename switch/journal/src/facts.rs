//! The facts of a frame, one by one.

use holdfast_core::{Core, Fact};
use holdfast_protocol::Sequence;

use crate::recovery::VisitError;
use crate::scan::Facts;
use crate::{RecordError, record};

/// A frame whose bytes are not its facts.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// A record cannot be read.
    #[error("fact {}: {source}", sequence.0)]
    Record {
        /// Of the fact.
        sequence: Sequence,
        /// Why.
        source: RecordError,
    },
    /// Bytes follow the last fact.
    #[error("{0} bytes follow the last fact of the frame")]
    Rest(usize),
}

/// Reads the facts of a frame one by one.
///
/// # Errors
/// See [`FactsError`], and what `each` returns.
pub fn read_facts(
    facts: &Facts<'_>,
    each: &mut dyn FnMut(Sequence, Fact) -> Result<(), VisitError>,
) -> Result<(), VisitError> {
    let mut body = facts.body;
    let mut sequence = facts.first;
    for _ in 0..facts.count {
        let fact = record::read(&mut body).map_err(|source| FactsError::Record { sequence, source })?;
        each(sequence, fact)?;
        sequence = sequence.next();
    }
    if body.is_empty() { Ok(()) } else { Err(FactsError::Rest(body.len()).into()) }
}

/// The same, all of them put behind others.
///
/// # Errors
/// See [`FactsError`].
pub(crate) fn read_facts_behind(facts: &Facts<'_>, others: &mut Vec<Fact>) -> Result<(), FactsError> {
    let mut body = facts.body;
    let mut sequence = facts.first;
    for _ in 0..facts.count {
        record::read_behind(&mut body, others).map_err(|source| FactsError::Record { sequence, source })?;
        sequence = sequence.next();
    }
    if body.is_empty() { Ok(()) } else { Err(FactsError::Rest(body.len())) }
}

/// Facts that are decoded before they are applied: few enough that they and what they will look up stay in the caches.
const AHEAD: usize = 64;

/// Folds the facts of one frame into a core (I7).
///
/// # Errors
/// See [`FactsError`]. The core is of no use then.
pub fn fold(core: &mut Core, facts: &Facts<'_>) -> Result<(), FactsError> {
    fold_in(core, facts, &mut Vec::new())
}

/// The same; `decoded` is room for some facts.
pub(crate) fn fold_in(core: &mut Core, facts: &Facts<'_>, decoded: &mut Vec<Fact>) -> Result<(), FactsError> {
    core.set_epoch(facts.epoch);
    core.set_time(facts.time);
    let mut body = facts.body;
    let mut sequence = core.sequence();
    for _ in 0..facts.count {
        sequence = sequence.next();
        record::read_behind(&mut body, decoded).map_err(|source| FactsError::Record { sequence, source })?;
        if decoded.len() >= AHEAD {
            apply(core, decoded);
        }
    }
    apply(core, decoded);
    if body.is_empty() { Ok(()) } else { Err(FactsError::Rest(body.len())) }
}

fn apply(core: &mut Core, decoded: &mut Vec<Fact>) {
    core.warm_facts(decoded);
    decoded.iter().for_each(|fact| core.apply_recovered(fact));
    decoded.clear();
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::{BusinessDate, Epoch, UnixMillis};

    use super::*;
    use crate::RecordWriter;
    use crate::storage::{Position, SegmentNumber};

    #[test]
    fn bytes_that_are_no_facts_are_named_by_sequence() {
        let day = Fact::CutOver(BusinessDate::from_utc(UnixMillis::default()));
        let mut bytes = Vec::new();
        RecordWriter::default().write(&day, &mut bytes);
        let one = bytes.clone();
        bytes.extend_from_slice(b"no record");
        let read = |body: &[u8], count| {
            let at = Position { segment: SegmentNumber::FIRST, offset: 4_096 };
            let time = UnixMillis::default();
            let facts = Facts { at, first: Sequence(7), count, epoch: Epoch(1), time, body };
            let mut found = Vec::new();
            let read = read_facts(&facts, &mut |sequence, fact| {
                found.push((sequence, fact));
                Ok(())
            });
            (found, read.map_err(|error| error.to_string()))
        };
        assert_eq!(read(&one, 1), (vec![(Sequence(7), day.clone())], Ok(())));
        let (found, failed) = read(&bytes, 2);
        assert_eq!(found.len(), 1);
        assert!(failed.unwrap_err().starts_with("fact 8: "));
        assert_eq!(read(&bytes, 1).1.unwrap_err(), "9 bytes follow the last fact of the frame");
    }
}
