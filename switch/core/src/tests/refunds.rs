//! Refunds: what may be refunded, by whom and how much, and what its destination makes of it.

use super::world::check;

#[test]
fn a_refund_is_a_movement_of_its_own_from_the_creditor_to_the_debtor() {
    check(
        "
        authorize A 10 m@B 50.00  -> B authorize A/10 50.00
        answer B A/10 approved    -> A 10 approved 50.00 Captured
        cutover 2026-11-23        -> nothing
        refund A 20 of 10 20.00   -> B refund A/20 of 10 20.00
        show B                    -> held=20.00 debits=0.00 credits=50.00
        answer B A/20 approved    -> A 20 approved 20.00 Captured
        show A                    -> held=0.00 debits=50.00 credits=20.00
        show B                    -> held=0.00 debits=20.00 credits=50.00
        authorize A 10 m@B 50.00  -> A 10 approved 50.00 Captured
        facts 2                   -> RefundReserved, Approved
        ",
    );
}

#[test]
fn the_debtor_of_a_refund_is_the_creditor_of_its_original_whichever_that_is() {
    check(
        "
        authorize A 10 m@B 50.00 reserve -> B authorize A/10 50.00
        answer B A/10 approved       -> A 10 approved 50.00 Held
        capture A 11 of 10 50.00 last -> A 11 approved 50.00 Captured, B capture 50.00 last A/10 #1
        show B                       -> held=0.00 debits=50.00 credits=0.00
        refund A 20 of 10 20.00      -> B refund A/20 of 10 20.00
        show A                       -> held=20.00 debits=0.00 credits=50.00
        answer B A/20 approved       -> A 20 approved 20.00 Captured
        show A                       -> held=0.00 debits=20.00 credits=50.00
        show B                       -> held=0.00 debits=50.00 credits=20.00
        authorize A 30 out@B 50.00   -> B authorize A/30 50.00
        answer B A/30 approved       -> A 30 approved 50.00 Captured
        refund A 31 of 30 50.00      -> B refund A/31 of 30 50.00
        answer B A/31 approved       -> A 31 approved 50.00 Captured
        refund A 32 of 30 0.01       -> A 32 declined RefundAboveCaptured Declined
        show A                       -> held=0.00 debits=20.00 credits=50.00
        ",
    );
}

#[test]
fn refunds_of_one_original_never_exceed_what_was_captured_pending_ones_included() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        refund A 20 of 10 50.01  -> A 20 declined RefundAboveCaptured Declined
        refund A 21 of 10 30.00  -> B refund A/21 of 10 30.00
        refund A 22 of 10 20.01  -> A 22 declined RefundAboveCaptured Declined
        refund A 23 of 10 20.00  -> B refund A/23 of 10 20.00
        answer B A/21 declined PayeeRefused -> A 21 declined PayeeRefused Declined
        answer B A/23 approved   -> A 23 approved 20.00 Captured
        refund A 24 of 10 30.01  -> A 24 declined RefundAboveCaptured Declined
        refund A 25 of 10 30.00  -> B refund A/25 of 10 30.00
        answer B A/25 approved   -> A 25 approved 30.00 Captured
        refund A 26 of 10 0.01   -> A 26 declined RefundAboveCaptured Declined
        show A                   -> held=0.00 debits=50.00 credits=50.00
        refund A 22 of 10 20.01  -> A 22 declined RefundAboveCaptured Declined
        ",
    );
}

