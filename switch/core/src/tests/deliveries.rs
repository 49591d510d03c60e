use holdfast_protocol::Instance;

use super::world::{World, check, check_with, settings};
use crate::Settings;
use crate::overview::{Overdue, WaitsFor};

#[test]
fn a_delivery_is_sent_until_it_is_acknowledged() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        reverse A 11 of 10
        wait 749                 -> nothing
        wait 502                 -> B reverse A/10 #1 again
        wait 1499                -> nothing
        wait 1001                -> B reverse A/10 #1 again
        acknowledge D A/10 1     -> nothing
        acknowledge B A/10 2     -> nothing
        acknowledge B A/10 1     -> B complete A/10
        acknowledge B A/10 1     -> B complete A/10
        wait 60000               -> nothing
        ",
    );
}

#[test]
fn a_stuck_destination_blocks_no_other_and_its_window_bounds_what_is_on_the_way() {
    check_with(
        Settings { delivery_window: 2, ..settings() },
        "
        authorize A 10 m@B 50.00
        authorize A 11 m@B 50.00
        authorize A 12 m@B 50.00
        authorize A 13 m@D 50.00
        reverse A 20 of 10 -> A 20 approved 50.00 Reversed, A 10 declined ReversedByOriginator Reversed, B reverse A/10 #1
        reverse A 21 of 11 -> A 21 approved 50.00 Reversed, A 11 declined ReversedByOriginator Reversed, B reverse A/11 #1
        reverse A 22 of 12 -> A 22 approved 50.00 Reversed, A 12 declined ReversedByOriginator Reversed
        reverse A 23 of 13 -> A 23 approved 50.00 Reversed, A 13 declined ReversedByOriginator Reversed, D reverse A/13 #1
        acknowledge B A/12 1 -> nothing
        acknowledge B A/10 1 -> B complete A/10, B reverse A/12 #1
        ",
    );
}

#[test]
fn without_shared_deduplication_only_the_same_instance_is_told() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        link up B#1              -> nothing
        answer B#1 A/10 approved -> nothing
        link lost B              -> nothing
        reverse A 11 of 10       -> A 11 approved 50.00 Reversed, A 10 declined ReversedByOriginator Reversed
        acknowledge B#1 A/10 1   -> nothing
        wait 100000              -> nothing
        link up B                -> B reverse A/10 #1
        acknowledge B#1 A/10 1   -> nothing
        acknowledge B A/10 1     -> B complete A/10
        ",
    );
}

#[test]
fn with_shared_deduplication_any_instance_takes_over() {
    check(
        "
        link lost B
        link up B shared
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        link up B#1 shared       -> nothing
        link lost B              -> B authorize A/10 50.00 again
        answer B#1 A/10 approved -> A 10 approved 50.00 Captured
        reverse A 11 of 10       -> A 11 approved 50.00 Reversed, B reverse A/10 #1
        acknowledge B#1 A/10 1   -> B complete A/10
        ",
    );
}

#[test]
fn a_lost_link_leaves_a_payment_pending_until_its_deadline() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        authorize A 11 m@B 50.00 budget=900 -> B authorize A/11 50.00
        link lost B              -> nothing
        wait 1000                -> A 11 declined DestinationTimedOut TimedOut
        link up B                -> B authorize A/10 50.00 again, B reverse A/11 #1
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        ",
    );
}

#[test]
fn new_work_stops_before_the_queue_of_a_destination_is_full() {
    check_with(
        Settings { undelivered_for_destination_max: 5, ..settings() },
        "
        authorize A 10 m@B 1.00 -> B authorize A/10 1.00
        authorize A 11 m@B 1.00 -> B authorize A/11 1.00
        authorize A 12 m@B 1.00 -> B authorize A/12 1.00
        authorize A 13 m@B 1.00 -> B authorize A/13 1.00
        authorize A 14 m@B 1.00 -> A 14 refused DeliveryQueueFull
        authorize A 15 m@D 1.00 -> D authorize A/15 1.00
        reverse A 20 of 10
        reverse A 21 of 11
        reverse A 22 of 12
        answer B A/13 approved  -> A 13 approved 1.00 Captured
        reverse A 23 of 13      -> A 23 approved 1.00 Reversed, B reverse A/13 #1
        authorize A 14 m@B 1.00 -> A 14 refused DeliveryQueueFull
        reverse A 25 of 24 to=m@B -> A 25 approved 0.00 Reversed, B reverse A/24 #1
        reverse A 27 of 26 to=m@B -> A 27 refused DeliveryQueueFull
        acknowledge B A/24 1    -> B complete A/24
        reverse A 27 of 26 to=m@B -> A 27 approved 0.00 Reversed, B reverse A/26 #1
        ",
    );
}

#[test]
fn the_window_of_a_destination_bounds_what_it_has_unanswered() {
    check(
        "
        window B 1
        authorize A 10 m@B 1.00 -> B authorize A/10 1.00
        authorize A 11 m@B 1.00 -> A 11 refused Busy
        answer B A/10 approved  -> A 10 approved 1.00 Captured
        authorize A 11 m@B 1.00 -> B authorize A/11 1.00
        ",
    );
}

