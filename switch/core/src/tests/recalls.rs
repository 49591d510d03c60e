//! What is decided of an original that left memory and is recalled.

use super::world::{check, check_with, settings};
use crate::Settings;

pub(super) const PAID_AND_GONE: &str = "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        wait 100000              -> nothing
";

fn check_gone(script: &str) {
    check(&format!("{PAID_AND_GONE}{script}"));
}

#[test]
fn a_recalled_payment_is_reversed_once() {
    check_gone(
        "
        reverse A 11 of 10        -> recall A/10
        recalled A/10 found       -> A 11 approved 50.00 Reversed, B reverse A/10 #1
        facts 2                   -> Recalled, Reversed
        show A                    -> held=0.00 debits=50.00 credits=50.00
        show B                    -> held=0.00 debits=50.00 credits=50.00
        reverse A 11 of 10        -> A 11 approved 50.00 Reversed
        reverse A 12 of 10        -> A 12 approved 0.00 Reversed
        acknowledge B A/10 1      -> B complete A/10
        reverse A 13 of 10        -> A 13 approved 0.00 Reversed
        ",
    );
}

#[test]
fn what_was_recalled_leaves_again_as_it_is_then() {
    check_gone(
        "
        reverse A 11 of 10        -> recall A/10
        recalled A/10 found       -> A 11 approved 50.00 Reversed, B reverse A/10 #1
        acknowledge B A/10 1      -> B complete A/10
        wait 100000               -> nothing
        reverse A 12 of 10        -> recall A/10
        recalled A/10 found       -> A 12 approved 0.00 Reversed
        wait 100000               -> nothing
        inquire A 10              -> recall A/10
        recalled A/10 found       -> A status Approved Reversed held_for=50.00 captured=50.00 released=0.00 reversed=50.00 undelivered=0
        show A                    -> held=0.00 debits=50.00 credits=50.00
        ",
    );
}

#[test]
fn what_is_recalled_and_not_changed_leaves_again() {
    check_gone(
        "
        capture A 11 of 10 50.00 last -> recall A/10
        recalled A/10 found       -> A 11 declined NotCapturable Captured
        release A 12 of 10        -> A 12 declined NotCapturable Captured
        wait 100000               -> nothing
        release A 13 of 10        -> recall A/10
        recalled A/10 found       -> A 13 declined NotCapturable Captured
        ",
    );
}

#[test]
fn a_recalled_reservation_takes_no_capture_or_release_after_its_end() {
    check(
        "
        authorize A 10 m@D 50.00 reserve many -> D authorize A/10 50.00
        answer D A/10 approved    -> A 10 approved 50.00 Held
        capture A 11 of 10 20.00 last -> A 11 approved 20.00 Captured, D capture 20.00 last A/10 #1
        acknowledge D A/10 1      -> D complete A/10
        wait 100000               -> nothing
        capture A 12 of 10 5.00   -> recall A/10
        recalled A/10 found       -> A 12 declined HoldCaptured Captured
        release A 13 of 10        -> A 13 declined HoldCaptured Captured
        reverse A 14 of 10 to=m@D -> A 14 approved 20.00 Reversed, D reverse A/10 #2
        show A                    -> held=0.00 debits=20.00 credits=20.00
        ",
    );
}

#[test]
fn all_that_waited_for_a_recalled_original_is_decided_in_order() {
    check_gone(
        "
        reverse A 11 of 10        -> recall A/10
        inquire A 10              -> nothing
        capture A 12 of 10 1.00   -> nothing
        reverse A 11 of 10        -> A superseded
        recalled A/10 found       -> A 11 approved 50.00 Reversed, B reverse A/10 #1, A status Approved Reversed held_for=50.00 captured=50.00 released=0.00 reversed=50.00 undelivered=1, A 12 declined NotCapturable Reversed
        recalled A/10 found       -> nothing
        ",
    );
}

