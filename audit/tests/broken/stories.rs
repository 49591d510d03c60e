//! Each class of finding, produced by one story that went wrong; and stories that only look wrong.

use holdfast_audit::history::record::flag;
use holdfast_audit::history::{Kind, Message, Record};
use holdfast_audit::{Report, id_text};
use serde_json::{Value, json};

use crate::world::{DESTINATION, OPERATOR, World};

fn audit(world: &World) -> Report {
    world.audit().expect("the world is readable")
}

fn classes(report: &Report) -> Vec<&'static str> {
    report.findings_by_class.keys().copied().collect()
}

/// Audits a world and expects this class among the findings, with a transaction and evidence.
fn expect(world: &World, class: &str) {
    let report = audit(world);
    assert!(classes(&report).contains(&class), "{class} is not in\n{report}");
    let finding = report.findings.iter().find(|f| f.class == class).unwrap();
    assert!(finding.transaction.is_some() && !finding.evidence.is_empty(), "{report}");
    assert!(report.to_string().contains(class));
}

fn clean(world: &World) -> Report {
    let report = audit(world);
    assert!(report.is_clean(), "{report}");
    report
}

/// Leaves out the facts that a rule chooses and counts the rest again, as a journal that never had them.
fn forget(world: &mut World, gone: impl Fn(&Value) -> bool) {
    world.journal.retain(|line| !gone(&Value::Object(line.clone())));
    for (at, line) in world.journal.iter_mut().enumerate() {
        line.insert("sequence".to_owned(), json!(at + 1));
    }
}

fn is(kind: &'static str) -> impl Fn(&Value) -> bool {
    move |line| line["kind"] == kind
}

#[test]
fn a_world_that_agrees_is_clean() {
    let report = clean(&World::everything());
    assert!(report.drained);
    assert_eq!(report.tally.transactions, 23, "{report}");
    let text = report.to_string();
    assert!(report.tally.unrecorded > 0 && text.contains("unrecorded: somebody sent it"), "{text}");
    assert!(report.tally.given_up > 0 && text.contains("given up: requests whose answer"), "{text}");
}

#[test]
fn words_that_count_nothing_are_not_explained() {
    let mut world = World::new();
    world.pay_approved();
    let text = clean(&world).to_string();
    assert!(!text.contains("unrecorded: somebody") && !text.contains("given up: requests"), "{text}");
}

#[test]
fn an_approval_that_the_journal_lost_is_lost() {
    let mut world = World::new();
    world.pay_approved();
    forget(&mut world, is("approved"));
    expect(&world, "lost");
}

#[test]
fn a_payment_that_the_journal_lost_is_a_phantom_at_its_destination_and_lost_for_its_operator() {
    let mut world = World::new();
    world.pay_approved();
    forget(&mut world, |line| line["originator"] == OPERATOR);
    expect(&world, "lost");
    expect(&world, "phantom");
}

#[test]
fn a_transaction_that_nobody_sent_is_a_phantom() {
    let mut world = World::new();
    world.pay_approved();
    world.operator.clear();
    expect(&world, "phantom");
}

#[test]
fn an_approval_that_no_destination_gave_is_a_phantom() {
    let mut world = World::new();
    world.pay_approved();
    world.destination.retain(|r| r.kind != Kind::Answered && r.kind != Kind::DecidedThrough);
    expect(&world, "phantom");
}

#[test]
fn a_capture_applied_twice_is_found() {
    let mut world = World::new();
    world.reserve_captured_in_parts();
    let twice = world.destination.iter_mut().find(|r| r.kind == Kind::Delivered && r.has(flag::REPEAT));
    twice.unwrap().flags |= flag::APPLIED;
    expect(&world, "applied-twice");
    expect(&world, "positions-disagree");
}

#[test]
fn captures_above_the_hold_are_found() {
    let mut world = World::new();
    let mut t = world.reserved(2, 1_000, 1_000);
    world.capture(&mut t, 600, false, 2);
    world.capture(&mut t, 600, true, 4);
    expect(&world, "applied-twice");
}

#[test]
fn declined_and_then_approved_is_an_outcome_that_changed() {
    let mut world = World::new();
    world.pay_declined();
    let declined = world.journal.last().unwrap().clone();
    let mut fields = Value::Object(declined);
    for field in ["sequence", "epoch", "time", "kind", "reason", "decided_by", "reversal"] {
        fields.as_object_mut().unwrap().remove(field);
    }
    fields["amount"] = json!(800);
    world.fact("approved", fields);
    expect(&world, "outcome-changed");
}

