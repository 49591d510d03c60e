use super::world::{check, check_with, settings};
use crate::Settings;

#[test]
fn a_reservation_is_captured_in_parts_and_the_rest_released() {
    check(
        "
        authorize A 10 m@D 50.00 reserve many -> D authorize A/10 50.00
        answer D A/10 approved      -> A 10 approved 50.00 Held
        capture A 11 of 10 20.00    -> A 11 approved 20.00 Held, D capture 20.00 A/10 #1
        capture A 12 of 10 10.00    -> A 12 approved 10.00 Held
        show A                      -> held=20.00 debits=30.00 credits=0.00
        acknowledge D A/10 1        -> D capture 10.00 A/10 #2
        capture A 13 of 10 5.00 last -> A 13 approved 5.00 Captured
        show A                      -> held=0.00 debits=35.00 credits=0.00
        show D                      -> held=0.00 debits=0.00 credits=35.00
        acknowledge D A/10 2        -> D capture 5.00 last A/10 #3
        acknowledge D A/10 3        -> D complete A/10
        capture A 14 of 10 1.00 last -> A 14 declined HoldCaptured Captured
        capture A 12 of 10 10.00    -> A 12 approved 10.00 Captured
        inquire A 12 -> A status Approved Captured held_for=50.00 captured=35.00 released=15.00 reversed=0.00 undelivered=0
        ",
    );
}

/// I5: the destination learns that the hold has ended. Found by a power cut's seed.
#[test]
fn a_part_that_takes_all_that_is_held_is_the_last_for_the_destination() {
    check(
        "
        authorize A 10 m@D 50.00 reserve many -> D authorize A/10 50.00
        answer D A/10 approved      -> A 10 approved 50.00 Held
        capture A 11 of 10 20.00    -> A 11 approved 20.00 Held, D capture 20.00 A/10 #1
        acknowledge D A/10 1
        capture A 12 of 10 30.00    -> A 12 approved 30.00 Captured, D capture 30.00 last A/10 #2
        acknowledge D A/10 2        -> D complete A/10
        capture A 12 of 10 30.00    -> A 12 approved 30.00 Captured
        capture A 12 of 10 30.00 last -> A 12 refused IdReusedOtherOptions
        ",
    );
}

#[test]
fn the_destination_owes_where_its_route_says_so() {
    check(
        "
        authorize A 10 m@B 50.00 reserve -> B authorize A/10 50.00
        show B                       -> held=50.00 debits=0.00 credits=0.00
        answer B A/10 approved       -> A 10 approved 50.00 Held
        capture A 11 of 10 50.00 last -> A 11 approved 50.00 Captured, B capture 50.00 last A/10 #1
        show B                       -> held=0.00 debits=50.00 credits=0.00
        show A                       -> held=0.00 debits=0.00 credits=50.00
        ",
    );
}

#[test]
fn a_capture_takes_at_most_what_is_held() {
    check(
        "
        authorize A 10 m@D 50.00 reserve -> D authorize A/10 50.00
        capture A 11 of 10 20.00 last -> A 11 declined OriginalPending Pending
        answer D A/10 approved       -> A 10 approved 50.00 Held
        capture A 12 of 10 50.01 last -> A 12 declined CaptureAboveHold Held
        capture A 13 of 10 20.00     -> A 13 declined CapturesManyNotAllowed Held
        capture A 11 of 10 20.00 last -> A 11 declined OriginalPending Held
        capture A 11 of 10 21.00 last -> A 11 refused IdReusedOtherAmount
        capture A 15 of 99 20.00 last -> A 15 declined OriginalUnknown None
        capture C 15 of 10 20.00 last -> C 15 declined OriginalUnknown None
        authorize A 20 m@D 50.00      -> D authorize A/20 50.00
        answer D A/20 approved        -> A 20 approved 50.00 Captured
        capture A 21 of 20 20.00 last -> A 21 declined NotCapturable Captured
        release A 22 of 20            -> A 22 declined NotCapturable Captured
        show A                        -> held=50.00 debits=50.00 credits=0.00
        ",
    );
}

