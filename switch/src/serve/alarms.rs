//! What the switch raises an alarm about: the alarms that stand, and which of them are news.
//!
//! Invariant: an alarm is logged once when it rises and once when it falls, however long it stands and however its
//! figures change meanwhile.

use std::collections::BTreeMap;

use holdfast_link::ValidUntil;
use holdfast_protocol::{BusinessDate, Currency, ParticipantNumber, UnixMillis};
use tracing::{info, warn};

use super::extract::Watched;
use crate::clock::ALARM_MS;

/// Certificates that end sooner are an alarm.
const ENDS_SOON_MS: u64 = 30 * 86_400_000;

/// What is wrong, without its figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Alarm {
    /// A destination has not acknowledged something for too long (rule 7).
    Undelivered(ParticipantNumber),
    /// A participant's exposure is above its cap (rule 22).
    AboveCap(ParticipantNumber, Currency),
    /// There is no room for the next segment.
    JournalFull,
    /// An index of the archive does not count: what it held is unavailable.
    ArchiveDamaged,
    /// No snapshot could be made: a start takes longer by the hour, and nothing is trimmed.
    NoSnapshot,
    /// A certificate has expired or is about to: of the switch, or of the authority.
    Certificate(&'static str),
    /// The file says something else than what runs.
    ReloadRefused,
    /// The wall clock is far from the switch's time.
    WallClock,
}

/// Alarms in words.
pub(super) type Standing = BTreeMap<Alarm, String>;

/// What the core does not know.
#[derive(Debug)]
pub(super) struct Around {
    pub(super) delivery_alarm_ms: u64,
    pub(super) archive_damaged: u64,
    /// Why the last snapshot was not made.
    pub(super) snapshot_failing: Option<String>,
    pub(super) wall_clock_ahead_ms: i64,
    /// Why the last reload was refused.
    pub(super) reload_refused: Option<String>,
    pub(super) certificates: ValidUntil,
}

/// What stands now. Looks at each participant, never at each transaction.
pub(super) fn standing(
    watched: &Watched,
    around: &Around,
    name: impl Fn(ParticipantNumber) -> String,
    now: UnixMillis,
) -> Standing {
    let mut alarms = of_participants(watched, around.delivery_alarm_ms, name, now);
    if watched.journal_full {
        let text = "the journal has no room: only open work is finished".to_owned();
        alarms.insert(Alarm::JournalFull, text);
    }
    if around.archive_damaged > 0 {
        let text = format!(
            "{} indexes of the archive are damaged: reversals of originals as old as they are refused until `holdfast \
             journal reindex` has made them again",
            around.archive_damaged
        );
        alarms.insert(Alarm::ArchiveDamaged, text);
    }
    if let Some(why) = &around.snapshot_failing {
        let text = format!("no snapshot is made, starts take longer and longer: {why}");
        alarms.insert(Alarm::NoSnapshot, text);
    }
    let ahead_ms = around.wall_clock_ahead_ms;
    if ahead_ms.unsigned_abs() > ALARM_MS {
        let text = format!("the wall clock is {ahead_ms} ms ahead of the switch's time; slewing");
        alarms.insert(Alarm::WallClock, text);
    }
    if let Some(why) = &around.reload_refused {
        let why = why.trim().replace('\n', "; ");
        let text = format!("the last reload was refused, what ran before runs on: {why}");
        alarms.insert(Alarm::ReloadRefused, text);
    }
    for (of, until) in ends(&around.certificates) {
        if let Some(text) = expiry(of, until, now) {
            alarms.insert(Alarm::Certificate(of), text);
        }
    }
    alarms
}

/// Whose certificates end when.
pub(super) fn ends(certificates: &ValidUntil) -> impl Iterator<Item = (&'static str, UnixMillis)> {
    let each = [("switch", certificates.own), ("authority", certificates.authority)];
    each.into_iter().filter_map(|(of, until)| Some((of, until?)))
}