#[test]
fn who_only_asks_needs_no_fact() {
    check_gone(
        "
        inquire A 10              -> recall A/10
        inquire A 10              -> nothing
        recalled A/10 found       -> A status Approved Captured held_for=50.00 captured=50.00 released=0.00 reversed=0.00 undelivered=0, A status Approved Captured held_for=50.00 captured=50.00 released=0.00 reversed=0.00 undelivered=0
        facts 1                   -> Forgotten
        inquire B A/10            -> recall A/10
        recalled A/10 found       -> B status Approved Captured held_for=50.00 captured=50.00 released=0.00 reversed=0.00 undelivered=0
        inquire D A/10            -> recall A/10
        recalled A/10 found       -> D status OriginalUnknown
        inquire A 10              -> recall A/10
        recalled A/10 unavailable -> A status OriginalUnavailable
        inquire A 10              -> recall A/10
        wait 5000                 -> A status OriginalUnavailable
        inquire A 10              -> recall A/10
        recalled A/10 absent      -> A status OriginalUnknown
        ",
    );
}

#[test]
fn a_capture_that_left_memory_tells_its_transaction() {
    check(
        "
        authorize A 10 m@D 50.00 reserve many -> D authorize A/10 50.00
        answer D A/10 approved    -> A 10 approved 50.00 Held
        capture A 11 of 10 20.00 last -> A 11 approved 20.00 Captured, D capture 20.00 last A/10 #1
        acknowledge D A/10 1      -> D complete A/10
        wait 100000               -> nothing
        inquire A 11              -> recall A/11
        recalled A/11 found       -> recall A/10
        recalled A/10 found       -> A status Approved Captured held_for=50.00 captured=20.00 released=30.00 reversed=0.00 undelivered=0
        inquire A 11              -> recall A/11
        recalled A/11 found       -> recall A/10
        recalled A/10 unavailable -> A status OriginalUnavailable
        inquire D A/11            -> recall A/11
        recalled A/11 found       -> recall A/10
        recalled A/10 found       -> D status Approved Captured held_for=50.00 captured=20.00 released=30.00 reversed=0.00 undelivered=0
        reverse A 12 of 11 to=m@D -> recall A/11
        recalled A/11 found       -> A 12 declined OriginalUnknown None
        ",
    );
}

#[test]
fn a_reversal_that_left_memory_is_not_reversed() {
    check(
        "
        authorize A 10 m@B 50.00  -> B authorize A/10 50.00
        reverse A 11 of 10        -> A 11 approved 50.00 Reversed, A 10 declined ReversedByOriginator Reversed, B reverse A/10 #1
        acknowledge B A/10 1      -> B complete A/10
        wait 100000               -> nothing
        reverse A 12 of 11        -> recall A/11
        recalled A/11 found       -> A 12 declined ReversalOfReversal None
        capture A 13 of 11 1.00   -> recall A/11
        recalled A/11 found       -> A 13 declined OriginalUnknown None
        ",
    );
}

#[test]
fn a_hold_that_outlived_its_second_is_found_when_it_has_ended() {
    check(
        "
        authorize A 10 m@D 50.00 reserve hold=400000 -> D authorize A/10 50.00
        answer D A/10 approved    -> A 10 approved 50.00 Held
        wait 100000               -> nothing
        inquire A 10              -> A status Approved Held held_for=50.00 captured=0.00 released=0.00 reversed=0.00 undelivered=0
        capture A 11 of 10 50.00 last -> A 11 approved 50.00 Captured, D capture 50.00 last A/10 #1
        acknowledge D A/10 1      -> D complete A/10
        wait 100000               -> nothing
        reverse A 12 of 10 to=m@D -> recall A/10
        recalled A/10 found       -> A 12 approved 50.00 Reversed, D reverse A/10 #2
        show A                    -> held=0.00 debits=50.00 credits=50.00
        ",
    );
}

