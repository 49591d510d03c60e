use super::world::{World, check, check_with, number, participant, routes, settings};
use crate::ledger::Position;
use crate::{Input, Settings};

#[test]
fn no_hold_takes_its_debtor_above_the_cap() {
    check(
        "
        configure A cap=100.00
        authorize A 10 m@B 60.00 -> B authorize A/10 60.00
        authorize A 11 m@B 40.01 -> A 11 declined NetDebitCapExceeded Declined
        authorize A 12 m@B 40.00 -> B authorize A/12 40.00
        answer B A/10 approved   -> A 10 approved 60.00 Captured
        authorize A 13 m@B 0.01  -> A 13 declined NetDebitCapExceeded Declined
        answer B A/12 declined DoNotHonour -> A 12 declined DoNotHonour Declined
        authorize A 14 m@B 40.00 -> B authorize A/14 40.00
        configure A cap=10.00
        answer B A/14 approved   -> A 14 approved 40.00 Captured
        authorize A 15 m@B 1.00  -> A 15 declined NetDebitCapExceeded Declined
        show A                   -> held=0.00 debits=100.00 credits=0.00
        ",
    );
}

#[test]
fn daily_limits_count_by_business_date_and_a_reversal_gives_back_the_amount_only() {
    check(
        "
        configure A amount=50.00 daily=100.00 count=3
        authorize A 10 m@B 50.01 -> A 10 declined AmountLimitExceeded Declined
        authorize A 11 m@B 50.00 -> B authorize A/11 50.00
        answer B A/11 approved   -> A 11 approved 50.00 Captured
        authorize A 12 m@B 50.00 -> B authorize A/12 50.00
        answer B A/12 approved   -> A 12 approved 50.00 Captured
        authorize A 13 m@B 0.01  -> A 13 declined DailyAmountLimitExceeded Declined
        reverse A 14 of 12
        authorize A 15 m@B 50.00 -> B authorize A/15 50.00
        reverse A 16 of 15
        authorize A 17 m@B 1.00  -> A 17 declined DailyCountLimitExceeded Declined
        cutover 2026-11-23       -> nothing
        authorize A 17 m@B 1.00  -> A 17 declined DailyCountLimitExceeded Declined
        authorize A 18 m@B 50.00 -> B authorize A/18 50.00
        reverse A 19 of 11
        authorize A 20 m@B 50.00 -> B authorize A/20 50.00
        authorize A 21 m@B 0.01  -> A 21 declined DailyAmountLimitExceeded Declined
        ",
    );
}

#[test]
fn a_day_closes_when_nothing_dated_to_it_is_pending() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        authorize A 11 m@D 50.00 reserve -> D authorize A/11 50.00
        answer D A/11 approved   -> A 11 approved 50.00 Held
        cutover 2026-11-22       -> nothing
        cutover 2026-11-21       -> nothing
        cutover 2026-11-23       -> nothing
        facts 1                  -> CutOver 2026-11-23
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        facts 2                  -> Approved, DayClosed 2026-11-22
        authorize A 12 m@B 50.00 -> B authorize A/12 50.00
        cutover 2026-11-24       -> nothing
        wait 5000                -> A 12 declined DestinationTimedOut TimedOut, B reverse A/12 #1
        facts 2                  -> Declined DestinationTimedOut reversal=true, DayClosed 2026-11-23
        ",
    );
}

#[test]
fn a_participant_with_open_work_is_not_removed() {
    check(
        "
        authorize A 10 m@D 50.00 reserve -> D authorize A/10 50.00
        configure without D      -> nothing
        answer D A/10 approved   -> A 10 approved 50.00 Held
        release A 11 of 10       -> A 11 approved 50.00 Released, D release A/10 #1
        configure without D      -> nothing
        authorize A 12 m@D 1.00  -> D authorize A/12 1.00
        answer D A/12 declined DoNotHonour -> A 12 declined DoNotHonour Declined
        acknowledge D A/10 1     -> D complete A/10
        configure without D      -> nothing
        facts 1                  -> ParticipantRemoved
        authorize A 13 m@D 1.00  -> A 13 declined MerchantUnknown Declined
        reverse A 14 of 20 to=m@D -> A 14 approved 0.00 Reversed
        ",
    );
}

