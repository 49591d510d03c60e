//! A small world around one core, driven by scripts.
//!
//! Each line is something that happens, and after `->` everything that leaves because of it, separated by commas;
//! `-> nothing` where nothing may leave; a line without an arrow leaves that open. After each line every invariant is checked.
//!
//! Participants: `A` and `C` are operators, `B` and `D` acquirers, each with a cap of 1,000.00 euros and one link. Payment IDs are
//! `MERCHANT@NAME`. For a pay the originator owes; for a reservation at `B` the destination owes, at `D` the originator.
//! `out@B` is settled outside.

use std::collections::BTreeMap;

use holdfast_protocol::*;

use super::archive::Archive;
use super::render;
use crate::invariant::InvariantCheck;
use crate::registry::*;
use crate::view::{LiveSession, SessionId};
use crate::*;

pub(super) const START: u64 = 1_795_305_600_000;

pub(super) fn number(name: &str) -> ParticipantNumber {
    let number = match name {
        "A" => 1,
        "C" => 2,
        "B" => 11,
        "D" => 12,
        other => panic!("no participant {other}"),
    };
    ParticipantNumber::new(number).unwrap()
}

pub(super) fn name(number: ParticipantNumber) -> &'static str {
    match number.get() {
        1 => "A",
        2 => "C",
        11 => "B",
        12 => "D",
        other => panic!("no participant {other}"),
    }
}

pub(super) fn euro() -> Currency {
    Currency::from_code("EUR").unwrap()
}

/// Minor units of a sum like `50.00`.
pub(super) fn amount(text: &str) -> Amount {
    let (whole, minor) = text.split_once('.').expect("an amount like 50.00");
    Amount::from_minor(whole.parse::<u64>().unwrap() * 100 + minor.parse::<u64>().unwrap()).unwrap()
}

pub(super) fn settings() -> Settings {
    Settings { delivery_retry_ms: 1_000, expected_rate_per_s: 10, ..Settings::default() }
}

pub(super) fn participant(name: &str) -> ParticipantRecord {
    let originates = name == "A" || name == "C";
    ParticipantRecord {
        number: number(name),
        name: name.to_owned(),
        originates,
        receives: true,
        caps: vec![(euro(), Total::from_minor(100_000))],
        limits: vec![(SecurityLevel::Two, Limits::default())],
    }
}

pub(super) fn routes() -> Vec<Route> {
    let route = |mps: &str, merchants, pay_debtor, reserve_debtor| Route {
        mps: MpsId::from_text(mps).unwrap(),
        merchants,
        destination: number(mps),
        pay_debtor,
        reserve_debtor,
    };
    let outside = MerchantPattern::Exact(Merchant::from_text("out").unwrap());
    vec![
        route("A", MerchantPattern::Default, Debtor::Originator, Debtor::Originator),
        route("C", MerchantPattern::Default, Debtor::Originator, Debtor::Originator),
        route("B", MerchantPattern::Default, Debtor::Originator, Debtor::Destination),
        route("B", outside, Debtor::Outside, Debtor::Outside),
        route(
            "D",
            MerchantPattern::Prefix(Merchant::from_text("m").unwrap()),
            Debtor::Originator,
            Debtor::Originator,
        ),
    ]
}

/// Runs a script in a fresh world.
pub(super) fn check(script: &str) {
    check_with(settings(), script);
}

pub(super) fn check_with(settings: Settings, script: &str) {
    let mut world = World::new(settings);
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (what, expected) = match line.split_once("->") {
            Some((what, expected)) => (what.trim(), Some(expected.trim())),
            None => (line, None),
        };
        let got = world.line(what).join(", ");
        let got = if got.is_empty() { "nothing" } else { &got };
        if let Some(expected) = expected {
            assert_eq!(got, expected, "\nat: {line}");
        }
    }
}

pub(super) struct World {
    pub(super) settings: Settings,
    pub(super) core: Core,
    pub(super) view: View,
    pub(super) now: u64,
    /// None for so many transactions that checking all of them after each step takes too long.
    pub(super) watch: Option<InvariantCheck>,
    pub(super) journal: Vec<Fact>,
    /// Epoch and time of each fact of the journal.
    pub(super) frames: Vec<(Epoch, UnixMillis)>,
    /// What has left and `finish` has not looked at.
    pub(super) sent: Vec<Effect>,
    ids: BTreeMap<(ParticipantNumber, u32), RequestId>,
    pub(super) archive: Archive,
    /// Whose each link is, also those that are gone.
    sessions: BTreeMap<SessionId, ParticipantNumber>,
}

impl World {
    pub(super) fn new(settings: Settings) -> Self {
        Self::of_several(settings, Partition(0), 1)
    }