/// What is to be said of a certificate that ends then.
fn expiry(of: &str, until: UnixMillis, now: UnixMillis) -> Option<String> {
    let date = BusinessDate::from_utc(until);
    let days = until.since(now) / 86_400_000;
    if until <= now {
        Some(format!("the certificate of the {of} has expired on {date}: new links fail"))
    } else if until.since(now) < ENDS_SOON_MS {
        Some(format!("the certificate of the {of} expires in {days} days, on {date}"))
    } else {
        None
    }
}

fn of_participants(
    watched: &Watched,
    delivery_alarm_ms: u64,
    name: impl Fn(ParticipantNumber) -> String,
    now: UnixMillis,
) -> Standing {
    let mut alarms = Standing::new();
    for behind in watched.undelivered.values() {
        let age_ms = behind.oldest.map_or(0, |oldest| now.since(oldest));
        if age_ms > delivery_alarm_ms {
            let who = name(behind.destination);
            let text = format!(
                "{who}: {} messages undelivered, the oldest for {} s",
                behind.messages,
                age_ms / 1_000
            );
            alarms.insert(Alarm::Undelivered(behind.destination), text);
        }
    }
    for (number, positions) in &watched.positions {
        for position in positions.iter().filter(|p| p.cap.is_some_and(|cap| p.exposure() > cap)) {
            let text = format!("{}: exposure above the cap in {}", name(*number), position.currency);
            alarms.insert(Alarm::AboveCap(*number, position.currency), text);
        }
    }
    alarms
}

/// The alarms that were logged as risen and have not fallen.
#[derive(Debug, Default)]
pub(super) struct Raised(Standing);

/// How the alarms differ from those that stood before.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct News {
    pub(super) risen: Vec<(Alarm, String)>,
    pub(super) fallen: Vec<String>,
}

impl Raised {
    /// Takes over what stands now.
    pub(super) fn change(&mut self, now: Standing) -> News {
        let risen = now.iter().filter(|(alarm, _)| !self.0.contains_key(alarm));
        let risen = risen.map(|(alarm, text)| (*alarm, text.clone())).collect();
        let fallen = self.0.iter().filter(|(alarm, _)| !now.contains_key(alarm));
        let fallen = fallen.map(|(_, text)| text.clone()).collect();
        self.0 = now;
        News { risen, fallen }
    }
}

impl News {
    /// Writes them into the log.
    pub(super) fn log(&self) {
        for (_, alarm) in &self.risen {
            warn!("alarm: {alarm}");
        }
        for alarm in &self.fallen {
            info!("alarm is over: {alarm}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_an_alarm_in_its_last_thirty_days_and_after_them() {
        let until = UnixMillis::new(1_795_305_600_000).unwrap();
        assert_eq!(expiry("switch", until, until.minus(ENDS_SOON_MS)), None);
        let soon = expiry("switch", until, until.minus(ENDS_SOON_MS - 1)).unwrap();
        assert!(soon.contains("of the switch expires in 29 days, on 2026-11-22"), "{soon}");
        let late = expiry("authority", until, until).unwrap();
        assert!(late.contains("of the authority has expired on 2026-11-22"), "{late}");
    }

    #[test]
    fn an_alarm_is_news_when_it_rises_and_when_it_falls() {
        let undelivered = |number, text: &str| {
            (Alarm::Undelivered(ParticipantNumber::new(number).unwrap()), text.to_owned())
        };
        let mut raised = Raised::default();
        let first = undelivered(11, "for 301 s");
        let news = raised.change(Standing::from([first.clone()]));
        assert_eq!(news, News { risen: vec![first], fallen: vec![] });
        let news = raised.change(Standing::from([undelivered(11, "for 302 s")]));
        assert_eq!(news, News { risen: vec![], fallen: vec![] }, "it stands, with other figures");
        let other = (Alarm::JournalFull, "no room".to_owned());
        let news = raised.change(Standing::from([other.clone()]));
        assert_eq!(news, News { risen: vec![other], fallen: vec!["for 302 s".to_owned()] });
        let news = raised.change(Standing::from([undelivered(11, "for 5 s")]));
        assert_eq!(news.risen, [undelivered(11, "for 5 s")], "it rises again");
    }
}
