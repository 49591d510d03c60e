//! What a destination promises, as scripts.

use holdfast_protocol::DecidedThrough;

use super::script::{Stage, check};

#[test]
fn a_repeat_gets_the_first_answer_and_the_handler_is_asked_once() {
    check(
        "
        forward A1 pay 50.00   -> decide A1
        forward A1 pay 50.00   ->
        decide A1 approve      -> approved A1 50.00
        forward A1 pay 50.00   -> approved A1 50.00
        restart
        forward A1 pay 50.00   -> approved A1 50.00
        forward A2 pay 7.00    -> decide A2
        decide A2 decline 101  -> declined A2 InsufficientFunds
        forward A2 pay 7.00    -> declined A2 InsufficientFunds
        ",
    );
}

#[test]
fn a_refund_is_decided_once_written_down_and_let_go_by_its_reversal() {
    check(
        "
        forward A1 pay 50.00   -> decide A1
        decide A1 approve      -> approved A1 50.00
        refund A2 A1 20.00     -> refund A2 of A1
        refund A2 A1 20.00     ->
        decide A2 approve      -> approved A2 20.00
        refund A2 A1 20.00     -> approved A2 20.00
        refund A2 A1 20.01     -> refused A2 IdReusedOtherContent
        forward A2 pay 20.00   -> refused A2 IdReusedOtherContent
        restart
        refund A2 A1 20.00     -> approved A2 20.00
        reverse A2 1           -> reverse A2#1
        done A2 1              -> acknowledge A2#1
        refund A3 A1 20.00     -> refund A3 of A1
        decide A3 part 10.00   -> declined A3 DestinationFailed
        refund A4 A1 20.00     -> refund A4 of A1
        decide A4 decline 108  -> declined A4 PayeeRefused
        refund A5 A1 20.00     -> refund A5 of A1
        decide A5 never        -> declined A5 DestinationFailed
        reverse A6 1           -> reverse A6#1 unknown
        refund A6 A1 20.00     -> declined A6 ReversedBeforeArrival
        ",
    );
}

#[test]
fn an_answer_waits_for_the_disk() {
    check(
        "
        disk slow
        forward A1 pay 50.00   -> decide A1
        decide A1 approve      ->
        forward A1 pay 50.00   ->
        reverse A2 1           -> reverse A2#1 unknown
        done A2 1              ->
        disk fast              -> approved A1 50.00, approved A1 50.00, acknowledge A2#1
        ",
    );
}

#[test]
fn equal_ids_of_two_originators_are_two_transactions() {
    check(
        "
        forward A1 pay 50.00   -> decide A1
        decide A1 approve      -> approved A1 50.00
        forward B1 pay 20.00   -> decide B1
        decide B1 decline 100  -> declined B1 DoNotHonour
        reverse B1 1           -> reverse B1#1
        done B1 1              -> acknowledge B1#1
        forward A1 pay 50.00   -> approved A1 50.00
        ",
    );
}

#[test]
fn the_same_id_with_other_content_is_refused() {
    check(
        "
        forward A1 pay 50.00   -> decide A1
        forward A1 pay 60.00   -> refused A1 IdReusedOtherContent
        decide A1 approve      -> approved A1 50.00
        forward A1 pay 60.00   -> refused A1 IdReusedOtherContent
        ",
    );
}

#[test]
fn a_reversal_before_its_forward_is_acknowledged_and_the_forward_refused() {
    check(
        "
        reverse A1 1           -> reverse A1#1 unknown
        forward A1 pay 50.00   -> declined A1 ReversedBeforeArrival
        done A1 1              -> acknowledge A1#1
        forward A1 pay 50.00   -> declined A1 ReversedBeforeArrival
        restart
        forward A1 pay 50.00   -> declined A1 ReversedBeforeArrival
        reverse A1 1           -> acknowledge A1#1
        complete A1            -> complete A1
        seconds 64             ->
        forward A1 pay 50.00   -> declined A1 ReversedBeforeArrival
        seconds 67             ->
        remembered 0
        forward A1 pay 50.00   -> refused A1 IdTooOld
        ",
    );
}

#[test]
fn deliveries_are_carried_out_once_and_in_order() {
    check(
        "
        forward A1 reserve 50.00  -> decide A1
        decide A1 approve         -> approved A1 50.00
        decided-through 1         -> covered A1
        capture A1 1 20.00        -> capture 20.00 A1#1
        capture A1 1 20.00        ->
        capture A1 2 30.00 last   ->
        done A1 1                 -> capture 30.00 last A1#2, acknowledge A1#1
        capture A1 1 20.00        -> acknowledge A1#1
        done A1 2                 -> acknowledge A1#2
        restart
        capture A1 2 30.00 last   -> acknowledge A1#2
        complete A1               -> complete A1
        seconds 67                ->
        remembered 0
        ",
    );
}

#[test]
fn a_reversal_waits_for_the_decision_it_undoes() {
    check(
        "
        forward A1 pay 50.00   -> decide A1
        reverse A1 1           ->
        decide A1 approve      -> reverse A1#1, approved A1 50.00
        done A1 1              -> acknowledge A1#1
        forward A1 pay 50.00   -> approved A1 50.00
        ",
    );
}