#[test]
fn two_answers_that_differ_are_found() {
    let mut world = World::new();
    world.pay_repeated();
    world.operator.last_mut().unwrap().amount += 1;
    expect(&world, "two-answers");
}

#[test]
fn a_refusal_of_the_only_copy_of_what_was_recorded_is_found() {
    let mut world = World::new();
    world.pay_approved();
    let heard = world.operator.last_mut().unwrap();
    *heard = Record {
        outcome: 3,
        reason: 300,
        state: 0,
        decided_by: 2,
        amount: 0,
        epoch: 0,
        sequence: 0,
        ..*heard
    };
    expect(&world, "refused-yet-recorded");
}

#[test]
fn a_hold_that_outlives_its_time_is_found() {
    let mut world = World::new();
    world.reserve_expired();
    forget(&mut world, |line| line["kind"] == "expired" || line["kind"] == "acknowledged");
    world.wait(120_000);
    world.fact("cut_over", json!({"business_date": "2026-11-23"}));
    expect(&world, "hold-without-end");
}

#[test]
fn a_late_approval_without_a_reversal_is_found() {
    let mut world = World::new();
    world.pay_timed_out_with_a_late_approval();
    for line in &mut world.journal {
        if line["kind"] == "declined" {
            line.insert("reversal".to_owned(), json!(false));
        }
    }
    expect(&world, "late-approval");
}

#[test]
fn a_delivery_that_was_never_acknowledged_is_found_once_the_run_is_drained() {
    let mut world = World::new();
    world.reserve_captured_in_parts();
    world.destination.retain(|r| r.kind != Kind::Completed);
    assert_eq!(world.journal.pop().unwrap()["kind"], "acknowledged");
    clean(&world);
    world.drained();
    expect(&world, "undelivered");
}

#[test]
fn a_delivery_that_overtakes_another_is_found() {
    let mut world = World::new();
    world.reserve_captured_in_parts();
    world.destination.retain(|r| r.kind != Kind::Acknowledged || r.delivery != 1);
    expect(&world, "delivery-out-of-order");
}

#[test]
fn a_second_forward_without_its_repeat_flag_is_found() {
    let mut world = World::new();
    world.pay_repeated();
    for record in &mut world.destination {
        record.flags &= !flag::REPEAT;
    }
    expect(&world, "repeat-unmarked");
}

#[test]
fn an_answer_heard_before_its_fact_is_found() {
    let mut world = World::new();
    let t = world.pay_approved();
    for line in &mut world.journal {
        if line["kind"] == "approved" && line["original"] == id_text(t.id) {
            line["time"] = json!(line["time"].as_u64().unwrap() + 60_000);
        }
    }
    expect(&world, "effect-before-fact");
}

#[test]
fn positions_of_the_switch_that_differ_are_found() {
    let mut world = World::new();
    world.pay_approved();
    world.positions.get_mut(&OPERATOR).unwrap()[1] += 1;
    let report = audit(&world);
    assert_eq!(classes(&report), ["not-net-zero", "positions-disagree"], "{report}");
    world.positions.get_mut(&DESTINATION).unwrap()[2] += 1;
    assert_eq!(classes(&audit(&world)), ["positions-disagree"]);
}

#[test]
fn what_may_be_in_flight_at_the_end_is_unknown_and_no_finding() {
    // The operator's request never arrived; a forward is out; an answer is on its way; a hold is open; an approval was
    // given and the switch has not taken it; a capture is on its way.
    let mut world = World::new();
    world.authorize(1, 10);
    let t = world.authorize(1, 20);
    world.forward(&t);
    world.reserved(2, 40, 40);
    let t = world.reserved(2, 50, 50);
    let id = world.follow_up(&t, Message::Capture, 50, true);
    let fields = json!({"originator": OPERATOR, "original": id_text(t.id), "id": id_text(id),
                        "amount": 50, "currency": "EUR", "last": true});
    world.fact("captured", fields);
    let t = world.authorize(1, 30);
    world.forward(&t);
    world.answer(&t, 1, 0, 30);
    world.positions.insert(OPERATOR, [50, 0, 50]);
    world.positions.insert(DESTINATION, [40, 50, 0]);
    let report = clean(&world);
    let tally = report.tally;
    assert_eq!(
        (tally.unrecorded, tally.pending, tally.open_holds, tally.undelivered),
        (1, 2, 1, 1),
        "{report}"
    );
    assert!(!report.drained);

    world.drained();
    let report = audit(&world);
    assert_eq!(
        classes(&report),
        ["hold-without-end", "late-approval", "positions-disagree", "unanswered", "undelivered"],
        "{report}"
    );
}