#[test]
fn a_partial_approval_holds_what_was_approved_and_no_more() {
    check(
        "
        authorize A 10 m@D 50.00 reserve partial -> D authorize A/10 50.00
        answer D A/10 approved 30.00  -> A 10 approved 30.00 Held
        show A                        -> held=30.00 debits=0.00 credits=0.00
        capture A 11 of 10 30.01 last -> A 11 declined CaptureAboveHold Held
        capture A 12 of 10 30.00 last -> A 12 approved 30.00 Captured, D capture 30.00 last A/10 #1
        ",
    );
}

#[test]
fn a_release_gives_back_what_is_held_once() {
    check(
        "
        authorize A 10 m@D 50.00 reserve -> D authorize A/10 50.00
        answer D A/10 approved  -> A 10 approved 50.00 Held
        release A 11 of 10      -> A 11 approved 50.00 Released, D release A/10 #1
        show A                  -> held=0.00 debits=0.00 credits=0.00
        release A 11 of 10      -> A 11 approved 50.00 Released
        release A 12 of 10      -> A 12 declined HoldReleased Released
        capture A 13 of 10 1.00 last -> A 13 declined HoldReleased Released
        reverse A 14 of 10      -> A 14 approved 0.00 Released
        acknowledge D A/10 1    -> D complete A/10
        ",
    );
}

#[test]
fn a_hold_ends_at_its_time() {
    check(
        "
        authorize A 10 m@D 50.00 reserve hold=40000 -> D authorize A/10 50.00
        answer D A/10 approved  -> A 10 approved 50.00 Held
        wait 39999              -> nothing
        wait 1                  -> D release expired A/10 #1
        show A                  -> held=0.00 debits=0.00 credits=0.00
        capture A 11 of 10 1.00 last -> A 11 declined HoldExpired Expired
        acknowledge D A/10 1    -> D complete A/10
        inquire A 10 -> A status Approved Expired held_for=50.00 captured=0.00 released=50.00 reversed=0.00 undelivered=0
        ",
    );
}

#[test]
fn what_was_captured_before_the_hold_ended_stays_captured() {
    check(
        "
        authorize A 10 m@D 50.00 reserve many hold=40000 -> D authorize A/10 50.00
        answer D A/10 approved   -> A 10 approved 50.00 Held
        capture A 11 of 10 20.00 -> A 11 approved 20.00 Held, D capture 20.00 A/10 #1
        acknowledge D A/10 1     -> nothing
        wait 40000               -> D release expired A/10 #2
        capture A 12 of 10 1.00 last -> A 12 declined HoldExpired Captured
        show A                   -> held=0.00 debits=20.00 credits=0.00
        acknowledge D A/10 2     -> D complete A/10
        reverse A 13 of 10       -> A 13 approved 20.00 Reversed, D reverse A/10 #3
        ",
    );
}

#[test]
fn a_verification_is_released_or_expires_and_is_never_captured() {
    check(
        "
        authorize A 10 m@D 1.23 verify -> D authorize A/10 1.23
        answer D A/10 approved       -> A 10 approved 1.23 Held
        show A                       -> held=0.00 debits=0.00 credits=0.00
        show D                       -> held=0.00 debits=0.00 credits=0.00
        capture A 11 of 10 1.23 last -> A 11 declined NotCapturable Held
        release A 12 of 10           -> A 12 approved 1.23 Released, D release A/10 #1
        ",
    );
}

#[test]
fn a_hold_lives_longer_than_the_memory_of_ids() {
    check(
        "
        authorize A 10 m@D 50.00 reserve many hold=900000 -> D authorize A/10 50.00
        answer D A/10 approved   -> A 10 approved 50.00 Held
        wait 500000              -> nothing
        authorize A 10 m@D 50.00 reserve many hold=900000 -> A 10 approved 50.00 Held
        capture A 11 of 10 20.00 -> A 11 approved 20.00 Held, D capture 20.00 A/10 #1
        acknowledge D A/10 1     -> nothing
        release A 12 of 10       -> A 12 approved 30.00 Captured, D release A/10 #2
        acknowledge D A/10 2     -> D complete A/10
        wait 10000               -> nothing
        reverse A 13 of 10 to=m@D -> A 13 approved 20.00 Reversed, D reverse A/10 #3
        acknowledge D A/10 3     -> D complete A/10
        show A                   -> held=0.00 debits=20.00 credits=20.00
        wait 100000              -> nothing
        inquire A 10             -> recall A/10
        recalled A/10 found      -> A status Approved Reversed held_for=50.00 captured=20.00 released=30.00 reversed=20.00 undelivered=0
        ",
    );
}

