//! The lines of a script that stand for messages.

use holdfast_protocol::*;

use super::world::{World, amount, euro, number, participant, routes};
use crate::registry::CurrencyLimits;
use crate::*;

impl World {
    /// `authorize A 10 m@B 50.00 [reserve|verify] [partial] [many] [hold=MS] [budget=MS] [expires=MS] [level=N] [web]`
    pub(super) fn authorize(&mut self, words: &[&str]) -> Authorize {
        let id = self.id(number(words[1].split('#').next().unwrap()), words[2].parse().unwrap());
        let value = |name: &str| {
            let found = words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            found.map(|number| number.parse::<u64>().unwrap())
        };
        let has = |name: &str| words.contains(&name);
        let kind = match (has("reserve"), has("verify")) {
            (true, _) => Kind::Reserve,
            (_, true) => Kind::Verify,
            _ => Kind::Pay,
        };
        let hold = id.created().plus(value("hold").unwrap_or(600_000));
        Authorize {
            id,
            originator: None,
            kind,
            payment_id: words[3].parse().unwrap(),
            instrument: InstrumentReference::new(if has("card2") { b"card2" } else { b"card1" }).unwrap(),
            amount: amount(words[4]),
            currency: if has("JPY") { Currency::from_code("JPY").unwrap() } else { euro() },
            security_level: if value("level") == Some(3) { SecurityLevel::Three } else { SecurityLevel::Two },
            channel: if has("web") { Channel::Web } else { Channel::Sms },
            expires: id.created().plus(value("expires").unwrap_or(30_000)),
            hold_until: if kind == Kind::Pay { UnixMillis::default() } else { hold },
            budget_ms: u32::try_from(value("budget").unwrap_or(5_000)).unwrap(),
            partial_allowed: has("partial"),
            captures_many: has("many"),
            repeat: has("repeat"),
            attempt: 1,
            settlement_date: None,
            extensions: if has("extended") {
                Extensions::from_wire(&[1, 0, 1, 0, 7]).unwrap()
            } else {
                Extensions::NONE
            },
        }
    }

    /// `answer B A/10 approved [AMOUNT]`, `declined REASON`, `refused REASON`
    pub(super) fn answer(&mut self, words: &[&str]) -> Answer {
        let key = self.key(words[2]);
        let asked = self.core.transaction(key).map_or(Amount::ZERO, |t| t.held_for);
        let reason = |at: usize| {
            let reason = Reason::ALL.iter().find(|reason| Some(&reason.name()) == words.get(at));
            *reason.expect("a reason")
        };
        let (outcome, reason) = match words[3] {
            "approved" => (Outcome::Approved, Reason::None),
            "declined" => (Outcome::Declined, reason(4)),
            "refused" => (Outcome::Refused, reason(4)),
            other => panic!("{other}"),
        };
        let given = words.get(4).filter(|_| outcome == Outcome::Approved).map(|text| amount(text));
        Answer {
            id: key.id,
            originator: Some(key.originator),
            outcome,
            state: State::None,
            reason,
            decided_by: DecidedBy::Destination,
            amount: given.unwrap_or(if outcome == Outcome::Approved { asked } else { Amount::ZERO }),
            approval_code: ApprovalCode::new(*b"A1B2C3").unwrap(),
            settlement_date: None,
            partition: Partition(0),
            epoch: Epoch(0),
            sequence: Sequence(0),
            retry_after_ms: 0,
            extensions: Extensions::NONE,
        }
    }