#[test]
fn what_is_remembered_of_a_removed_participant_can_still_be_reversed() {
    check(
        "
        authorize A 10 out@B 50.00 -> B authorize A/10 50.00
        answer B A/10 approved     -> A 10 approved 50.00 Captured
        authorize A 11 out@B 5.00  -> B authorize A/11 5.00
        answer B A/11 declined DoNotHonour -> A 11 declined DoNotHonour Declined
        configure without B        -> nothing
        facts 1                    -> ParticipantRemoved
        link lost B                -> nothing
        reverse A 12 of 10         -> A 12 approved 50.00 Reversed
        answer B A/11 approved 5.00 -> nothing
        configure A cap=1000.00    -> nothing
        link up B                  -> B reverse A/10 #1, B reverse A/11 #1
        acknowledge B A/10 1       -> B complete A/10
        ",
    );
}

#[test]
fn inquiries_have_a_budget() {
    check_with(
        Settings { inquiries_per_s: 2, ..settings() },
        "
        inquire A 10 -> A status OriginalUnknown
        inquire A 10 -> A status OriginalUnknown
        inquire A 10 -> A status InquiryBudgetSpent
        inquire C 10 -> C status OriginalUnknown
        wait 1000
        inquire A 10 -> A status OriginalUnknown
        ",
    );
}

#[test]
fn tables_that_are_full_refuse_new_work() {
    check_with(
        Settings { pending_max: 2, recalls_max: 1, ..settings() },
        "
        authorize A 10 m@B 1.00 -> B authorize A/10 1.00
        authorize A 11 m@B 1.00 -> B authorize A/11 1.00
        authorize A 12 m@B 1.00 -> A 12 refused Busy
        answer B A/10 approved  -> A 10 approved 1.00 Captured
        answer B A/11 approved  -> A 11 approved 1.00 Captured
        authorize A 12 m@B 1.00 -> B authorize A/12 1.00
        answer B A/12 approved  -> A 12 approved 1.00 Captured
        wait 200000
        reverse A 20 of 10      -> recall A/10
        reverse A 21 of 11      -> A 21 refused Busy
        ",
    );
}

#[test]
fn several_captures_are_bounded_and_the_ending_always_fits() {
    let captures: String =
        (0..5).map(|n| format!("capture A {} of 10 1.00\nacknowledge D A/10 {}\n", 20 + n, n + 1)).collect();
    check_with(
        Settings { deliveries_for_transaction_max: 5, ..settings() },
        &format!(
            "
            authorize A 10 m@D 50.00 reserve many -> D authorize A/10 50.00
            answer D A/10 approved     -> A 10 approved 50.00 Held
            {captures}
            capture A 40 of 10 1.00    -> A 40 declined TooManyDeliveries Held
            capture A 41 of 10 1.00 last -> A 41 approved 1.00 Captured, D capture 1.00 last A/10 #6
            reverse A 42 of 10         -> A 42 approved 6.00 Reversed
            acknowledge D A/10 6       -> D reverse A/10 #7
            "
        ),
    );
}

#[test]
fn a_full_journal_takes_only_what_finishes_open_work() {
    check(
        "
        authorize A 9 m@B 1.00   -> B authorize A/9 1.00
        answer B A/9 approved    -> A 9 approved 1.00 Captured
        wait 70000               -> nothing
        authorize A 10 m@D 50.00 reserve many -> D authorize A/10 50.00
        answer D A/10 approved   -> A 10 approved 50.00 Held
        authorize A 11 m@B 5.00  -> B authorize A/11 5.00
        answer B A/11 approved   -> A 11 approved 5.00 Captured
        authorize A 12 m@B 1.00  -> B authorize A/12 1.00
        journal full
        authorize A 13 m@B 1.00  -> A 13 refused JournalFull
        reverse A 19 of 9        -> A 19 refused JournalFull
        reverse A 20 of 99       -> A 20 refused JournalFull
        capture A 21 of 98 1.00  -> A 21 refused JournalFull
        release A 22 of 11       -> A 22 refused JournalFull
        reverse A 23 of 11       -> A 23 refused JournalFull
        capture A 24 of 10 60.00 -> A 24 refused JournalFull
        capture A 25 of 10 10.00 -> A 25 approved 10.00 Held, D capture 10.00 A/10 #1
        capture A 26 of 10 40.00 last -> A 26 approved 40.00 Captured
        reverse A 27 of 10       -> A 27 approved 50.00 Reversed
        reverse A 28 of 10       -> A 28 refused JournalFull
        reverse A 29 of 12       -> A 29 approved 1.00 Reversed, A 12 declined ReversedByOriginator Reversed, B reverse A/12 #1
        reverse A 29 of 12       -> A 29 approved 1.00 Reversed
        journal free
        reverse A 23 of 11       -> A 23 approved 5.00 Reversed, B reverse A/11 #1
        reverse A 20 of 99       -> A 20 approved 0.00 Reversed, B reverse A/99 #1
        ",
    );
}

