//! The screen of a made-up run, drawn into memory.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use holdfast_protocol::Reason;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::Color;

use super::*;
use crate::accounting::{Ending, Fault};
use crate::measure::bins::Distribution;
use crate::steering::Steering;

fn setting() -> Setting {
    Setting {
        command: "run",
        switch: "127.0.0.1:7400".parse().unwrap(),
        admin: None,
        seed: 7,
        warmup: Duration::from_secs(1),
        duration: Duration::from_secs(9),
        rate: RateBy::Keys(5_000.0),
        hiccup_us: Arc::new(AtomicU64::new(900)),
        player: crate::machine::this_thread(),
    }
}

fn gauges() -> Gauges {
    Gauges { ran_share: 0.41, waited_share: 0.02, hiccup_us: 900, udp_drops: 3, syncs_per_s: Some(812.0) }
}

/// Five seconds of a run, the fourth of them slow.
fn view(palette: Palette, setting: Setting) -> View {
    let mut view = View::new(setting, palette);
    for tenth in 1..=50 {
        let mut snapshot = Snapshot {
            at_ns: tenth * 100_000_000,
            length_ns: 100_000_000,
            phase: if tenth <= 10 { Phase::WarmUp } else { Phase::Measuring },
            offered: 500,
            completed: 490,
            in_flight: 12,
            ..Snapshot::default()
        };
        let slow = if (31..=40).contains(&tenth) { 100 } else { 1 };
        snapshot.responses = Distribution::of((1..=490).map(|n| 400 + n * slow));
        snapshot.lag = Distribution::of((1..=490).map(|n| n / 4));
        let count = |times: u64, ending: Ending, snapshot: &mut Snapshot| {
            (0..times).for_each(|_| snapshot.total.end(ending));
        };
        count(tenth * 400, Ending::Approved, &mut snapshot);
        count(tenth * 50, Ending::Declined(Reason::InsufficientFunds), &mut snapshot);
        count(tenth, Ending::NotDone(Reason::Busy), &mut snapshot);
        count(2, Ending::Error(Fault::AnswersDisagree), &mut snapshot);
        view.take(snapshot);
    }
    view.take_gauges(gauges());
    view
}

fn drawn(view: &View, width: u16, height: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(view, frame)).unwrap();
    terminal.backend().buffer().clone()
}

fn text(buffer: &Buffer) -> String {
    let line = |y| (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
    (0..buffer.area.height).map(|y| line(y) + "\n").collect()
}

const EVERYWHERE: [&str; 17] = [
    "loadgen run  seed 7  127.0.0.1:7400",
    "measuring 5.0 of 10 s",
    "rate 5,000/s",
    "offered        5,000/s",
    "achieved       4,900/s",
    "response p50",
    "response p99",
    "0.89 ms",
    "approved 20,000   in flight 12",
    "2,500 declined InsufficientFunds",
    "50 not done Busy",
    "2 ERROR two answers to one id",
    "own lag p99",
    "ran    41 %, waited 2 %",
    "longest hiccup    0.90 ms",
    "datagrams dropped 3",
    "journal syncs     812/s",
];

#[test]
fn everything_has_its_place_on_eighty_by_twenty_four_and_on_more() {
    for (width, height) in [(80, 24), (120, 40), (250, 70)] {
        let text = text(&drawn(&view(Palette::Colours, setting()), width, height));
        for words in EVERYWHERE {
            assert!(text.contains(words), "{words} is not on {width} by {height}:\n{text}");
        }
        assert!(text.contains("+ - rate by 10 %   p pause   q end"), "{text}");
    }
}

#[test]
fn the_heat_map_shows_when_it_was_slow() {
    let buffer = drawn(&view(Palette::Colours, setting()), 120, 40);
    let is_heat = |symbol: &str| ["░", "▒", "▓"].contains(&symbol) || symbol == "█";
    let (top, bottom) = (7, 27);
    // Fifty slices stand in fifty columns behind the labels; the highest row is reached in the fourth second only.
    let reached: Vec<u16> =
        (10..60).filter(|x| is_heat(buffer[(*x, top + 1)].symbol())).map(|x| x - 10).collect();
    assert_eq!(reached, (30..40).collect::<Vec<u16>>(), "{}", text(&buffer));
    assert!((10..60).all(|x| (top..bottom).any(|y| is_heat(buffer[(x, y)].symbol()))));
}

#[test]
fn without_colours_there_are_none() {
    for (width, height) in [(80, 24), (120, 40)] {
        let plain = drawn(&view(Palette::Plain, setting()), width, height);
        assert!(plain.content.iter().all(|cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset)));
        let coloured = drawn(&view(Palette::Colours, setting()), width, height);
        assert!(coloured.content.iter().any(|cell| cell.fg != Color::Reset));
        assert_eq!(text(&plain), text(&coloured), "the words are the same");
    }
    let of = |value: Option<&str>| Palette::of(value.map(AsRef::as_ref));
    assert_eq!([None, Some(""), Some("1")].map(of), [Palette::Colours, Palette::Colours, Palette::Plain]);
}

