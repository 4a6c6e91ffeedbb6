//! Turns, limits and holds, without a store around them.

use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).expect("a time")
}

fn head(id: u64, seconds: i64, lane: &str, subscriber: &str) -> Head {
    Head {
        id: CallbackId(id),
        due: at(seconds),
        lane: lane.to_owned(),
        subscriber: subscriber.to_owned(),
    }
}

fn limits(total: usize, per_lane: usize) -> ClaimLimits {
    ClaimLimits {
        total,
        per_lane,
        closed_lanes: Vec::new(),
        lanes_to_probe: Vec::new(),
    }
}

fn claim(schedule: &mut Schedule, total: usize, per_lane: usize) -> Vec<u64> {
    let claimed = schedule.claim(at(100), &limits(total, per_lane));
    claimed.into_iter().map(|id| id.0).collect()
}

#[test]
fn lanes_take_turns_across_claims_and_the_oldest_of_a_lane_goes_first() {
    let mut schedule = Schedule::default();
    for id in 1..=4 {
        schedule.add(head(id, 50 - id as i64, "a", "bap"));
    }
    schedule.add(head(5, 1, "b", "bap"));
    schedule.add(head(6, 101, "c", "bap"));
    assert_eq!(claim(&mut schedule, 1, 8), [4]);
    assert_eq!(claim(&mut schedule, 2, 8), [5, 3]);
    assert_eq!(claim(&mut schedule, 9, 8), [2, 1], "c is not due");
    assert_eq!(schedule.next_due(), Some(at(101)));
}

#[test]
fn a_lane_never_has_more_in_flight_than_allowed_and_a_lease_is_settled_once() {
    let mut schedule = Schedule::default();
    for id in 1..=5 {
        schedule.add(head(id, 0, "a", "bap"));
    }
    assert_eq!(claim(&mut schedule, 9, 2), [1, 2]);
    assert!(claim(&mut schedule, 9, 2).is_empty());
    assert!(schedule.begin_settling(CallbackId(1)));
    assert!(!schedule.begin_settling(CallbackId(1)));
    schedule.end_lease(CallbackId(1));
    assert_eq!(claim(&mut schedule, 9, 2), [3]);
    assert!(!schedule.begin_settling(CallbackId(9)), "never claimed");
}

#[test]
fn a_host_that_took_a_callback_is_free_for_the_next_one_but_only_once() {
    let mut schedule = Schedule::default();
    for id in 1..=4 {
        schedule.add(head(id, 0, "a", "bap"));
    }
    assert_eq!(claim(&mut schedule, 9, 2), [1, 2]);
    assert!(schedule.free_place(CallbackId(1)));
    assert!(!schedule.free_place(CallbackId(1)));
    assert_eq!(claim(&mut schedule, 9, 2), [3]);
    assert!(schedule.begin_settling(CallbackId(1)), "it is still leased");
    schedule.end_lease(CallbackId(1));
    assert!(
        claim(&mut schedule, 9, 2).is_empty(),
        "2 and 3 are in flight"
    );
}

#[test]
fn a_held_subscriber_does_not_delay_another_on_the_same_host() {
    let mut schedule = Schedule::default();
    for id in 1..=100_000 {
        schedule.add(head(id, 0, "a", "held"));
    }
    schedule.add(head(200_000, 9, "a", "open"));
    schedule.hold(Some(("held".to_owned(), "https://held".to_owned())));
    assert_eq!(claim(&mut schedule, 9, 8), [200_000]);
    assert_eq!(schedule.next_due(), None);
    assert_eq!(schedule.holds(), ["https://held"]);
    schedule.hold(None);
    schedule.release(Some("held"));
    assert!(claim(&mut schedule, 9, 8).is_empty(), "all are held");
    schedule.release(None);
    assert_eq!(claim(&mut schedule, 2, 8), [1, 2]);
}

#[test]
fn closed_lanes_get_nothing_and_idle_lanes_are_forgotten() {
    let mut schedule = Schedule::default();
    let one = head(1, 0, "a", "bap");
    schedule.add(one.clone());
    let closed = ClaimLimits {
        closed_lanes: vec!["a".to_owned()],
        ..limits(9, 9)
    };
    assert!(schedule.claim(at(100), &closed).is_empty());
    schedule.withdraw(&one);
    assert!(schedule.lanes.is_empty());
}

#[test]
fn a_lane_to_probe_has_one_in_flight_while_others_have_their_share() {
    let mut schedule = Schedule::default();
    for id in 1..=4 {
        schedule.add(head(id, 0, "ill", "bap"));
        schedule.add(head(id + 10, 0, "well", "bap"));
    }
    let probing = ClaimLimits {
        lanes_to_probe: vec!["ill".to_owned()],
        ..limits(9, 2)
    };
    let claimed = schedule.claim(at(100), &probing);
    assert_eq!(
        claimed.iter().map(|id| id.0).collect::<Vec<_>>(),
        [1, 11, 12]
    );
    assert!(schedule.claim(at(100), &probing).is_empty());
}

#[test]
fn subscribers_on_one_host_take_turns_and_one_whose_time_has_not_come_is_passed_over() {
    let mut schedule = Schedule::default();
    for id in 1..=4_000 {
        schedule.add(head(id, 0, "shared", "many"));
    }
    schedule.add(head(5_000, 90, "shared", "few"));
    schedule.add(head(5_001, 91, "shared", "few"));
    schedule.add(head(6_000, 101, "shared", "later"));
    assert_eq!(claim(&mut schedule, 2, 8), [5_000, 1]);
    assert_eq!(claim(&mut schedule, 1, 8), [5_001], "across claims");
    assert_eq!(claim(&mut schedule, 2, 8), [2, 3], "alone again");
    assert_eq!(schedule.next_due(), Some(at(0)));
}
