//! Refunds of originals that left memory.

use super::world::{World, check, settings};
use crate::input::{Input, Recalled};

#[test]
fn an_original_that_left_memory_comes_back_to_be_refunded_and_knows_what_was_refunded() {
    check(
        "
        authorize A 10 m@B 50.00  -> B authorize A/10 50.00
        answer B A/10 approved    -> A 10 approved 50.00 Captured
        wait 100000               -> nothing
        refund A 20 of 10 20.00   -> recall A/10
        wait 400                  -> nothing
        recalled A/10 found       -> B refund A/20 of 10 20.00
        facts 2                   -> Recalled, RefundReserved
        refund A 21 of 10 30.01   -> A 21 declined RefundAboveCaptured Declined
        wait 4594                 -> nothing
        answer B A/20 approved    -> A 20 approved 20.00 Captured
        wait 100000               -> nothing
        refund A 22 of 10 30.01   -> recall A/10
        reverse A 23 of 10        -> nothing
        recalled A/10 found       -> A 22 declined RefundAboveCaptured Declined, A 23 approved 30.00 Reversed, B reverse A/10 #1
        acknowledge B A/10 1      -> B complete A/10
        wait 100000               -> nothing
        inquire A 10              -> recall A/10
        recalled A/10 found       -> A status Approved Reversed held_for=50.00 captured=50.00 released=0.00 reversed=30.00 undelivered=0
        refund A 24 of 10 1.00    -> recall A/10
        recalled A/10 found       -> A 24 declined OriginalReversed Declined
        inquire A 20              -> recall A/20
        recalled A/20 found       -> A status Approved Captured held_for=20.00 captured=20.00 released=0.00 reversed=0.00 undelivered=0
        ",
    );
}

#[test]
fn the_time_for_an_answer_runs_while_the_original_is_looked_up() {
    check(
        "
        authorize A 10 m@B 50.00  -> B authorize A/10 50.00
        answer B A/10 approved    -> A 10 approved 50.00 Captured
        wait 100000               -> nothing
        refund A 20 of 10 20.00   -> recall A/10
        refund A 21 of 10 20.00 budget=300 -> nothing
        wait 400                  -> nothing
        recalled A/10 found       -> B refund A/20 of 10 20.00, A 21 declined BudgetTooShort Declined
        wait 4594                 -> nothing
        wait 1                    -> A 20 declined DestinationTimedOut TimedOut, B reverse A/20 #1
        ",
    );
}

#[test]
fn a_refund_is_new_work_when_its_original_was_looked_up_too() {
    check(
        "
        authorize A 10 m@B 50.00  -> B authorize A/10 50.00
        answer B A/10 approved    -> A 10 approved 50.00 Captured
        wait 100000               -> nothing
        refund A 20 of 10 20.00   -> recall A/10
        status A suspended
        recalled A/10 found       -> A 20 refused Suspended
        ",
    );
}

#[test]
fn what_is_no_transaction_is_not_refunded_wherever_it_is_found() {
    check(
        "
        authorize A 10 m@D 50.00 reserve -> D authorize A/10 50.00
        answer D A/10 approved    -> A 10 approved 50.00 Held
        capture A 11 of 10 50.00 last -> A 11 approved 50.00 Captured, D capture 50.00 last A/10 #1
        acknowledge D A/10 1      -> D complete A/10
        wait 100000               -> nothing
        refund A 20 of 11 20.00   -> recall A/11
        recalled A/11 found       -> A 20 declined OriginalUnknown Declined
        ",
    );
}

/// An archive of another journal, or an old copy of it, may know an original from before its refund: nothing is undone on
/// its word, and nothing breaks.
#[test]
fn a_refund_that_its_recalled_original_knows_nothing_of_is_not_reversed() {
    let mut world = World::new(settings());
    for line in ["authorize A 10 m@B 50.00", "answer B A/10 approved", "wait 100000"] {
        world.line(line);
    }
    let key = world.key("A/10");
    let before_its_refund = world.archive.find(key).expect("it left memory");
    for line in ["refund A 20 of 10 20.00", "recalled A/10 found", "answer B A/20 approved", "wait 200000"] {
        world.line(line);
    }
    world.line("refund A 21 of 10 20.00");
    world.step(&Input::Recalled(key, Recalled::Found(before_its_refund)));
    world.line("reverse A 30 of 20");
    world.line("recalled A/20 found");
    let refused = world.line("recalled A/10 found");
    let again = world.line("reverse A 31 of 20");
    let said = [refused, again].concat();
    assert!(said.iter().any(|said| said.contains("refused OriginalUnavailable")), "{said:?}");
}