#[test]
fn only_what_was_captured_is_refunded_and_each_other_original_has_its_reason() {
    check(
        "
        authorize A 10 m@B 50.00          -> B authorize A/10 50.00
        refund A 20 of 10 1.00            -> A 20 declined OriginalPending Declined
        answer B A/10 declined DoNotHonour -> A 10 declined DoNotHonour Declined
        refund A 21 of 10 1.00            -> A 21 declined OriginalDeclined Declined
        authorize A 11 m@D 50.00 reserve many -> D authorize A/11 50.00
        answer D A/11 approved            -> A 11 approved 50.00 Held
        refund A 22 of 11 1.00            -> A 22 declined NothingCaptured Declined
        capture A 12 of 11 20.00          -> A 12 approved 20.00 Held, D capture 20.00 A/11 #1
        refund A 23 of 12 1.00            -> A 23 declined OriginalUnknown Declined
        refund A 24 of 11 20.01           -> A 24 declined RefundAboveCaptured Declined
        refund A 25 of 11 20.00           -> D refund A/25 of 11 20.00
        answer D A/25 approved            -> A 25 approved 20.00 Captured
        show A                            -> held=30.00 debits=20.00 credits=20.00
        refund A 26 of 25 1.00            -> A 26 declined NotRefundable Declined
        release A 13 of 11                -> A 13 approved 30.00 Captured
        authorize A 14 m@B 1.00 verify    -> B authorize A/14 1.00
        answer B A/14 approved            -> A 14 approved 1.00 Held
        refund A 27 of 14 1.00            -> A 27 declined NotRefundable Declined
        refund A 28 of 99 1.00            -> A 28 declined OriginalUnknown Declined
        authorize A 15 m@D 9.00 reserve   -> D authorize A/15 9.00
        answer D A/15 approved            -> A 15 approved 9.00 Held
        release A 16 of 15                -> A 16 approved 9.00 Released, D release A/15 #1
        refund A 29 of 15 1.00            -> A 29 declined NothingCaptured Declined
        reverse A 17 of 18                -> A 17 approved 0.00 Reversed, B reverse A/18 #1
        refund A 30 of 18 1.00            -> A 30 declined OriginalReversed Declined
        authorize A 19 m@B 9.00           -> B authorize A/19 9.00
        wait 4995
        refund A 31 of 19 1.00            -> A 31 declined OriginalDeclined Declined
        ",
    );
}

#[test]
fn nobody_refunds_for_another_participant_and_no_other_currency() {
    check(
        "
        authorize A 10 m@B 50.00    -> B authorize A/10 50.00
        answer B A/10 approved      -> A 10 approved 50.00 Captured
        refund C 20 of 10 50.00     -> C 20 declined OriginalUnknown Declined
        refund B 21 of 10 50.00     -> B 21 refused RoleNotAgreed
        refund A 22 of 10 50.00 JPY -> A 22 declined CurrencyDiffers Declined
        refund A 23 of 23 50.00     -> A 23 refused IdReusedOtherMessage
        refund A 10 of 10 50.00     -> A 10 refused IdReusedOtherMessage
        show A                      -> held=0.00 debits=50.00 credits=0.00
        ",
    );
}

#[test]
fn a_repeat_gets_the_one_outcome_and_other_content_names_its_field() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        authorize A 11 m@B 50.00 -> B authorize A/11 50.00
        refund A 20 of 10 20.00  -> B refund A/20 of 10 20.00
        refund A 20 of 10 20.00  -> A superseded
        refund A 20 of 10 20.01  -> A 20 refused IdReusedOtherAmount
        refund A 20 of 11 20.00  -> A 20 refused IdReusedOtherOriginal
        refund A 20 of 10 20.00 JPY -> A 20 refused IdReusedOtherCurrency
        refund A 20 of 10 20.00 expires=20000 -> A 20 refused IdReusedOtherTimes
        refund A 20 of 10 20.00 extended -> A 20 refused IdReusedOtherExtensions
        refund A 11 of 10 20.00  -> A 11 refused IdReusedOtherMessage
        authorize A 20 m@B 20.00 -> A 20 refused IdReusedOtherMessage
        capture A 20 of 10 20.00 -> A 20 refused IdReusedOtherMessage
        answer B A/20 approved   -> A 20 approved 20.00 Captured
        refund A 20 of 10 20.00 budget=9000 -> A 20 approved 20.00 Captured
        reverse A 21 of 10       -> A 21 approved 30.00 Reversed, B reverse A/10 #1
        refund A 21 of 10 20.00  -> A 21 refused IdReusedOtherMessage
        refund A 20 of 10 20.00  -> A 20 approved 20.00 Captured
        show A                   -> held=50.00 debits=50.00 credits=50.00
        ",
    );
}

