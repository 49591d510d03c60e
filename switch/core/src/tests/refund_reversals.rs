//! Reversals on either side of a refund: of the refund, and of its original as a whole.

use super::world::{check, check_with, settings};
use crate::Settings;

#[test]
fn a_refund_is_reversed_as_a_pay_is() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        refund A 20 of 10 50.00  -> B refund A/20 of 10 50.00
        reverse A 21 of 20       -> A 21 approved 50.00 Reversed, A 20 declined ReversedByOriginator Reversed, B reverse A/20 #1
        acknowledge B A/20 1     -> B complete A/20
        show B                   -> held=0.00 debits=0.00 credits=50.00
        refund A 22 of 10 50.00  -> B refund A/22 of 10 50.00
        answer B A/22 approved   -> A 22 approved 50.00 Captured
        reverse A 23 of 22       -> A 23 approved 50.00 Reversed, B reverse A/22 #1
        show A                   -> held=0.00 debits=100.00 credits=50.00
        show B                   -> held=0.00 debits=50.00 credits=100.00
        refund A 22 of 10 50.00  -> A 22 approved 50.00 Reversed
        acknowledge B A/22 1     -> B complete A/22
        reverse A 24 of 22       -> A 24 approved 0.00 Reversed
        refund A 25 of 10 50.00  -> B refund A/25 of 10 50.00
        answer B A/25 declined PayeeRefused -> A 25 declined PayeeRefused Declined
        reverse A 26 of 25       -> A 26 approved 0.00 Declined
        capture A 27 of 22 1.00 last -> A 27 declined NotCapturable Reversed
        release A 28 of 22       -> A 28 declined NotCapturable Reversed
        reverse A 29 of 30       -> A 29 approved 0.00 Reversed, B reverse A/30 #1
        refund A 30 of 10 50.00  -> A 30 declined ReversedBeforeArrival Reversed
        refund A 30 of 10 50.00  -> A 30 declined ReversedBeforeArrival Reversed
        refund A 30 of 10 50.01  -> A 30 refused IdReusedOtherAmount
        acknowledge B A/30 1     -> B complete A/30
        ",
    );
}

#[test]
fn a_whole_reversal_gives_back_what_refunds_have_not() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        refund A 20 of 10 20.00  -> B refund A/20 of 10 20.00
        answer B A/20 approved   -> A 20 approved 20.00 Captured
        reverse A 11 of 10       -> A 11 approved 30.00 Reversed, B reverse A/10 #1
        show A                   -> held=0.00 debits=50.00 credits=50.00
        inquire A 10             -> A status Approved Reversed held_for=50.00 captured=50.00 released=0.00 reversed=30.00 undelivered=1
        acknowledge B A/10 1     -> B complete A/10
        inquire A 10             -> A status Approved Reversed held_for=50.00 captured=50.00 released=0.00 reversed=30.00 undelivered=0
        refund A 21 of 10 1.00   -> A 21 declined OriginalReversed Declined
        reverse A 12 of 10       -> A 12 approved 0.00 Reversed
        ",
    );
}

#[test]
fn what_a_refund_gives_up_after_the_whole_reversal_belongs_to_the_reversal() {
    let script = |acknowledged: &str| {
        format!(
            "
            authorize A 10 m@B 50.00 -> B authorize A/10 50.00
            answer B A/10 approved   -> A 10 approved 50.00 Captured
            refund A 20 of 10 20.00  -> B refund A/20 of 10 20.00
            answer B A/20 approved   -> A 20 approved 20.00 Captured
            reverse A 11 of 10       -> A 11 approved 30.00 Reversed, B reverse A/10 #1
            {acknowledged}
            reverse A 21 of 20       -> A 21 approved 20.00 Reversed, B reverse A/20 #1
            show A                   -> held=0.00 debits=70.00 credits=70.00
            show B                   -> held=0.00 debits=70.00 credits=70.00
            "
        )
    };
    check(&script("acknowledge B A/10 1 -> B complete A/10"));
    check(&format!(
        "{}
        inquire A 10 -> A status Approved Reversed held_for=50.00 captured=50.00 released=0.00 reversed=50.00 undelivered=1
        acknowledge B A/10 1 -> B complete A/10
        inquire A 10 -> A status Approved Reversed held_for=50.00 captured=50.00 released=0.00 reversed=50.00 undelivered=0
        ",
        script("")
    ));
}

#[test]
fn a_whole_reversal_waits_for_pending_refunds() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        refund A 20 of 10 20.00  -> B refund A/20 of 10 20.00
        refund A 21 of 10 10.00  -> B refund A/21 of 10 10.00
        reverse A 11 of 10       -> nothing
        reverse A 11 of 10       -> A superseded
        reverse A 12 of 10       -> nothing
        refund A 22 of 10 1.00   -> A 22 refused ReversalWaiting
        answer B A/20 approved   -> A 20 approved 20.00 Captured
        answer B A/21 declined PayeeRefused -> A 21 declined PayeeRefused Declined, A 11 approved 30.00 Reversed, B reverse A/10 #1, A 12 approved 0.00 Reversed
        show A                   -> held=0.00 debits=50.00 credits=50.00
        refund A 22 of 10 1.00   -> A 22 declined OriginalReversed Declined
        ",
    );
}

