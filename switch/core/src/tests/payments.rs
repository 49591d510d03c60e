use super::world::check;

#[test]
fn a_payment_is_approved_and_booked_with_its_approval() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        show A                   -> held=50.00 debits=0.00 credits=0.00
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        show A                   -> held=0.00 debits=50.00 credits=0.00
        show B                   -> held=0.00 debits=0.00 credits=50.00
        inquire A 10             -> A status Approved Captured held_for=50.00 captured=50.00 released=0.00 reversed=0.00 undelivered=0
        ",
    );
}

#[test]
fn a_repeat_gets_the_one_outcome_and_is_never_forwarded_as_new() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        authorize A 10 m@B 50.00 repeat -> A superseded
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        authorize A 10 m@B 50.00 repeat budget=900 -> A 10 approved 50.00 Captured
        authorize A 20 m@B 60.00 -> B authorize A/20 60.00
        answer B A/20 declined InsufficientFunds -> A 20 declined InsufficientFunds Declined
        authorize A 20 m@B 60.00 -> A 20 declined InsufficientFunds Declined
        show A                   -> held=0.00 debits=50.00 credits=0.00
        ",
    );
}

#[test]
fn the_answer_goes_to_the_link_of_the_latest_copy() {
    check(
        "
        authorize A 10 m@B 50.00   -> B authorize A/10 50.00
        link up A#1                -> nothing
        authorize A#1 10 m@B 50.00 -> A superseded
        link lost A                -> nothing
        answer B A/10 approved     -> A 10 approved 50.00 Captured
        ",
    );
}

#[test]
fn an_id_used_again_with_other_content_is_refused_naming_the_field() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        authorize A 10 m@B 60.00 -> A 10 refused IdReusedOtherAmount
        authorize A 10 n@B 50.00 -> A 10 refused IdReusedOtherPaymentId
        authorize A 10 m@B 50.00 JPY -> A 10 refused IdReusedOtherCurrency
        authorize A 10 m@B 50.00 reserve -> A 10 refused IdReusedOtherKind
        authorize A 10 m@B 50.00 card2 -> A 10 refused IdReusedOtherInstrument
        authorize A 10 m@B 50.00 level=3 -> A 10 refused IdReusedOtherSecurity
        authorize A 10 m@B 50.00 web -> A 10 refused IdReusedOtherSecurity
        authorize A 10 m@B 50.00 expires=20000 -> A 10 refused IdReusedOtherTimes
        authorize A 10 m@B 50.00 partial -> A 10 refused IdReusedOtherOptions
        authorize A 10 m@B 50.00 extended -> A 10 refused IdReusedOtherExtensions
        reverse A 10 of 10       -> A 10 refused IdReusedOtherMessage
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        authorize A 10 m@B 60.00 -> A 10 refused IdReusedOtherAmount
        reverse A 11 of 10       -> A 11 approved 50.00 Reversed, B reverse A/10 #1
        authorize A 11 m@B 50.00 -> A 11 refused IdReusedOtherMessage
        ",
    );
}

#[test]
fn another_participants_equal_id_is_another_transaction() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        authorize C 10 m@B 20.00 -> B authorize C/10 20.00
        answer B C/10 approved   -> C 10 approved 20.00 Captured
        inquire C A/10           -> C status OriginalUnknown
        inquire D A/10           -> D status OriginalUnknown
        inquire B A/10           -> B status undecided Pending held_for=50.00 captured=0.00 released=0.00 reversed=0.00 undelivered=0
        ",
    );
}