    /// One partition of so many.
    pub(super) fn of_several(settings: Settings, partition: Partition, partitions: u16) -> Self {
        let mut world = Self {
            core: Core::new(settings.clone()),
            watch: Some(InvariantCheck::new(settings.clone())),
            settings,
            view: View::default(),
            now: START,
            journal: Vec::new(),
            frames: Vec::new(),
            sent: Vec::new(),
            ids: BTreeMap::new(),
            archive: Archive::default(),
            sessions: BTreeMap::new(),
        };
        world.core.keep_leaving();
        world.step(&Input::Found(partition, partitions));
        world.step(&Input::CutOver("2026-11-22".parse().unwrap()));
        let participants = ["A", "C", "B", "D"].map(participant).to_vec();
        world.step(&Input::Configure(participants, routes()));
        for name in ["A", "C", "B", "D"] {
            world.line(&format!("link up {name}"));
        }
        world
    }

    pub(super) fn at(&self) -> UnixMillis {
        UnixMillis::new(self.now).unwrap()
    }

    /// One input, with every invariant checked after it.
    pub(super) fn step(&mut self, input: &Input) -> Vec<String> {
        let mut out = Output::default();
        self.core.step(self.at(), input, &self.view, &mut out);
        let sessions = &self.sessions;
        let watch = self.watch.as_mut();
        let checked = watch.map(|watch| watch.after_step(&self.core, &out, |session| sessions[&session]));
        if let Some(Err(violation)) = checked {
            panic!("{violation}\nat: {input:?}\nfacts: {:?}", out.facts);
        }
        self.archive.take(&mut self.core);
        self.journal.extend(out.facts.iter().cloned());
        self.frames.resize(self.journal.len(), (self.core.epoch(), self.at()));
        let said = out.effects.iter().map(|effect| render::effect(self, effect)).collect();
        self.sent.append(&mut out.effects);
        said
    }

    pub(super) fn owner(&self, session: SessionId) -> ParticipantNumber {
        self.sessions[&session]
    }

    /// The short number that a script uses for an id.
    pub(super) fn short(&self, who: ParticipantNumber, id: RequestId) -> u32 {
        let found = self.ids.iter().find(|((owner, _), other)| *owner == who && **other == id);
        found.expect("scripts name every id").0.1
    }

    /// The id of a short number: made when it is first used.
    pub(super) fn id(&mut self, who: ParticipantNumber, short: u32) -> RequestId {
        let created = self.at();
        *self
            .ids
            .entry((who, short))
            .or_insert_with(|| RequestId::new(created, u128::from(short) << 16 | u128::from(who.get())))
    }

    fn live(&self, text: &str) -> (ParticipantNumber, Instance, Option<SessionId>) {
        let (text, instance) = text.split_once('#').unwrap_or((text, "0"));
        let (participant, instance) = (number(text), Instance(instance.parse().unwrap()));
        let links = self.view.links.get(&participant).into_iter().flatten();
        (
            participant,
            instance,
            links.filter(|link| link.instance == instance).map(|link| link.session).next(),
        )
    }

    /// `A` or `A#1` for its instance 1: over its link, or over one that is not there any more.
    pub(super) fn from(&mut self, text: &str) -> From {
        let (participant, instance, live) = self.live(text);
        let session = live.unwrap_or_else(|| {
            let session = SessionId(self.sessions.len() as u64 + 1);
            self.sessions.insert(session, participant);
            session
        });
        From { participant, instance, session }
    }