#[test]
fn a_silent_destination_is_sent_a_reversal_and_what_was_asked_for_can_be_refunded_again() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        refund A 20 of 10 50.00  -> B refund A/20 of 10 50.00
        wait 4995                -> A 20 declined DestinationTimedOut TimedOut, B reverse A/20 #1
        answer B A/20 approved   -> nothing
        show B                   -> held=0.00 debits=0.00 credits=50.00
        refund A 21 of 10 50.00  -> B refund A/21 of 10 50.00
        acknowledge B A/20 1     -> B complete A/20
        answer B A/21 declined DestinationFailed -> A 21 declined DestinationFailed Declined, B reverse A/21 #1
        acknowledge B A/21 1     -> B complete A/21
        refund A 22 of 10 50.00  -> B refund A/22 of 10 50.00
        answer B A/22 approved 49.00 -> A 22 declined PartialNotAllowed Declined, B reverse A/22 #1
        acknowledge B A/22 1     -> B complete A/22
        refund A 23 of 10 50.00  -> B refund A/23 of 10 50.00
        answer B A/23 approved 50.01 -> A 23 declined ApprovalAboveAmount Declined, B reverse A/23 #1
        acknowledge B A/23 1     -> B complete A/23
        refund A 24 of 10 50.00  -> B refund A/24 of 10 50.00
        answer B A/24 refused Malformed -> A 24 declined DestinationRefused Declined, B reverse A/24 #1
        acknowledge B A/24 1     -> B complete A/24
        refund A 25 of 10 50.00  -> B refund A/25 of 10 50.00
        answer B A/25 declined PayeeRefused -> A 25 declined PayeeRefused Declined
        answer B A/25 approved 50.00 -> B reverse A/25 #1
        acknowledge B A/25 1     -> B complete A/25
        show A                   -> held=0.00 debits=50.00 credits=0.00
        show B                   -> held=0.00 debits=0.00 credits=50.00
        ",
    );
}

#[test]
fn only_the_destination_of_the_original_is_heard() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        refund A 20 of 10 20.00  -> B refund A/20 of 10 20.00
        answer D A/20 approved   -> nothing
        answer B#1 A/20 approved -> nothing
        answer B A/20 approved   -> A 20 approved 20.00 Captured
        answer B A/20 declined DoNotHonour -> nothing
        inquire B A/20           -> B status Approved Captured held_for=20.00 captured=20.00 released=0.00 reversed=0.00 undelivered=0
        inquire A 20             -> A status Approved Captured held_for=20.00 captured=20.00 released=0.00 reversed=0.00 undelivered=0
        inquire D A/20           -> D status OriginalUnknown
        ",
    );
}

#[test]
fn a_refund_may_exceed_the_cap_and_then_new_holds_are_refused() {
    check(
        "
        authorize A 10 m@C 50.00 -> C authorize A/10 50.00
        answer C A/10 approved   -> A 10 approved 50.00 Captured
        configure C cap=10.00    -> nothing
        authorize C 30 m@B 61.00 -> C 30 declined NetDebitCapExceeded Declined
        authorize C 31 m@B 60.00 -> B authorize C/31 60.00
        answer B C/31 approved   -> C 31 approved 60.00 Captured
        refund A 20 of 10 50.00  -> C refund A/20 of 10 50.00
        authorize C 32 m@B 0.01  -> C 32 declined NetDebitCapExceeded Declined
        answer C A/20 approved   -> A 20 approved 50.00 Captured
        show C                   -> held=0.00 debits=110.00 credits=50.00
        ",
    );
}

#[test]
fn a_refund_counts_for_no_limit_and_gives_none_back() {
    check(
        "
        configure A daily=60.00  -> nothing
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        refund A 20 of 10 50.00  -> B refund A/20 of 10 50.00
        answer B A/20 approved   -> A 20 approved 50.00 Captured
        authorize A 11 m@B 10.01 -> A 11 declined DailyAmountLimitExceeded Declined
        reverse A 21 of 20       -> A 21 approved 50.00 Reversed, B reverse A/20 #1
        authorize A 12 m@B 10.00 -> B authorize A/12 10.00
        ",
    );
}