#[test]
fn silence_is_declined_at_the_deadline_and_reversed() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        wait 4994                -> nothing
        wait 1                   -> A 10 declined DestinationTimedOut TimedOut, B reverse A/10 #1
        show A                   -> held=0.00 debits=0.00 credits=0.00
        inquire A 10             -> A status Declined TimedOut held_for=50.00 captured=0.00 released=50.00 reversed=0.00 undelivered=1
        answer B A/10 approved   -> nothing
        facts 2                  -> Declined DestinationTimedOut reversal=true, LateAnswer approved=true reversal=false
        answer B A/10 approved   -> nothing
        facts 1                  -> LateAnswer approved=true reversal=false
        acknowledge B A/10 1     -> B complete A/10
        authorize A 10 m@B 50.00 -> A 10 declined DestinationTimedOut TimedOut
        ",
    );
}

#[test]
fn only_the_destination_is_heard_and_only_once() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer D A/10 approved   -> nothing
        answer A A/10 approved   -> nothing
        answer B A/99 approved   -> nothing
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        answer B A/10 approved   -> nothing
        answer B A/10 declined DoNotHonour -> nothing
        facts 1                  -> LateAnswer approved=false reversal=false
        answer B A/10 declined DoNotHonour -> nothing
        show A                   -> held=0.00 debits=50.00 credits=0.00
        ",
    );
}

#[test]
fn a_destination_that_approves_what_it_declined_hears_a_reversal() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 declined DoNotHonour -> A 10 declined DoNotHonour Declined
        answer B A/10 approved 50.00 -> B reverse A/10 #1
        answer B A/10 approved 50.00 -> nothing
        acknowledge B A/10 1     -> B complete A/10
        answer B A/10 approved 50.00 -> nothing
        authorize A 10 m@B 50.00 -> A 10 declined DoNotHonour Declined
        ",
    );
}

#[test]
fn approvals_that_do_not_fit_are_declined_and_reversed() {
    check(
        "
        authorize A 10 m@B 50.00     -> B authorize A/10 50.00
        answer B A/10 approved 50.01 -> A 10 declined ApprovalAboveAmount Declined, B reverse A/10 #1
        authorize A 11 m@B 50.00     -> B authorize A/11 50.00
        answer B A/11 approved 49.99 -> A 11 declined PartialNotAllowed Declined, B reverse A/11 #1
        authorize A 12 m@B 50.00 partial -> B authorize A/12 50.00
        answer B A/12 approved 0.00  -> A 12 declined PartialNotAllowed Declined, B reverse A/12 #1
        authorize A 13 m@B 50.00 partial -> B authorize A/13 50.00
        answer B A/13 approved 30.00 -> A 13 approved 30.00 Captured
        show A                       -> held=0.00 debits=30.00 credits=0.00
        reverse A 14 of 13           -> A 14 approved 30.00 Reversed, B reverse A/13 #1
        show A                       -> held=0.00 debits=30.00 credits=30.00
        ",
    );
}

#[test]
fn technical_failures_of_the_destination_leave_doubt_and_are_reversed() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 declined DestinationFailed -> A 10 declined DestinationFailed Declined, B reverse A/10 #1
        authorize A 11 m@B 50.00 -> B authorize A/11 50.00
        answer B A/11 refused Busy -> A 11 declined DestinationRefused Declined, B reverse A/11 #1
        authorize A 12 m@B 50.00 -> B authorize A/12 50.00
        answer B A/12 declined Busy -> A 12 declined DoNotHonour Declined
        ",
    );
}

#[test]
fn right_after_a_start_a_destination_that_is_not_back_is_busy_and_not_declined() {
    check(
        "
        link lost B              -> nothing
        started just             -> nothing
        authorize A 16 m@B 50.00 -> A 16 refused Busy
        authorize A 17 m@X 50.00 -> A 17 declined MpsUnknown Declined
        link up B                -> nothing
        authorize A 16 m@B 50.00 -> B authorize A/16 50.00
        status B draining        -> nothing
        authorize A 18 m@B 50.00 -> A 18 declined DestinationNotAccepting Declined
        status B active          -> nothing
        link lost B              -> nothing
        started long             -> nothing
        authorize A 19 m@B 50.00 -> A 19 declined DestinationNotConnected Declined
        show A                   -> held=50.00 debits=0.00 credits=0.00
        ",
    );
}