    /// `capture A 11 of 10 30.00 [last]`, `release A 12 of 10`, `reverse A 13 of 10 [to=m@B]`
    pub(super) fn follow_up(&mut self, words: &[&str]) -> Vec<String> {
        if words[0] == "refund" {
            return self.refund(words);
        }
        let from = self.from(words[1]);
        let id = self.id(from.participant, words[2].parse().unwrap());
        let original = self.id(from.participant, words[4].parse().unwrap());
        let expires = id.created().plus(30_000);
        let payment_id = words.iter().find_map(|word| word.strip_prefix("to=")).unwrap_or("m@B");
        let input = match words[0] {
            "capture" => Input::Capture(
                from,
                Capture {
                    id,
                    original,
                    originator: None,
                    amount: amount(words[5]),
                    currency: euro(),
                    last: words.contains(&"last"),
                    expires,
                    delivery: None,
                    repeat: false,
                    attempt: 1,
                    settlement_date: None,
                    extensions: Extensions::NONE,
                },
            ),
            "release" => Input::Release(
                from,
                Release {
                    id,
                    original,
                    originator: None,
                    expires,
                    delivery: None,
                    expired: false,
                    repeat: false,
                    attempt: 1,
                    extensions: Extensions::NONE,
                },
            ),
            _ => Input::Reverse(
                from,
                Reverse {
                    id,
                    original,
                    originator: None,
                    payment_id: payment_id.parse().unwrap(),
                    reason: 0,
                    expires,
                    delivery: None,
                    repeat: false,
                    attempt: 1,
                    settlement_date: None,
                    extensions: Extensions::NONE,
                },
            ),
        };
        self.step(&input)
    }

    /// `refund A 20 of 10 30.00 [budget=MS] [expires=MS] [JPY] [extended]`
    fn refund(&mut self, words: &[&str]) -> Vec<String> {
        let from = self.from(words[1]);
        let id = self.id(from.participant, words[2].parse().unwrap());
        let original = self.id(from.participant, words[4].parse().unwrap());
        let value = |name: &str| {
            let found = words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            found.map(|number| number.parse::<u64>().unwrap())
        };
        let request = Refund {
            id,
            original,
            originator: None,
            amount: amount(words[5]),
            currency: if words.contains(&"JPY") { Currency::from_code("JPY").unwrap() } else { euro() },
            expires: id.created().plus(value("expires").unwrap_or(30_000)),
            budget_ms: u32::try_from(value("budget").unwrap_or(5_000)).unwrap(),
            repeat: false,
            attempt: 1,
            settlement_date: None,
            extensions: if words.contains(&"extended") {
                Extensions::from_wire(&[1, 0, 1, 0, 7]).unwrap()
            } else {
                Extensions::NONE
            },
        };
        self.step(&Input::Refund(from, request))
    }

    /// `configure A cap=200.00 [amount=.. daily=.. count=N]`, `configure without D`, or `configure yen`: everybody agrees to
    /// yen too, and A may spend 10.00 euros and 500 yen a day
    pub(super) fn configure(&mut self, words: &[&str]) -> Vec<String> {
        let mut all = ["A", "C", "B", "D"].map(participant).to_vec();
        if words[1] == "yen" {
            let yen = Currency::from_code("JPY").unwrap();
            for record in &mut all {
                record.caps.push((yen, Total::from_minor(100_000)));
            }
            let [euros, yens] = [1_000, 500].map(|minor| {
                let amount = Amount::from_minor(minor);
                CurrencyLimits { amount, daily_amount: amount.map(Total::from), daily_count: Some(9) }
            });
            all[0].limits[0].1.currencies = vec![(yen, yens), (euro(), euros)];
        } else if words[1] == "without" {
            all.retain(|record| record.name != words[2]);
        } else {
            let record = all.iter_mut().find(|record| record.name == words[1]).unwrap();
            for word in &words[2..] {
                let (name, value) = word.split_once('=').unwrap();
                let limits = &mut record.limits[0].1.currencies;
                if limits.is_empty() {
                    limits.push((euro(), CurrencyLimits::NONE));
                }
                let limits = &mut limits[0].1;
                match name {
                    "cap" => record.caps[0].1 = Total::from(amount(value)),
                    "amount" => limits.amount = Some(amount(value)),
                    "daily" => limits.daily_amount = Some(Total::from(amount(value))),
                    "count" => limits.daily_count = Some(value.parse().unwrap()),
                    other => panic!("{other}"),
                }
            }
        }
        self.step(&Input::Configure(all, routes()))
    }
}
