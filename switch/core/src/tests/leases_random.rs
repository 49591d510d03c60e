//! Several partitions with messages lost, repeated, reordered and undone by a crash, in any order.

use proptest::prelude::*;

use super::leases::Several;
use super::world::number;

#[derive(Clone, Debug)]
enum Happening {
    Line(usize, String),
    All(String),
    Deliver(usize),
    Twice(usize),
    Lost(usize),
    InVain(usize),
    Restart(usize),
}

fn happening() -> impl Strategy<Value = Happening> {
    let sum = prop::sample::select(vec!["1.00", "90.00", "400.00", "1100.00"]);
    let payee = prop::sample::select(vec!["m@B", "m@D", "m@C"]);
    let kind = prop::sample::select(vec!["", "reserve"]);
    // A and C have other homes with two and with three partitions; nobody says it here.
    let home = |who: &str, of: u16| usize::from(number(who).home(of).0);
    let authorize = (prop::sample::select(vec!["A", "C"]), 1..40_u32, payee, sum, kind);
    let answer = prop::sample::select(vec!["approved", "declined DoNotHonour"]);
    let answer =
        (prop::sample::select(vec!["A", "C"]), 1..40_u32, prop::sample::select(vec!["B", "D"]), answer);
    let cap = prop::sample::select(vec!["10.00", "500.00", "1000.00", "2000.00"]);
    prop_oneof![
        6 => authorize.prop_map(move |(who, id, payee, sum, kind)| {
            Happening::Line(home(who, OF), format!("authorize {who} {id} {payee} {sum} {kind}"))
        }),
        4 => answer.prop_map(move |(of, id, who, what)| {
            Happening::Line(home(of, OF), format!("answer {who} {of}/{id} {what}"))
        }),
        1 => (prop::sample::select(vec!["A", "B"]), cap).prop_map(|(who, cap)| Happening::All(format!("configure {who} cap={cap}"))),
        2 => prop::sample::select(vec!["wait 200", "wait 1001", "wait 5001"]).prop_map(|line| Happening::All(line.to_owned())),
        8 => (0..4_usize).prop_map(Happening::Deliver),
        1 => (0..4_usize).prop_map(Happening::Twice),
        1 => (0..4_usize).prop_map(Happening::Lost),
        1 => (0..4_usize).prop_map(Happening::InVain),
        1 => (0..usize::from(OF)).prop_map(Happening::Restart),
    ]
}

const OF: u16 = 3;

proptest! {
    #[test]
    fn leases_never_sum_to_more_than_the_cap_and_nothing_of_it_is_lost(
        happenings in prop::collection::vec(happening(), 1..80),
    ) {
        let mut several = Several::new(OF);
        for happening in happenings {
            match happening {
                Happening::Line(partition, line) => {
                    several.line(partition, &line);
                }
                Happening::All(line) => several.all(&line),
                Happening::Deliver(place) => several.deliver(place),
                Happening::Twice(place) => {
                    several.mail.extend(several.mail.get(place).copied());
                    several.deliver(place);
                }
                Happening::Lost(place) => {
                    several.mail.remove(place);
                }
                Happening::InVain(place) => several.deliver_in_vain(place),
                Happening::Restart(partition) => several.restart(partition),
            }
        }
        // Nothing is lost any more: all room there is can be had in one place.
        several.deliver_all();
        several.all("wait 5001");
        several.deliver_all();
        let home = usize::from(number("A").home(OF).0);
        let room = several.room("B", home);
        if room > 0 {
            let line = format!("authorize A 50 m@B {}.{:02} reserve", room / 100, room % 100);
            let answers: Vec<String> = (0..4).map(|_| {
                let answer = several.line(home, &line);
                several.deliver_all();
                answer
            }).collect();
            prop_assert!(answers.iter().any(|answer| answer.starts_with("B authorize A/50")), "{room}: {answers:?}");
        }
    }
}