#[test]
fn what_was_changed_by_hand_stands_there() {
    let mut view = view(Palette::Plain, setting());
    let steering = Steering { factor: 1.1, paused: true };
    view.take(Snapshot { at_ns: 5_100_000_000, phase: Phase::Measuring, steering, ..Snapshot::default() });
    let text = text(&drawn(&view, 80, 24));
    for words in ["rate 5,500/s BY HAND", "PAUSED 5.1 of 10 s", "p go on"] {
        assert!(text.contains(words), "{words}:\n{text}");
    }
}

#[test]
fn where_the_rate_is_not_the_users_the_keys_say_so() {
    for (rate, words) in [
        (RateBy::Shape(5_000.0), ["the shape sets the rate", "rate 5,000/s"]),
        (RateBy::Trace, ["the trace sets the rate", "rate of the trace"]),
        (RateBy::Switch, ["the switch sets the rate", "rate as the switch can"]),
    ] {
        let text = text(&drawn(&view(Palette::Plain, Setting { rate, ..setting() }), 80, 24));
        assert!(words.iter().all(|words| text.contains(words)), "{text}");
    }
}

#[test]
fn a_part_of_something_says_of_what_and_no_key_changes_it() {
    for (command, errand, help) in [
        ("capacity", "trial 5 at 4,000/s; so far 2,000/s passes, nothing fails", "q end the search"),
        ("sweep", "run 3 of 24 at 4,000/s", "q end the sweep"),
        ("drill", "2 of 5 faults; next: kill switch at 15.1 s", "q end the drill"),
    ] {
        let setting = Setting { command, rate: RateBy::Command(4_000.0), ..setting() };
        let mut view = view(Palette::Plain, setting);
        let errand = errand.to_owned();
        view.take(Snapshot { at_ns: 5_100_000_000, errand: errand.clone(), ..Snapshot::default() });
        for (width, height) in [(80, 20), (120, 40)] {
            let text = text(&drawn(&view, width, height));
            for words in [errand.as_str(), help, "rate 4,000/s"] {
                assert!(text.contains(words), "{words} is not on {width} by {height}:\n{text}");
            }
            assert!(!text.contains("+ -") && !text.contains("pause"), "{text}");
        }
    }
}

#[test]
fn a_small_screen_a_young_run_and_many_reasons_break_nothing() {
    let many = view(Palette::Colours, setting());
    for (width, height) in [(1, 1), (20, 5), (59, 24), (60, 20), (80, 24), (300, 100)] {
        drawn(&many, width, height);
        drawn(&View::new(setting(), Palette::Colours), width, height);
    }
    let mut snapshot = Snapshot::default();
    Reason::ALL.iter().for_each(|reason| snapshot.total.end(Ending::Declined(*reason)));
    let mut view = View::new(setting(), Palette::Plain);
    view.take(snapshot);
    let text = text(&drawn(&view, 80, 24));
    assert!(text.contains("more reasons"), "{text}");
}

#[test]
fn keys_ask_for_what_the_help_says() {
    let press = |code, modifiers| order_of(KeyEvent::new(code, modifiers));
    let plain = |key| press(KeyCode::Char(key), KeyModifiers::NONE);
    assert_eq!(
        ['+', '-', 'p', 'q'].map(plain),
        [Order::Faster, Order::Slower, Order::Pause, Order::Quit].map(Some)
    );
    assert_eq!(press(KeyCode::Char('c'), KeyModifiers::CONTROL), Some(Order::Quit));
    assert_eq!(press(KeyCode::Char('c'), KeyModifiers::NONE), None);
    assert_eq!(press(KeyCode::Char('p'), KeyModifiers::CONTROL), None);
    assert_eq!(press(KeyCode::Enter, KeyModifiers::NONE), None);
}
