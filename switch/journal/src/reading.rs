//! Reads a journal from where a start needs it, and tells a torn tail from corruption. Changes nothing.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::collections::VecDeque;

use holdfast_protocol::{Epoch, UnixMillis};

use crate::block::BLOCK;
use crate::format::{FrameHeader, JournalId};
use crate::recovery::{OpenError, Visit};
use crate::scan::{Progress, Scanner, read_first_frame};
use crate::snapshot::From;
use crate::storage::{Position, SegmentNumber, Storage};
use crate::survey::{Survey, survey};

/// What reading the whole journal found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Segments with a valid header.
    pub segments: u64,
    /// Frames that count, of any kind.
    pub frames: u64,
    /// Of them, empty ones.
    pub empty_frames: u64,
    /// Facts.
    pub facts: u64,
    /// Bytes of facts.
    pub fact_bytes: u64,
    /// Time of the first and last frame.
    pub times: Option<(UnixMillis, UnixMillis)>,
    /// The epoch of the last frame.
    pub epoch: Epoch,
    /// Where the journal ends.
    pub end: Position,
    /// Bytes of torn frames after the end, which nobody was told of.
    pub torn_bytes: u64,
    /// Segments whose preparation did not finish.
    pub incomplete_segments: u64,
}

/// A journal that was read.
pub(crate) struct Reading {
    pub(crate) survey: Survey,
    pub(crate) progress: Progress,
    pub(crate) report: Report,
    /// Frames that no later frame calls durable.
    pub(crate) unsealed: VecDeque<(u64, Position, u64)>,
    /// Ranges after the end that are not zero.
    pub(crate) torn: Vec<Torn>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Torn {
    pub(crate) segment: SegmentNumber,
    pub(crate) from: u64,
    pub(crate) to: u64,
}

/// Where reading begins.
pub(crate) enum Begin {
    /// At the first fact ever written: nothing was trimmed.
    First,
    /// At the first fact that is there.
    There,
    /// Where a snapshot ends.
    After(From),
}

/// Reads a journal; changes nothing. `None` where there is none.
pub(crate) fn read_all(
    storage: &impl Storage,
    begin: &Begin,
    visit: Visit<'_>,
) -> Result<Option<Reading>, OpenError> {
    let survey = survey(storage)?;
    let Some(journal) = survey.journal else { return Ok(None) };
    let progress = begin_at(storage, &survey, journal, begin)?;
    let segments = survey.segments.clone();
    let mut scanner = Scanner::resume(storage, &segments, journal, progress);
    let mut report = Report {
        segments: count(segments.len()),
        frames: 0,
        empty_frames: 0,
        facts: 0,
        fact_bytes: 0,
        times: None,
        epoch: Epoch(0),
        end: scanner.progress.at,
        torn_bytes: 0,
        incomplete_segments: count(survey.incomplete.len()),
    };
    let mut unsealed = VecDeque::new();
    while let Some(frame) = scanner.next()? {
        report.frames = report.frames.saturating_add(1);
        let (first, _) = report.times.unwrap_or((frame.header.time, frame.header.time));
        report.times = Some((first, frame.header.time));
        let durable_through = frame.header.durable_through;
        while unsealed.front().is_some_and(|(number, _, _)| *number <= durable_through) {
            unsealed.pop_front();
        }
        unsealed.push_back((frame.header.number, frame.at, frame.bytes));
        match frame.facts() {
            Some(facts) => {
                report.facts = report.facts.saturating_add(u64::from(facts.count));
                report.fact_bytes = report.fact_bytes.saturating_add(count(facts.body.len()));
                visit(facts).map_err(|source| OpenError::Facts { at: facts.at, source })?;
            }
            None => report.empty_frames = report.empty_frames.saturating_add(1),
        }
    }
    report.epoch = scanner.progress.epoch;
    report.end = scanner.progress.at;
    let torn = judge_tail(&mut scanner)?;
    report.torn_bytes = torn.iter().map(|torn| torn.to.saturating_sub(torn.from)).sum();
    let progress = scanner.progress;
    Ok(Some(Reading { survey, progress, report, unsealed, torn }))
}

fn begin_at(
    storage: &impl Storage,
    survey: &Survey,
    journal: JournalId,
    begin: &Begin,
) -> Result<Progress, OpenError> {
    let first = survey.first();
    let missing =
        |segment, why: &str| OpenError::Corrupt { at: Position { segment, offset: 0 }, why: why.to_owned() };
    match begin {
        Begin::First | Begin::There if first == SegmentNumber::FIRST => Ok(Progress::start(journal)),
        Begin::First => Err(missing(
            SegmentNumber::FIRST,
            "the segment is missing, and no snapshot counts that would stand in for it",
        )),
        Begin::There => {
            let at = Position { segment: first, offset: BLOCK };
            let segment = survey.segments.first().copied();
            let header = segment.map(|segment| read_first_frame(storage, segment)).transpose()?.flatten();
            let header = header.filter(|header| header.journal == journal);
            header.map(|header| Progress::before(at, &header)).ok_or_else(|| OpenError::Corrupt {
                at,
                why: "the first segment that is there begins with no frame".to_owned(),
            })
        }
        // The snapshot was taken of frames that were durable, and one of this segment was, too.
        Begin::After(from) if survey.segments.iter().any(|segment| segment.number == from.segment) => {
            Ok(from.progress())
        }
        Begin::After(from) => {
            Err(missing(from.segment, "the segment is missing, and a snapshot ends where it begins"))
        }
    }
}

/// What lies after the last frame that counts: the ranges that are not zero, or corruption.
fn judge_tail(scanner: &mut Scanner<'_, impl Storage>) -> Result<Vec<Torn>, OpenError> {
    let (progress, journal) = (scanner.progress, scanner.journal());
    let mut torn: Vec<Torn> = Vec::new();
    let mut evidence: Option<(Position, FrameHeader)> = None;
    scanner.blocks_from(progress.at, |at, block| {
        if block.iter().all(|byte| *byte == 0) {
            return;
        }
        let end = at.offset.saturating_add(BLOCK);
        match torn.last_mut() {
            Some(last) if last.segment == at.segment => last.to = end,
            Some(_) | None => torn.push(Torn { segment: at.segment, from: at.offset, to: end }),
        }
        if let Some(header) = FrameHeader::decode(block) {
            let ours = header.journal == journal && header.epoch >= progress.epoch;
            if evidence.is_none() && ours && header.durable_through >= progress.frame {
                evidence = Some((at, header));
            }
        }
    })?;
    let Some((found_at, header)) = evidence else { return Ok(torn) };
    // The frame that does not count is where the first byte is, in this segment or at the start of the next.
    let first =
        torn.first().map_or(progress.at, |torn| Position { segment: torn.segment, offset: torn.from });
    let at = if first.segment == progress.at.segment || first.offset != BLOCK { progress.at } else { first };
    let why = format!(
        "frame {} does not count, but frame {} at {found_at} says that it was durable",
        progress.frame, header.number
    );
    Err(OpenError::Corrupt { at, why })
}

pub(crate) fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