#[test]
fn at_the_limit_of_recalled_originals_one_more_is_busy() {
    let settings = Settings { recalled_max: 1, recall_wait_ms: 1_000, ..settings() };
    check_with(
        settings,
        "
        authorize A 10 m@B 50.00  -> B authorize A/10 50.00
        answer B A/10 approved    -> A 10 approved 50.00 Captured
        authorize A 20 m@B 50.00  -> B authorize A/20 50.00
        answer B A/20 approved    -> A 20 approved 50.00 Captured
        wait 100000               -> nothing
        reverse A 11 of 10        -> recall A/10
        recalled A/10 found       -> A 11 approved 50.00 Reversed, B reverse A/10 #1
        reverse A 21 of 20        -> recall A/20
        recalled A/20 found       -> A 21 refused Busy
        acknowledge B A/10 1      -> B complete A/10
        wait 100000               -> nothing
        reverse A 22 of 20        -> recall A/20
        recalled A/20 found       -> A 22 approved 50.00 Reversed, B reverse A/20 #1
        ",
    );
}

#[test]
fn where_one_may_wait_that_may_be_an_inquiry() {
    let settings = Settings { recalls_max: 1, ..settings() };
    check_with(
        settings,
        "
        authorize A 10 m@B 50.00  -> B authorize A/10 50.00
        answer B A/10 approved    -> A 10 approved 50.00 Captured
        wait 100000               -> nothing
        inquire A 10              -> recall A/10
        recalled A/10 unavailable -> A status OriginalUnavailable
        ",
    );
}

/// What came along with its answer is not archived: a repeat would get another one (I2).
#[test]
fn a_recalled_payment_is_too_old_to_be_repeated() {
    check_gone(
        "
        authorize A 10 m@B 50.00  -> A 10 refused IdTooOld
        reverse A 11 of 10        -> recall A/10
        recalled A/10 found       -> A 11 approved 50.00 Reversed, B reverse A/10 #1
        authorize A 10 m@B 50.00  -> A 10 refused IdTooOld
        acknowledge B A/10 1      -> B complete A/10
        authorize A 10 m@B 50.00  -> A 10 refused IdTooOld
        ",
    );
}

/// Rule 5: its sender counts on it that nothing is recorded then.
#[test]
fn what_expired_while_it_waited_is_not_recorded() {
    let settings = Settings { recall_wait_ms: 600_000, ..settings() };
    let wait = "
        reverse A 11 of 10        -> recall A/10
        refund A 12 of 10 1.00    -> nothing
        capture A 13 of 10 1.00   -> nothing
        wait 59900                -> nothing
        ";
    for (what, said) in [
        ("found", "A 11 refused Expired, A 12 refused Expired, A 13 refused Expired"),
        ("absent", "A 11 refused Expired, A 12 refused Expired, A 13 refused Expired"),
        ("unavailable", "A 11 refused Expired, A 12 refused Expired, A 13 refused Expired"),
    ] {
        check_with(settings.clone(), &format!("{PAID_AND_GONE}{wait}recalled A/10 {what} -> {said}"));
    }
}

#[test]
fn a_full_journal_takes_nothing_back() {
    check_gone(
        "
        reverse A 11 of 10        -> recall A/10
        journal full
        recalled A/10 found       -> A 11 refused JournalFull
        inquire A 10              -> recall A/10
        recalled A/10 found       -> A status Approved Captured held_for=50.00 captured=50.00 released=0.00 reversed=0.00 undelivered=0
        ",
    );
}

#[test]
fn a_restart_finds_what_was_recalled() {
    check_gone(
        "
        reverse A 11 of 10        -> recall A/10
        recalled A/10 found       -> A 11 approved 50.00 Reversed, B reverse A/10 #1
        restart
        link up A
        link up B                 -> B reverse A/10 #1 again
        acknowledge B A/10 1      -> B complete A/10
        reverse A 12 of 10        -> A 12 approved 0.00 Reversed
        wait 100000               -> nothing
        reverse A 13 of 10        -> recall A/10
        recalled A/10 found       -> A 13 approved 0.00 Reversed
        ",
    );
}