    pub(super) fn line(&mut self, line: &str) -> Vec<String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[0] {
            "authorize" => {
                let m = self.authorize(&words);
                let from = self.from(words[1]);
                self.step(&Input::Authorize(from, m))
            }
            "answer" => {
                let m = self.answer(&words);
                let from = self.from(words[1]);
                self.step(&Input::Answer(from, m))
            }
            "acknowledge" => {
                let key = self.key(words[2]);
                let delivery = DeliveryNumber(words[3].parse().unwrap());
                let m = Acknowledge { original: key.id, originator: key.originator, delivery };
                let from = self.from(words[1]);
                self.step(&Input::Acknowledge(from, m))
            }
            "capture" | "release" | "reverse" | "refund" => self.follow_up(&words),
            "inquire" => {
                let from = self.from(words[1]);
                let (key, named) = match words[2].split_once('/') {
                    Some(_) => (self.key(words[2]), true),
                    None => (self.key(&format!("{}/{}", words[1], words[2])), false),
                };
                let originator = named.then_some(key.originator);
                self.step(&Input::Inquire(from, Inquiry { id: key.id, originator, correlation: 5 }))
            }
            "recalled" => {
                let key = self.key(words[1]);
                let recalled = self.archive.say(key, words[2]);
                self.step(&Input::Recalled(key, recalled))
            }
            "wait" => self.wait(words[1].parse().unwrap()),
            "link" => self.link(words[1], words[2], &words[3..]),
            "window" => {
                let links = self.view.links.get_mut(&number(words[1])).unwrap();
                links[0].window = words[2].parse().unwrap();
                Vec::new()
            }
            "status" => self.step(&Input::SetStatus(
                number(words[1]),
                match words[2] {
                    "active" => ParticipantStatus::Active,
                    "draining" => ParticipantStatus::Draining,
                    "suspended" => ParticipantStatus::Suspended,
                    other => panic!("{other}"),
                },
            )),
            "configure" => self.configure(&words),
            "cutover" => self.step(&Input::CutOver(words[1].parse().unwrap())),
            "restart" => self.restart(),
            "undelivered" => render::undelivered(self),
            "show" => vec![render::position(self, words[1])],
            "facts" => {
                let facts = self.journal.iter().rev().take(words[1].parse().unwrap());
                facts.map(render::fact).collect::<Vec<_>>().into_iter().rev().collect()
            }
            "journal" => {
                self.view.journal_full = words[1] == "full";
                self.view.journal_behind = words[1] == "behind";
                Vec::new()
            }
            "started" => {
                self.view.just_started = words[1] == "just";
                Vec::new()
            }
            other => panic!("no such line: {other}"),
        }
    }

    /// `A/10`.
    pub(super) fn key(&mut self, text: &str) -> TransactionKey {
        let (who, short) = text.split_once('/').expect("a transaction like A/10");
        let originator = number(who);
        TransactionKey { originator, id: self.id(originator, short.parse().unwrap()) }
    }

    /// Time passes; each deadline on the way is met with a tick at its millisecond.
    pub(super) fn wait(&mut self, millis: u64) -> Vec<String> {
        let until = self.now + millis;
        let mut left = Vec::new();
        while let Some(next) = self.core.next_deadline().map(UnixMillis::get).filter(|next| *next <= until) {
            self.now = self.now.max(next);
            left.extend(self.step(&Input::Tick));
        }
        self.now = until;
        left
    }

    /// `up` with options `shared`, `draining`, `window=N`, or `lost`.
    fn link(&mut self, what: &str, who: &str, options: &[&str]) -> Vec<String> {
        let from = self.from(who);
        let links = self.view.links.entry(from.participant).or_default();
        if what == "lost" {
            links.retain(|link| link.session != from.session);
            return self.step(&Input::LinkLost(from));
        }
        let session = from.session;
        let window = options.iter().find_map(|option| option.strip_prefix("window="));
        links.push(LiveSession {
            session,
            instance: from.instance,
            receives: true,
            shared_deduplication: options.contains(&"shared"),
            draining: options.contains(&"draining"),
            window: window.map_or(1_000, |number| number.parse().unwrap()),
        });
        self.step(&Input::LinkUp(From { session, ..from }))
    }

    pub(super) fn is_up(&self, who: &str) -> bool {
        self.live(who).2.is_some()
    }

    /// Everything heals: all links come, destinations acknowledge whatever they are sent. Then everything finishes.
    pub(super) fn finish(&mut self) {
        for who in ["A", "C", "B", "B#1", "D"] {
            if !self.is_up(who) {
                self.link("up", who, &[]);
            }
        }
        for _ in 0..200 {
            self.wait(20_000);
            for effect in std::mem::take(&mut self.sent) {
                if let Effect::Deliver { to, delivery } = effect {
                    self.acknowledge(to, &delivery);
                }
            }
            if self.core.open() == 0 {
                break;
            }
        }
        assert_eq!(self.core.open(), 0, "I5: every hold ends and each ending reaches its destination");
        for (record, _, positions) in self.core.participants() {
            assert!(positions.iter().all(|p| p.held == Total::ZERO), "I3: {} holds nothing", record.name);
        }
        assert!(self.core.open_days().count() <= 1, "rule 27: each day before the present one is closed");
    }

    fn acknowledge(&mut self, to: SessionId, delivery: &effect::Delivery) {
        let links = self.view.links.values().flatten();
        let Some(instance) = links.filter(|link| link.session == to).map(|link| link.instance).next() else {
            return;
        };
        let originator = match delivery {
            effect::Delivery::Capture(m) => m.originator,
            effect::Delivery::Release(m) => m.originator,
            effect::Delivery::Reverse(m) => m.originator,
        };
        let m = Acknowledge {
            original: delivery.original(),
            originator: originator.expect("a delivery names its originator"),
            delivery: delivery.number(),
        };
        let from = From { participant: self.owner(to), instance, session: to };
        self.step(&Input::Acknowledge(from, m));
    }
}
