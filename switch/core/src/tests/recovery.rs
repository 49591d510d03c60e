use super::world::check;

#[test]
fn what_was_pending_is_forwarded_again_with_the_repeat_flag() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        restart
        link up A                -> nothing
        link up B                -> B authorize A/10 50.00 again
        authorize A 10 m@B 50.00 -> nothing
        answer B A/10 approved   -> A 10 approved 50.00 Captured
        restart
        link up A
        authorize A 10 m@B 50.00 -> A 10 approved 50.00 Captured
        ",
    );
}

#[test]
fn what_has_no_time_left_after_a_restart_is_reversed() {
    check(
        "
        authorize A 10 m@B 50.00 -> B authorize A/10 50.00
        restart
        link up A                -> nothing
        wait 5000                -> nothing
        link up B                -> B reverse A/10 #1
        inquire A 10 -> A status Declined TimedOut held_for=50.00 captured=0.00 released=50.00 reversed=0.00 undelivered=1
        ",
    );
}

#[test]
fn deliveries_and_holds_survive_a_restart() {
    check(
        "
        authorize A 10 m@D 50.00 reserve many hold=40000 -> D authorize A/10 50.00
        answer D A/10 approved   -> A 10 approved 50.00 Held
        capture A 11 of 10 20.00 -> A 11 approved 20.00 Held, D capture 20.00 A/10 #1
        restart
        link up A
        link up D                -> D capture 20.00 A/10 #1 again
        acknowledge D A/10 1     -> nothing
        wait 40000               -> D release expired A/10 #2
        reverse A 12 of 10 to=m@D -> A 12 approved 20.00 Reversed
        restart
        link up D                -> D release expired A/10 #2 again
        acknowledge D A/10 2     -> D reverse A/10 #3
        acknowledge D A/10 3     -> D complete A/10
        show A                   -> held=0.00 debits=20.00 credits=20.00
        ",
    );
}