#[test]
fn a_whole_reversal_waits_no_longer_than_the_refund_is_pending() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        refund A 20 of 10 20.00  -> B refund A/20 of 10 20.00
        reverse A 11 of 10       -> nothing
        wait 4994                -> nothing
        wait 1                   -> A 20 declined DestinationTimedOut TimedOut, B reverse A/20 #1, A 11 approved 50.00 Reversed, B reverse A/10 #1
        authorize A 30 m@B 50.00 -> B authorize A/30 50.00
        answer B A/30 approved   -> A 30 approved 50.00 Captured
        refund A 31 of 30 20.00  -> B refund A/31 of 30 20.00
        reverse A 32 of 30       -> nothing
        reverse A 33 of 31       -> A 33 approved 20.00 Reversed, A 31 declined ReversedByOriginator Reversed, B reverse A/31 #1, A 32 approved 50.00 Reversed, B reverse A/30 #1
        show A                   -> held=0.00 debits=100.00 credits=100.00
        ",
    );
}

#[test]
fn a_whole_reversal_of_a_hold_waits_too_and_supersedes_what_was_never_sent() {
    check(
        "
        authorize A 10 m@D 50.00 reserve many -> D authorize A/10 50.00
        answer D A/10 approved   -> A 10 approved 50.00 Held
        capture A 11 of 10 20.00 -> A 11 approved 20.00 Held, D capture 20.00 A/10 #1
        capture A 12 of 10 10.00 -> A 12 approved 10.00 Held
        refund A 20 of 10 25.00  -> D refund A/20 of 10 25.00
        reverse A 13 of 10       -> nothing
        answer D A/20 approved   -> A 20 approved 25.00 Captured, A 13 approved 25.00 Reversed
        show A                   -> held=0.00 debits=30.00 credits=30.00
        inquire A 10             -> A status Approved Reversed held_for=50.00 captured=30.00 released=20.00 reversed=5.00 undelivered=2
        acknowledge D A/10 1     -> D reverse A/10 #3
        acknowledge D A/10 3     -> D complete A/10
        ",
    );
}

#[test]
fn no_more_reversals_wait_than_may() {
    check_with(
        Settings { recalls_max: 1, ..settings() },
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        refund A 20 of 10 20.00  -> B refund A/20 of 10 20.00
        reverse A 11 of 10       -> nothing
        reverse A 12 of 10       -> A 12 refused Busy
        reverse A 11 of 10       -> A superseded
        answer B A/20 approved   -> A 20 approved 20.00 Captured, A 11 approved 30.00 Reversed, B reverse A/10 #1
        reverse A 12 of 10       -> A 12 approved 0.00 Reversed
        ",
    );
}

#[test]
fn an_id_that_was_decided_while_its_reversal_waited_keeps_its_outcome() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        refund A 20 of 10 20.00  -> B refund A/20 of 10 20.00
        reverse A 11 of 10       -> nothing
        authorize A 11 m@X 50.00 -> A 11 declined MpsUnknown Declined
        answer B A/20 approved   -> A 20 approved 20.00 Captured, A 11 refused IdReusedOtherMessage
        ",
    );
}

#[test]
fn a_reversal_that_waited_is_repeated_after_a_restart() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        refund A 20 of 10 20.00  -> B refund A/20 of 10 20.00
        reverse A 11 of 10       -> nothing
        restart                  -> nothing
        link up A                -> nothing
        link up B                -> B refund A/20 of 10 20.00 again
        answer B A/20 approved   -> nothing
        reverse A 11 of 10       -> A 11 approved 30.00 Reversed, B reverse A/10 #1
        refund A 20 of 10 20.00  -> A 20 approved 20.00 Captured
        ",
    );
}

#[test]
fn a_refund_that_left_memory_is_undone_and_its_original_can_be_refunded_again() {
    check(
        "
        authorize A 10 m@B 50.00  -> B authorize A/10 50.00
        answer B A/10 approved    -> A 10 approved 50.00 Captured
        refund A 20 of 10 20.00   -> B refund A/20 of 10 20.00
        answer B A/20 approved    -> A 20 approved 20.00 Captured
        wait 100000               -> nothing
        reverse A 21 of 20        -> recall A/20
        recalled A/20 found       -> recall A/10
        recalled A/10 found       -> A 21 approved 20.00 Reversed, B reverse A/20 #1
        facts 3                   -> Recalled, Recalled, Reversed
        show A                    -> held=0.00 debits=70.00 credits=20.00
        acknowledge B A/20 1      -> B complete A/20
        refund A 22 of 10 50.00   -> B refund A/22 of 10 50.00
        answer B A/22 approved    -> A 22 approved 50.00 Captured
        wait 100000               -> nothing
        reverse A 23 of 22        -> recall A/22
        recalled A/22 found       -> recall A/10
        recalled A/10 unavailable -> A 23 refused OriginalUnavailable
        reverse A 23 of 22        -> recall A/10
        recalled A/10 absent      -> A 23 approved 50.00 Reversed, B reverse A/22 #1
        ",
    );
}

#[test]
fn a_refund_is_undone_as_part_of_the_reversal_of_an_original_that_left_memory() {
    check(
        "
        authorize A 10 m@B 50.00  -> B authorize A/10 50.00
        answer B A/10 approved    -> A 10 approved 50.00 Captured
        refund A 20 of 10 20.00   -> B refund A/20 of 10 20.00
        answer B A/20 approved    -> A 20 approved 20.00 Captured
        reverse A 11 of 10        -> A 11 approved 30.00 Reversed, B reverse A/10 #1
        acknowledge B A/10 1      -> B complete A/10
        wait 100000               -> nothing
        reverse A 21 of 20        -> recall A/20
        recalled A/20 found       -> recall A/10
        recalled A/10 found       -> A 21 approved 20.00 Reversed, B reverse A/20 #1
        show A                    -> held=0.00 debits=70.00 credits=70.00
        ",
    );
}
