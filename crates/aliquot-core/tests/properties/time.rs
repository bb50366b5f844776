//! Points in time, against counting days and minutes one by one.

use aliquot_core::time::{EventTime, Micros};
use proptest::prelude::*;

const MINUTE: i64 = 60_000_000;

proptest! {
    /// Also before 1970, where rounding towards zero would fall into the wrong hour.
    #[test]
    fn day_and_minute_say_where_the_time_is(time in prop_oneof![any::<i64>(), -10 * Micros::DAY.0..10 * Micros::DAY.0]) {
        let (point, wide) = (EventTime(time), i128::from(time));
        let minute = i128::from(point.day()) * 1_440 + i128::from(point.minute_of_day());
        prop_assert!(point.minute_of_day() < 1_440);
        prop_assert!((minute * i128::from(MINUTE)..(minute + 1) * i128::from(MINUTE)).contains(&wide));
    }

    #[test]
    fn an_hour_starts_at_or_before_its_points(time in i64::MIN + Micros::HOUR.0..=i64::MAX) {
        let hour = EventTime(time).hour();
        prop_assert_eq!(hour.0 % Micros::HOUR.0, 0);
        prop_assert_eq!(hour.hour(), hour);
        prop_assert!(hour.0 <= time && i128::from(time) < i128::from(hour.0) + i128::from(Micros::HOUR.0));
    }

    #[test]
    fn the_time_between_two_points_has_a_sign_and_never_wraps(left in any::<i64>(), right in any::<i64>()) {
        let exact = i128::from(left) - i128::from(right);
        let kept = exact.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
        prop_assert_eq!(i128::from(EventTime(left).since(EventTime(right)).0), kept);
    }
}

#[test]
fn weekdays_follow_one_another_in_both_directions() {
    let (mut after, mut before) = (3_u8, 3_u8);
    for day in 0..3_000_i64 {
        for (at, weekday) in [(day, after), (-day, before)] {
            let (first, last) = (at * Micros::DAY.0, (at + 1) * Micros::DAY.0 - 1);
            assert_eq!([EventTime(first).weekday(), EventTime(last).weekday()], [weekday; 2], "day {at}");
        }
        after = (after + 1) % 7;
        before = (before + 6) % 7;
    }
}

#[test]
fn points_that_can_be_looked_up() {
    // 2026-11-23 12:34:56 was a Monday; 1969-12-31 23:59:59 a Wednesday.
    let monday = EventTime(1_795_437_296_000_000);
    assert_eq!((monday.weekday(), monday.minute_of_day(), monday.day()), (0, 12 * 60 + 34, 20_780));
    let wednesday = EventTime(-1_000_000);
    assert_eq!((wednesday.weekday(), wednesday.minute_of_day(), wednesday.day()), (2, 1_439, -1));
    assert_eq!(wednesday.hour(), EventTime(-Micros::HOUR.0));
}