#[test]
fn a_verification_holds_for_a_short_time_only() {
    check_with(
        Settings { verify_hold_max_ms: 60_000, ..settings() },
        "
        authorize A 10 m@D 1.00 verify hold=60001 -> A 10 refused HoldUntilOutOfRange
        authorize A 10 m@D 1.00 verify hold=60000 -> D authorize A/10 1.00
        authorize A 11 m@D 1.00 reserve hold=60001 -> D authorize A/11 1.00
        answer D A/11 declined DoNotHonour -> A 11 declined DoNotHonour Declined
        answer D A/10 approved       -> A 10 approved 1.00 Held
        wait 60000                   -> D release expired A/10 #1
        ",
    );
}

#[test]
fn a_repeat_of_a_capture_says_how_its_original_stands_when_that_is_older_than_the_window() {
    check(
        "
        authorize A 10 m@D 50.00 reserve many -> D authorize A/10 50.00
        answer D A/10 approved      -> A 10 approved 50.00 Held
        wait 55000
        capture A 11 of 10 50.00 last -> A 11 approved 50.00 Captured, D capture 50.00 last A/10 #1
        acknowledge D A/10 1        -> D complete A/10
        reverse A 12 of 10          -> A 12 approved 50.00 Reversed, D reverse A/10 #2
        acknowledge D A/10 2        -> D complete A/10
        wait 15000                  -> nothing
        capture A 11 of 10 50.00 last -> A 11 approved 50.00 Reversed
        restart
        link up A
        capture A 11 of 10 50.00 last -> A 11 approved 50.00 Reversed
        wait 60000                  -> nothing
        capture A 11 of 10 50.00 last -> A 11 refused IdTooOld
        reverse A 13 of 10          -> recall A/10
        ",
    );
}

#[test]
fn a_repeat_of_a_release_or_a_reversal_that_moved_nothing_says_how_its_original_stands() {
    check(
        "
        authorize A 10 m@D 50.00 reserve many -> D authorize A/10 50.00
        answer D A/10 approved      -> A 10 approved 50.00 Held
        authorize A 20 m@D 50.00 -> D authorize A/20 50.00
        answer D A/20 declined DoNotHonour -> A 20 declined DoNotHonour Declined
        wait 50000
        capture A 11 of 10 20.00
        acknowledge D A/10 1
        release A 12 of 10          -> A 12 approved 30.00 Captured, D release A/10 #2
        acknowledge D A/10 2        -> D complete A/10
        reverse A 21 of 20          -> A 21 approved 0.00 Declined
        wait 20000                  -> nothing
        release A 12 of 10          -> A 12 approved 30.00 Captured
        reverse A 21 of 20          -> A 21 approved 0.00 Declined
        reverse A 13 of 10          -> A 13 approved 20.00 Reversed, D reverse A/10 #3
        acknowledge D A/10 3        -> D complete A/10
        release A 12 of 10          -> A 12 approved 30.00 Reversed
        wait 150000                 -> nothing
        reverse A 14 of 10          -> recall A/10
        reverse A 22 of 20          -> recall A/20
        ",
    );
}

#[test]
fn what_was_opened_again_stays_as_long_as_the_youngest_request_that_names_it() {
    check(
        "
        authorize A 10 m@D 50.00 reserve hold=200000 -> D authorize A/10 50.00
        answer D A/10 approved      -> A 10 approved 50.00 Held
        wait 100000                 -> nothing
        capture A 11 of 10 50.00 last -> A 11 approved 50.00 Captured, D capture 50.00 last A/10 #1
        acknowledge D A/10 1        -> D complete A/10
        wait 30000                  -> nothing
        reverse A 12 of 10          -> A 12 approved 50.00 Reversed, D reverse A/10 #2
        acknowledge D A/10 2        -> D complete A/10
        wait 40000                  -> nothing
        reverse A 13 of 10          -> A 13 approved 0.00 Reversed
        restart
        link up A
        wait 60000                  -> nothing
        reverse A 13 of 10          -> A 13 approved 0.00 Reversed
        wait 10000                  -> nothing
        reverse A 14 of 10          -> recall A/10
        ",
    );
}