#[test]
fn what_is_undelivered_is_summed_for_each_destination_and_ages_from_the_fact_on() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        authorize A 11 m@D 20.00 reserve many -> D authorize A/11 20.00
        answer D A/11 approved   -> A 11 approved 20.00 Held
        capture A 12 of 11 5.00  -> A 12 approved 5.00 Held, D capture 5.00 A/11 #1
        wait 100
        reverse A 13 of 10
        wait 100
        capture A 14 of 11 5.00  -> A 14 approved 5.00 Held
        undelivered              -> B 1 on_their_way=1 age=100 in doubt 50.00, D 2 on_their_way=1 age=200
        restart
        undelivered              -> B 1 on_their_way=0 age=100 in doubt 50.00, D 2 on_their_way=0 age=200
        link up A
        link up D
        wait 50
        acknowledge D A/11 1
        undelivered              -> B 1 on_their_way=0 age=150 in doubt 50.00, D 1 on_their_way=1 age=0
        restart
        wait 50
        undelivered              -> B 1 on_their_way=0 age=200 in doubt 50.00, D 1 on_their_way=0 age=50
        link up B
        acknowledge B A/10 1     -> B complete A/10
        undelivered              -> D 1 on_their_way=0 age=50
        ",
    );
}

#[test]
fn repeats_of_forwards_keep_the_window_of_the_link_that_comes() {
    check(
        "
        authorize A 10 m@B 1.00  -> B authorize A/10 1.00
        authorize A 11 m@B 2.00  -> B authorize A/11 2.00
        authorize A 12 m@B 3.00 budget=900 -> B authorize A/12 3.00
        authorize A 13 m@B 4.00  -> B authorize A/13 4.00
        link lost B              -> nothing
        wait 1000                -> A 12 declined DestinationTimedOut TimedOut
        link up B window=1       -> B authorize A/10 1.00 again, B reverse A/12 #1
        authorize A 14 m@B 5.00  -> A 14 refused Busy
        answer B A/10 approved   -> A 10 approved 1.00 Captured, B authorize A/11 2.00 again
        reverse A 20 of 11       -> A 20 approved 2.00 Reversed, A 11 declined ReversedByOriginator Reversed, B authorize A/13 4.00 again, B reverse A/11 #1
        answer B A/13 declined DoNotHonour -> A 13 declined DoNotHonour Declined
        authorize A 14 m@B 5.00  -> B authorize A/14 5.00
        ",
    );
}

#[test]
fn a_link_that_drains_gets_no_repeats_of_forwards() {
    check(
        "
        authorize A 10 m@B 1.00  -> B authorize A/10 1.00
        link lost B              -> nothing
        link up B draining       -> nothing
        link up B#1 shared       -> B authorize A/10 1.00 again
        ",
    );
}

/// What is lost with a link that cannot take it would otherwise leave again at once, for ever. Found by seed 5047 of the
/// simulator.
#[test]
fn what_waited_for_a_link_does_not_overrun_the_link_that_comes() {
    let mut world = World::new(settings());
    world.watch = None;
    for n in 1..=200 {
        world.line(&format!("authorize A {n} m@B 0.01"));
        world.line(&format!("reverse A {} of {n}", 10_000 + n));
    }
    let reversals = |said: Vec<String>| said.iter().filter(|line| line.contains("reverse")).count();
    for _ in 0..3 {
        world.line("link lost B");
        assert_eq!(reversals(world.line("link up B")), 16);
        assert_eq!(reversals(world.wait(0)), 0, "before it acknowledges any it gets no more");
    }
    let (oldest, _) = world.core.overdue(&world.view, None, 200);
    let sent = |one: &&Overdue| matches!(one.waits_for, WaitsFor::Acknowledgement(_));
    let sent: Vec<_> =
        oldest.iter().filter(sent).map(|one| world.short(one.key.originator, one.key.id)).collect();
    for (n, acknowledged) in sent.iter().zip(1..) {
        let said = world.line(&format!("acknowledge B A/{n} 1"));
        assert_eq!(reversals(said), 2, "acknowledgement {acknowledged} makes room for one and one more");
    }
    assert_eq!(world.core.undelivered()[0].on_their_way, 32);
}

#[test]
fn a_contradiction_that_there_is_no_room_for_ends_the_link_before_it_is_taken_for_decided() {
    check_with(
        Settings { open_max: 2, ..settings() },
        "
        authorize A 10 m@B 1.00  -> B authorize A/10 1.00
        answer B A/10 declined DoNotHonour -> A 10 declined DoNotHonour Declined
        authorize A 11 m@B 1.00  -> B authorize A/11 1.00
        authorize A 12 m@D 1.00  -> D authorize A/12 1.00
        authorize A 13 m@D 1.00  -> A 13 refused Busy
        answer B A/10 approved 1.00 -> B closed Flooding
        answer B A/11 approved   -> A 11 approved 1.00 Captured
        answer B A/10 approved 1.00 -> B reverse A/10 #1
        answer B A/10 approved 1.00 -> nothing
        reverse A 14 of 11       -> A 14 refused DeliveryQueueFull
        reverse A 15 of 99       -> A 15 refused DeliveryQueueFull
        acknowledge B A/10 1     -> B complete A/10
        reverse A 14 of 11       -> A 14 approved 1.00 Reversed, B reverse A/11 #1
        ",
    );
}