#[test]
fn an_outcome_learnt_from_a_status_settles_the_request() {
    let mut world = World::everything();
    let without = |world: &World, gone: Kind| {
        let mut world = world.clone();
        world.operator.retain(|r| r.kind != gone);
        world
    };
    world = without(&world, Kind::GaveUp);
    let report = clean(&world);
    let operator = report.positions.iter().find_map(|line| line.operator).unwrap();
    assert_eq!(operator.unsure, 0, "{report}");
    assert_eq!(classes(&audit(&without(&world, Kind::Told))), ["unanswered"]);
}

#[test]
fn invented_records_are_found() {
    let records = World::everything();
    let stranger = |record: &Record| Record { id: record.id ^ 99, original: record.original ^ 99, ..*record };
    let kinds = [Kind::Heard, Kind::Told];
    for record in records.operator.iter().filter(|r| kinds.contains(&r.kind)) {
        let mut world = World::everything();
        let closed = world.operator.pop().unwrap();
        let invented =
            Record { time_ms: closed.time_ms, monotonic_ns: closed.monotonic_ns, ..stranger(record) };
        world.operator.extend([invented, closed]);
        assert!(!audit(&world).is_clean(), "{record:?}");
    }
    for record in records.destination.iter().filter(|r| r.original != 0) {
        let mut world = World::everything();
        let closed = world.destination.pop().unwrap();
        let invented =
            Record { time_ms: closed.time_ms, monotonic_ns: closed.monotonic_ns, ..stranger(record) };
        world.destination.extend([invented, closed]);
        assert!(!audit(&world).is_clean(), "{record:?}");
    }
    for line in records.journal.iter().filter(|line| line.contains_key("original")) {
        let mut world = World::everything();
        let mut fields = Value::Object(line.clone());
        for field in ["sequence", "epoch", "time", "kind"] {
            fields.as_object_mut().unwrap().remove(field);
        }
        let original = fields["original"] == fields["id"];
        fields["original"] = json!(id_text(12_345));
        fields["id"] = json!(id_text(if original { 12_345 } else { 54_321 }));
        world.fact(line["kind"].as_str().unwrap(), fields);
        assert!(!audit(&world).is_clean(), "{line:?}");
    }
}

#[test]
fn more_refunded_than_was_captured_is_over_refunded() {
    let mut world = World::new();
    let pay = world.pay_approved();
    world.refund_approved(&pay, 1_000);
    clean(&world);
    world.refund_approved(&pay, 251);
    expect(&world, "over-refunded");
}

#[test]
fn a_pending_refund_counts_and_one_that_was_undone_does_not() {
    let mut world = World::new();
    let pay = world.pay_approved();
    let mut undone = world.refund_approved(&pay, 1_000);
    world.reversed(&mut undone, 1_000);
    let pending = world.refund(&pay, 1_000);
    world.forward(&pending);
    // This world counts nothing as held.
    assert!(!classes(&audit(&world)).contains(&"over-refunded"));
    let more = world.refund(&pay, 251);
    world.forward(&more);
    expect(&world, "over-refunded");
}

#[test]
fn a_refund_after_the_whole_reversal_is_over_refunded() {
    let mut world = World::new();
    let mut pay = world.pay_approved();
    world.reversed(&mut pay, 1_250);
    world.refund_approved(&pay, 1);
    expect(&world, "over-refunded");
}

#[test]
fn a_reversal_that_gives_back_what_a_refund_did_is_found() {
    let mut world = World::new();
    let mut pay = world.pay_approved();
    world.refund_approved(&pay, 400);
    world.reversed(&mut pay, 1_250);
    expect(&world, "outcome-changed");
    assert!(classes(&audit(&world)).contains(&"positions-disagree"));
}

#[test]
fn a_reversal_that_does_not_wait_for_a_pending_refund_is_found() {
    let mut world = World::new();
    let mut pay = world.pay_approved();
    let pending = world.refund(&pay, 400);
    world.forward(&pending);
    world.reversed(&mut pay, 1_250);
    expect(&world, "illegal-course");
}

#[test]
fn a_refund_of_what_nobody_paid_or_from_the_wrong_side_is_found() {
    let mut world = World::new();
    let pay = world.pay_approved();
    world.refund_approved(&pay, 400);
    let mut other = world.clone();
    forget(&mut world, |line| line["original"] == id_text(pay.id));
    expect(&world, "phantom");
    for line in &mut other.journal {
        if line["kind"] == "refund_reserved" {
            line.insert("debtor".to_owned(), json!("originator"));
        }
    }
    expect(&other, "content-differs");
}
