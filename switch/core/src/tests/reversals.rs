use super::world::check;

#[test]
fn a_pending_payment_is_reversed_and_both_requests_are_answered() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        reverse A 11 of 10       -> A 11 approved 50.00 Reversed, A 10 declined ReversedByOriginator Reversed, B reverse A/10 #1
        answer B A/10 approved   -> nothing
        acknowledge B A/10 1     -> B complete A/10
        reverse A 11 of 10       -> A 11 approved 50.00 Reversed
        reverse A 12 of 10       -> A 12 approved 0.00 Reversed
        authorize A 10 m@B 50.00 -> A 10 declined ReversedByOriginator Reversed
        show A                   -> held=0.00 debits=0.00 credits=0.00
        ",
    );
}

#[test]
fn what_was_captured_is_undone_by_the_opposite_movement() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        reverse A 11 of 10       -> A 11 approved 50.00 Reversed, B reverse A/10 #1
        show A                   -> held=0.00 debits=50.00 credits=50.00
        show B                   -> held=0.00 debits=50.00 credits=50.00
        authorize A 10 m@B 50.00 -> A 10 approved 50.00 Reversed
        acknowledge B A/10 1     -> B complete A/10
        reverse A 12 of 10       -> A 12 approved 0.00 Reversed
        show A                   -> held=0.00 debits=50.00 credits=50.00
        ",
    );
}

#[test]
fn a_reversal_during_partial_captures_undoes_them_and_supersedes_what_was_never_sent() {
    check(
        "
        authorize A 10 m@D 50.00 reserve many -> D authorize A/10 50.00
        answer D A/10 approved   -> A 10 approved 50.00 Held
        capture A 11 of 10 20.00 -> A 11 approved 20.00 Held, D capture 20.00 A/10 #1
        capture A 12 of 10 10.00 -> A 12 approved 10.00 Held
        reverse A 13 of 10       -> A 13 approved 50.00 Reversed
        show A                   -> held=0.00 debits=30.00 credits=30.00
        inquire A 10             -> A status Approved Reversed held_for=50.00 captured=30.00 released=20.00 reversed=30.00 undelivered=2
        acknowledge D A/10 1     -> D reverse A/10 #3
        acknowledge D A/10 3     -> D complete A/10
        capture A 12 of 10 10.00 -> A 12 approved 10.00 Reversed
        capture A 14 of 10 10.00 -> A 14 declined OriginalReversed Reversed
        ",
    );
}

#[test]
fn a_reversal_before_its_original_is_a_tombstone_and_is_passed_on() {
    check(
        "
        reverse A 11 of 10 to=m@B -> A 11 approved 0.00 Reversed, B reverse A/10 #1
        authorize A 10 m@B 50.00  -> A 10 declined ReversedBeforeArrival Reversed
        authorize A 10 m@B 50.00  -> A 10 declined ReversedBeforeArrival Reversed
        authorize A 10 m@B 60.00  -> A 10 refused IdReusedOtherAmount
        capture A 12 of 10 1.00 last -> A 12 declined NotCapturable Reversed
        acknowledge B A/10 1      -> B complete A/10
        authorize A 10 m@B 50.00  -> A 10 declined ReversedBeforeArrival Reversed
        reverse A 21 of 20 to=m@X -> A 21 approved 0.00 Reversed
        authorize A 20 m@B 50.00  -> A 20 declined ReversedBeforeArrival Reversed
        reverse A 31 of 30 to=m@B -> A 31 approved 0.00 Reversed, B reverse A/30 #1
        acknowledge B A/30 1      -> B complete A/30
        authorize A 30 m@B 50.00  -> A 30 declined ReversedBeforeArrival Reversed
        answer B A/30 approved 50.00 -> nothing
        show A                    -> held=0.00 debits=0.00 credits=0.00
        ",
    );
}

#[test]
fn nobody_reverses_for_another_participant() {
    check(
        "
        authorize A 10 m@B 50.00  -> B authorize A/10 50.00
        reverse C 11 of 10 to=m@B -> C 11 approved 0.00 Reversed, B reverse C/10 #1
        answer B A/10 approved    -> A 10 approved 50.00 Captured
        ",
    );
}

#[test]
fn a_reversal_is_never_reversed() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        reverse A 11 of 10       -> A 11 approved 50.00 Reversed, B reverse A/10 #1
        reverse A 12 of 11       -> A 12 declined ReversalOfReversal None
        show A                   -> held=0.00 debits=50.00 credits=50.00
        ",
    );
}

#[test]
fn a_reversal_of_what_was_declined_moves_nothing() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 declined DoNotHonour -> A 10 declined DoNotHonour Declined
        reverse A 11 of 10       -> A 11 approved 0.00 Declined
        authorize A 12 m@X 50.00 -> A 12 declined MpsUnknown Declined
        reverse A 13 of 12       -> A 13 approved 0.00 Declined
        ",
    );
}

#[test]
fn an_older_original_is_looked_up_first() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        wait 100000              -> nothing
        reverse A 11 of 10       -> recall A/10
        reverse A 11 of 10       -> A superseded
        recalled A/10 unavailable -> A 11 refused OriginalUnavailable
        recalled A/10 unavailable -> nothing
        reverse A 11 of 10       -> recall A/10
        wait 4999                -> nothing
        wait 1                   -> A 11 refused OriginalUnavailable
        capture A 12 of 10 1.00 last -> recall A/10
        reverse A 13 of 10 to=m@B -> nothing
        recalled A/10 absent     -> A 12 declined OriginalUnknown None, A 13 approved 0.00 Reversed, B reverse A/10 #1
        acknowledge B A/10 1     -> B complete A/10
        ",
    );
}

#[test]
fn a_request_that_names_itself_as_its_original_is_refused() {
    check(
        "
        reverse A 12 of 12 to=m@B -> A 12 refused IdReusedOtherMessage
        capture A 13 of 13 1.00   -> A 13 refused IdReusedOtherMessage
        release A 14 of 14        -> A 14 refused IdReusedOtherMessage
        ",
    );
}

#[test]
fn an_id_that_was_decided_while_its_other_use_waited_keeps_its_outcome() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        wait 100000              -> nothing
        reverse A 11 of 10 to=m@B -> recall A/10
        reverse A 11 of 12 to=m@B -> A 11 approved 0.00 Reversed, B reverse A/12 #1
        recalled A/10 absent     -> A 11 refused IdReusedOtherOriginal
        ",
    );
}

#[test]
fn two_reversals_that_waited_for_one_original_leave_one_tombstone() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        wait 100000              -> nothing
        reverse A 11 of 10 to=m@B -> recall A/10
        reverse A 12 of 10 to=m@B -> nothing
        capture A 13 of 10 1.00  -> nothing
        recalled A/10 absent     -> A 11 approved 0.00 Reversed, B reverse A/10 #1, A 12 approved 0.00 Reversed, A 13 declined OriginalUnknown Reversed
        acknowledge B A/10 1     -> B complete A/10
        ",
    );
}