#[test]
fn a_handler_that_runs_out_of_time_declines_as_failed() {
    check(
        "
        forward A1 pay 50.00           -> decide A1
        decide A1 never                -> declined A1 DestinationFailed
        decide A1 approve              ->
        forward A2 pay 50.00           -> decide A2
        decide A2 decline 205          -> declined A2 DestinationFailed
        forward A3 pay 50.00           -> decide A3
        decide A3 part 10.00           -> declined A3 DestinationFailed
        forward A4 pay 50.00 partial   -> decide A4
        decide A4 part 10.00           -> approved A4 10.00
        forward A5 pay 50.00 partial   -> decide A5
        decide A5 part 60.00           -> declined A5 DestinationFailed
        ",
    );
}

#[test]
fn more_forwards_than_the_handler_takes_are_refused_as_busy() {
    check(
        "
        forward A1 pay 1.00    -> decide A1
        forward A2 pay 1.00    -> decide A2
        forward A3 pay 1.00    -> decide A3
        forward A4 pay 1.00    -> refused A4 Busy
        decide A1 decline 100  -> declined A1 DoNotHonour
        forward A4 pay 1.00    -> decide A4
        ",
    );
}

#[test]
fn an_approval_that_nobody_confirms_is_asked_about() {
    check(
        "
        forward A1 pay 50.00          -> decide A1
        decide A1 approve             -> approved A1 50.00
        forward A2 pay 50.00          -> decide A2
        decide A2 approve             -> approved A2 50.00
        decided-through 1             -> covered A1
        seconds 6                     -> inquire A2 1
        status A2 1 pending 0         ->
        seconds 37                    -> inquire A2 2
        status A2 2 captured 0        -> covered A2
        seconds 67                    ->
        remembered 0
        ",
    );
}

#[test]
fn approvals_of_a_lost_link_are_asked_about_and_kept_until_then() {
    check(
        "
        forward A1 pay 50.00     -> decide A1
        decide A1 approve        -> approved A1 50.00
        link lost
        seconds 100              ->
        remembered 1
        link up
        seconds 101              -> inquire A1 1
        status A1 1 unknown 0    -> unknown-to-switch A1
        remembered 1
        seconds 140              -> inquire A1 2
        link lost
        link up
        seconds 171              -> inquire A1 3
        status A1 3 captured 0   -> covered A1
        seconds 300              ->
        remembered 0
        ",
    );
}

#[test]
fn an_approval_that_the_switch_did_not_accept_is_let_go() {
    check(
        "
        forward A1 pay 50.00     -> decide A1
        decide A1 approve        -> approved A1 50.00
        seconds 6                -> inquire A1 1
        status A1 1 declined 1   ->
        remembered 1
        seconds 37               -> inquire A1 2
        status A1 2 declined 0   -> let-go A1 Declined
        restart
        seconds 100              ->
        remembered 0
        ",
    );
}

#[test]
fn an_approval_whose_reversal_came_is_not_let_go_again() {
    check(
        "
        forward A1 pay 50.00     -> decide A1
        decide A1 approve        -> approved A1 50.00
        seconds 6                -> inquire A1 1
        status A1 1 timed-out 1  ->
        reverse A1 1             -> reverse A1#1
        done A1 1                -> acknowledge A1#1
        seconds 40               -> inquire A1 2
        status A1 2 timed-out 0  -> complete A1
        ",
    );
}

#[test]
fn a_hold_is_let_go_only_when_the_switch_says_so() {
    check(
        "
        forward A1 reserve 50.00  -> decide A1
        decide A1 approve         -> approved A1 50.00
        decided-through 1         -> covered A1
        seconds 604               ->
        remembered 1
        seconds 606               -> inquire A1 1
        status A1 1 held 0        ->
        seconds 640               -> inquire A1 2
        status A1 2 expired 1     ->
        seconds 671               -> inquire A1 3
        status A1 3 expired 0     -> let-go A1 Expired
        seconds 740               ->
        remembered 0
        capture A1 1 10.00 last   -> capture 10.00 last A1#1 unknown
        done A1 1                 -> acknowledge A1#1
        forward A1 reserve 50.00  -> refused A1 IdTooOld
        ",
    );
}

#[test]
fn a_lost_word_of_completion_is_asked_for() {
    check(
        "
        forward A1 reserve 50.00  -> decide A1
        decide A1 approve         -> approved A1 50.00
        decided-through 1         -> covered A1
        release A1 1 expired      -> release expired A1#1
        done A1 1                 -> acknowledge A1#1
        compact
        restart
        seconds 67                -> inquire A1 1
        remembered 1
        status A1 1 unknown 0     -> complete A1
        seconds 200               ->
        remembered 0
        ",
    );
}

#[test]
fn a_switch_that_decides_answers_never_sent_contradicts_itself() {
    let mut stage = Stage::new(&[]);
    stage.play(&["forward", "A1", "pay", "1.00"]);
    stage.play(&["decide", "A1", "approve"]);
    let ahead = stage.book.receive(0, DecidedThrough { count: 1 }.into(), stage.now);
    assert!(ahead.is_err(), "the answer has not left yet");
    stage.outputs();
    assert!(stage.book.receive(0, DecidedThrough { count: 1 }.into(), stage.now).is_ok());
    assert!(stage.book.receive(3, DecidedThrough { count: 0 }.into(), stage.now).is_err(), "no such lane");
}