#[test]
fn a_journal_that_is_behind_makes_new_work_wait_and_nothing_else() {
    check(
        "
        authorize A 10 m@D 50.00 reserve -> D authorize A/10 50.00
        answer D A/10 approved   -> A 10 approved 50.00 Held
        authorize A 11 m@B 5.00  -> B authorize A/11 5.00
        answer B A/11 approved   -> A 11 approved 5.00 Captured
        journal behind
        authorize A 12 m@B 1.00  -> A 12 refused Busy
        capture A 20 of 10 50.00 last -> A 20 approved 50.00 Captured, D capture 50.00 last A/10 #1
        reverse A 21 of 11       -> A 21 approved 5.00 Reversed, B reverse A/11 #1
        reverse A 22 of 99       -> A 22 approved 0.00 Reversed, B reverse A/99 #1
        journal free
        authorize A 12 m@B 1.00  -> B authorize A/12 1.00
        ",
    );
}

#[test]
fn each_currency_has_limits_of_its_own() {
    check(
        "
        configure yen
        authorize A 10 m@B 10.01 -> A 10 declined AmountLimitExceeded Declined
        authorize A 11 m@B 10.00 -> B authorize A/11 10.00
        authorize A 12 m@B 5.01 JPY -> A 12 declined AmountLimitExceeded Declined
        authorize A 13 m@B 5.00 JPY -> B authorize A/13 5.00
        authorize A 14 m@B 0.01  -> A 14 declined DailyAmountLimitExceeded Declined
        authorize A 15 m@B 0.01 JPY -> A 15 declined DailyAmountLimitExceeded Declined
        ",
    );
}

#[test]
fn a_number_stays_with_its_name_when_the_participant_is_removed() {
    let mut world = World::new(settings());
    world.line("configure without D");
    let named = |name: &str| {
        let mut all = ["A", "C", "B", "D"].map(participant).to_vec();
        all[3].name = name.to_owned();
        all
    };
    let refused = |world: &World| {
        let error = world.core.check_configuration(&named("E")).expect_err("12 is the number of D");
        let text = error.to_string();
        assert!(text.contains("12") && text.contains("\"D\"") && text.contains("\"E\""), "{text}");
    };
    refused(&world);
    world.restart();
    refused(&world);
    let facts = world.journal.len();
    world.step(&Input::Configure(named("E"), routes()));
    assert_eq!(world.journal.len(), facts, "a configuration that is refused changes nothing");
    assert_eq!(world.core.check_configuration(&named("D")), Ok(()));
}

#[test]
fn the_books_of_a_removed_participant_are_shown_until_they_are_flat_again() {
    let mut world = World::new(settings());
    let net = |world: &World| {
        let of = |positions: &[Position]| -> i128 {
            positions.iter().map(|p| p.debits.minor() - p.credits.minor()).sum()
        };
        let configured: i128 = world.core.participants().map(|(.., positions)| of(positions)).sum();
        configured + world.core.removed_participants().map(|(_, positions)| of(positions)).sum::<i128>()
    };
    for line in [
        "authorize A 10 m@B 50.00 reserve",
        "answer B A/10 approved",
        "capture A 11 of 10 50.00 last",
        "acknowledge B A/10 1",
        "authorize A 12 m@B 50.00",
        "answer B A/12 approved",
        "configure without B",
    ] {
        world.line(line);
    }
    assert_eq!(world.core.participants().count(), 3, "it was flat, and is gone");
    assert_eq!(world.core.removed_participants().count(), 0);
    world.line("reverse A 13 of 12");
    let removed: Vec<_> = world.core.removed_participants().map(|(record, _)| record.name.as_str()).collect();
    assert_eq!(removed, ["B"]);
    assert_eq!(net(&world), 0, "I4: what is shown nets to zero");
    assert_eq!(world.core.unfinished(number("B")).undelivered, 1);
    assert_eq!(world.core.record(number("B")).map(|record| record.name.as_str()), Some("B"));
    world.line("restart");
    assert_eq!(world.core.removed_participants().count(), 1);
    world.line("link up A");
    world.line("reverse A 14 of 10");
    assert_eq!(world.core.removed_participants().count(), 1, "flat, and two reversals are to be delivered");
    for line in ["link up B", "acknowledge B A/12 1", "acknowledge B A/10 2"] {
        world.line(line);
    }
    assert_eq!(world.core.removed_participants().count(), 0);
    assert_eq!(net(&world), 0);
}