#[test]
fn an_instance_that_acknowledges_nothing_holds_up_no_other() {
    check_with(
        Settings { delivery_window: 2, ..settings() },
        "
        authorize A 10 m@B 1.00 -> B authorize A/10 1.00
        authorize A 11 m@B 1.00 -> B authorize A/11 1.00
        authorize A 12 m@B 1.00 -> B authorize A/12 1.00
        link up B#1             -> nothing
        authorize A 13 m@B 1.00 -> B authorize A/13 1.00
        reverse A 20 of 10
        reverse A 21 of 11
        reverse A 22 of 12      -> A 22 approved 1.00 Reversed, A 12 declined ReversedByOriginator Reversed
        reverse A 23 of 13      -> A 23 approved 1.00 Reversed, A 13 declined ReversedByOriginator Reversed, B reverse A/13 #1
        undelivered             -> B 4 on_their_way=3 age=0 in doubt 4.00
        acknowledge B#1 A/13 1  -> B complete A/13
        acknowledge B A/10 1    -> B complete A/10, B reverse A/12 #1
        ",
    );
}

#[test]
fn what_a_lost_link_had_not_acknowledged_leaves_at_once_over_the_next() {
    check_with(
        Settings { delivery_retry_ms: 60_000, ..settings() },
        "
        authorize A 10 m@B 1.00 -> B authorize A/10 1.00
        reverse A 20 of 10      -> A 20 approved 1.00 Reversed, A 10 declined ReversedByOriginator Reversed, B reverse A/10 #1
        link lost B             -> nothing
        undelivered             -> B 1 on_their_way=0 age=0 in doubt 1.00
        link up B#1             -> nothing
        link up B               -> B reverse A/10 #1 again
        undelivered             -> B 1 on_their_way=1 age=0 in doubt 1.00
        wait 40000              -> nothing
        link lost B             -> nothing
        link up B#2 shared      -> B reverse A/10 #1 again
        link lost B#2           -> nothing
        wait 100000             -> nothing
        reverse A 21 of 10      -> A 21 approved 0.00 Reversed
        link up B               -> B reverse A/10 #1 again
        acknowledge B A/10 1    -> B complete A/10
        wait 200000             -> nothing
        ",
    );
}

#[test]
fn what_waits_says_for_what() {
    let mut world = World::new(Settings { delivery_window: 1, ..settings() });
    for n in 1..=3 {
        world.line(&format!("authorize A {n} m@B 1.00"));
    }
    for n in 1..=2 {
        world.line(&format!("reverse A {} of {n}", 10 + n));
    }
    let waits = |world: &World| {
        let (oldest, count) = world.core.overdue(&world.view, None, 10);
        assert_eq!(count, oldest.len() as u64);
        oldest.into_iter().map(|one| one.waits_for).collect::<Vec<_>>()
    };
    let [sent, queued] = waits(&world)[..] else { panic!("two wait") };
    assert!(matches!(sent, WaitsFor::Acknowledgement(_)), "{sent:?}");
    assert_eq!(queued, WaitsFor::Window);
    world.line("link lost B");
    world.line("link up B#1");
    assert_eq!(waits(&world), [WaitsFor::Link(Some(Instance(0))); 2]);
    world.line("link up B#2 shared");
    let [sent, queued] = waits(&world)[..] else { panic!("two wait") };
    assert!(matches!(sent, WaitsFor::Window | WaitsFor::Acknowledgement(_)) && sent != queued);
}

#[test]
fn instances_that_never_come_back_leave_nothing_behind_once_their_payments_ended() {
    let mut world = World::new(settings());
    world.watch = None;
    world.line("link lost B");
    for n in 1..=3_000 {
        world.line(&format!("link up B#{n}"));
        assert_eq!(world.line(&format!("authorize A {n} m@B 0.01")).len(), 1);
        world.line(&format!("link lost B#{n}"));
    }
    assert_eq!(world.core.schedule.unsent(), 3_000);
    for n in 1..=1_000 {
        world.line(&format!("reverse A {} of {n}", 10_000 + n));
    }
    assert_eq!(world.core.schedule.unsent(), 2_000, "I8: what was reversed waits for no link");
    world.wait(5_000);
    assert_eq!(world.core.schedule.unsent(), 0, "I8: what timed out waits for no link");
    assert_eq!(world.core.pending(), 0);
    world.line("link up B#7");
    assert_eq!(world.core.undelivered()[0].on_their_way, 1, "one of the reversals is for this instance");
}