#[test]
fn what_leads_nowhere_is_declined_for_ever_and_holds_nothing() {
    check(
        "
        authorize A 10 m@X 50.00 -> A 10 declined MpsUnknown Declined
        authorize A 11 x@D 50.00 -> A 11 declined MerchantUnknown Declined
        authorize A 12 m@A 50.00 -> A 12 declined DestinationIsOriginator Declined
        authorize A 13 m@B 50.00 JPY -> A 13 declined CurrencyNotAgreed Declined
        authorize A 14 m@B 50.00 level=3 -> A 14 declined SecurityLevelNotAgreed Declined
        authorize A 15 m@B 50.00 budget=5 -> A 15 declined BudgetTooShort Declined
        link lost B              -> nothing
        authorize A 16 m@B 50.00 -> A 16 declined DestinationNotConnected Declined
        link up B                -> nothing
        authorize A 16 m@B 50.00 -> A 16 declined DestinationNotConnected Declined
        status B draining        -> nothing
        authorize A 17 m@B 50.00 -> A 17 declined DestinationNotAccepting Declined
        show A                   -> held=0.00 debits=0.00 credits=0.00
        ",
    );
}

#[test]
fn an_operator_is_a_destination_like_any_other() {
    check(
        "
        authorize A 10 m@C 50.00 -> C authorize A/10 50.00
        answer C A/10 approved   -> A 10 approved 50.00 Captured
        show C                   -> held=0.00 debits=0.00 credits=50.00
        authorize C 10 m@A 20.00 -> A authorize C/10 20.00
        answer A C/10 approved   -> C 10 approved 20.00 Captured
        show C                   -> held=0.00 debits=20.00 credits=50.00
        ",
    );
}

#[test]
fn what_is_settled_outside_moves_no_position() {
    check(
        "
        authorize A 10 out@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved     -> A 10 approved 50.00 Captured
        show A                     -> held=0.00 debits=0.00 credits=0.00
        reverse A 11 of 10         -> A 11 approved 50.00 Reversed, B reverse A/10 #1
        show B                     -> held=0.00 debits=0.00 credits=0.00
        ",
    );
}

#[test]
fn untimely_requests_are_refused_and_leave_nothing() {
    check(
        "
        authorize A 10 m@B 50.00 expires=60001 -> A 10 refused ExpiresTooFar
        wait 30000
        authorize A 10 m@B 50.00 -> A 10 refused Expired
        authorize A 10 m@B 50.00 expires=50000 -> B authorize A/10 50.00
        answer B A/10 approved -> A 10 approved 50.00 Captured
        authorize A 12 m@B 50.00 reserve hold=20000 -> A 12 refused HoldUntilOutOfRange
        wait 90000
        authorize A 12 m@B 50.00 -> A 12 refused IdTooOld
        authorize A 10 m@B 50.00 expires=50000 -> A 10 refused IdTooOld
        ",
    );
}

#[test]
fn participants_that_are_draining_or_suspended_send_no_new_work() {
    check(
        "
        authorize A 10 m@B 50.00 reserve -> B authorize A/10 50.00
        answer B A/10 approved    -> A 10 approved 50.00 Held
        status A draining         -> nothing
        authorize A 11 m@B 50.00  -> A 11 refused Draining
        authorize B 11 m@A 50.00  -> B 11 refused RoleNotAgreed
        status A suspended        -> nothing
        authorize A 11 m@B 50.00  -> A 11 refused Suspended
        capture A 12 of 10 20.00 last -> A 12 refused Suspended
        release A 13 of 10        -> A 13 refused Suspended
        reverse A 14 of 10        -> A 14 approved 50.00 Reversed, B reverse A/10 #1
        status A active           -> nothing
        journal full
        authorize A 11 m@B 50.00  -> A 11 refused JournalFull
        ",
    );
}