#[test]
fn a_refund_is_new_work_for_both_sides() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        status A draining        -> nothing
        refund A 20 of 10 50.00  -> A 20 refused Draining
        status A suspended       -> nothing
        refund A 20 of 10 50.00  -> A 20 refused Suspended
        status A active          -> nothing
        status B draining        -> nothing
        refund A 20 of 10 50.00  -> A 20 declined DestinationNotAccepting Declined
        status B active          -> nothing
        journal full             -> nothing
        refund A 21 of 10 50.00  -> A 21 refused JournalFull
        journal behind           -> nothing
        refund A 21 of 10 50.00  -> A 21 refused Busy
        journal free             -> nothing
        refund A 21 of 10 50.00 budget=5 -> A 21 declined BudgetTooShort Declined
        refund A 22 of 10 50.00 expires=90000 -> A 22 refused ExpiresTooFar
        link lost B              -> nothing
        refund A 23 of 10 50.00  -> A 23 declined DestinationNotConnected Declined
        link up B window=1       -> nothing
        refund A 24 of 10 10.00  -> B refund A/24 of 10 10.00
        refund A 25 of 10 10.00  -> A 25 refused Busy
        answer B A/24 approved   -> A 24 approved 10.00 Captured
        refund A 25 of 10 10.00  -> B refund A/25 of 10 10.00
        ",
    );
    check(
        "
        authorize A 10 out@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved     -> A 10 approved 50.00 Captured
        configure without B        -> nothing
        refund A 20 of 10 10.00    -> A 20 declined DestinationNotAccepting Declined
        ",
    );
}

#[test]
fn a_lost_link_gets_the_refund_again_and_a_restart_too() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        refund A 20 of 10 20.00  -> B refund A/20 of 10 20.00
        link lost B              -> nothing
        link up B                -> B refund A/20 of 10 20.00 again
        restart                  -> nothing
        link up A                -> nothing
        link up B                -> B refund A/20 of 10 20.00 again
        refund A 20 of 10 20.00  -> nothing
        reverse A 11 of 10       -> nothing
        answer B A/20 approved   -> A 20 approved 20.00 Captured, A 11 approved 30.00 Reversed, B reverse A/10 #1
        ",
    );
}

#[test]
fn without_shared_deduplication_only_the_instance_that_knows_the_original_gets_its_refund() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        link up B#1              -> nothing
        link lost B              -> nothing
        refund A 20 of 10 20.00  -> A 20 declined DestinationNotConnected Declined
        link lost B#1            -> nothing
        link up B#1 shared       -> nothing
        refund A 21 of 10 20.00  -> B refund A/21 of 10 20.00
        answer B#1 A/21 approved -> A 21 approved 20.00 Captured
        ",
    );
}

#[test]
fn a_day_stays_open_while_a_refund_of_it_is_pending() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        refund A 20 of 10 20.00  -> B refund A/20 of 10 20.00
        cutover 2026-11-23       -> nothing
        facts 1                  -> CutOver 2026-11-23
        answer B A/20 approved   -> A 20 approved 20.00 Captured
        facts 2                  -> Approved, DayClosed 2026-11-22
        ",
    );
}

#[test]
fn an_original_stays_as_long_as_a_refund_names_it() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        wait 60000               -> nothing
        refund A 20 of 10 20.00  -> B refund A/20 of 10 20.00
        answer B A/20 approved   -> A 20 approved 20.00 Captured
        wait 40000               -> nothing
        refund A 21 of 10 30.01  -> A 21 declined RefundAboveCaptured Declined
        refund A 22 of 10 30.00  -> B refund A/22 of 10 30.00
        answer B A/22 approved   -> A 22 approved 30.00 Captured
        wait 40000               -> nothing
        reverse A 23 of 22       -> A 23 approved 30.00 Reversed, B reverse A/22 #1
        acknowledge B A/22 1     -> B complete A/22
        wait 100000              -> nothing
        refund A 24 of 10 20.00  -> recall A/10
        recalled A/10 unavailable -> A 24 refused OriginalUnavailable
        refund A 24 of 10 20.00  -> recall A/10
        refund A 24 of 10 20.00  -> A superseded
        recalled A/10 absent     -> A 24 declined OriginalUnknown Declined
        refund A 25 of 10 20.00  -> recall A/10
        wait 5000                -> A 25 refused OriginalUnavailable
        reverse A 26 of 27       -> A 26 approved 0.00 Reversed, B reverse A/27 #1
        refund A 27 of 10 20.00  -> A 27 declined ReversedBeforeArrival Reversed
        ",
    );
}
