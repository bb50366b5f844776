//! The parts of a price book that decide by themselves: calendars and matchers.

use std::collections::BTreeSet;

use aliquot_core::prices::{Calendar, Matcher};
use aliquot_core::time::EventTime;
use proptest::prelude::*;
use regex::Regex;

const MINUTE: i64 = 60_000_000;

/// 1970-01-05, a Monday.
const MONDAY: i64 = 4;

fn at(day: i64, hour: i64, minute: i64) -> EventTime {
    EventTime(((day * 24 + hour) * 60 + minute) * MINUTE)
}

#[test]
fn a_window_that_wraps_belongs_to_both_ends_of_each_of_its_days() {
    let weekdays = 0b001_1111;
    let night = Calendar { weekdays, windows: vec![(22 * 60, 6 * 60), (12 * 60, 13 * 60)], holidays: None };
    let cases = [
        (0, 0, 0, true),
        (0, 5, 59, true),
        (0, 6, 0, false),
        (0, 12, 0, true),
        (0, 12, 59, true),
        (0, 13, 0, false),
        (0, 21, 59, false),
        (0, 22, 0, true),
        (0, 23, 59, true),
        (1, 3, 0, true),
        (4, 23, 59, true),
        (5, 0, 0, false),
        (6, 23, 0, false),
        (7, 0, 0, true),
        (-7, 22, 0, true),
        (-8, 22, 0, false),
    ];
    for (day, hour, minute, covered) in cases {
        assert_eq!(night.covers(at(MONDAY + day, hour, minute), None), covered, "day {day} {hour}:{minute}");
    }
    let just_before = EventTime(at(MONDAY, 6, 0).0 - 1);
    assert!(night.covers(just_before, None), "windows end where the minute begins, not before");
}

#[test]
fn on_a_holiday_no_window_is_open_and_the_days_beside_it_are_as_ever() {
    let day = Calendar { weekdays: 0b111_1111, windows: vec![(0, 1_440)], holidays: Some("cn".to_owned()) };
    let days_off = BTreeSet::from([4]);
    for (offset, covered) in [(-1, true), (0, false), (1, true)] {
        for hour in [0, 23] {
            assert_eq!(
                day.covers(at(MONDAY + offset, hour, 59), Some(&days_off)),
                covered,
                "day {offset}, hour {hour}"
            );
        }
    }
    assert!(day.covers(at(MONDAY, 0, 0), None));
    assert!(day.covers(at(MONDAY, 0, 0), Some(&BTreeSet::new())));
}

proptest! {
    #[test]
    fn a_calendar_covers_a_minute_if_a_walk_through_its_windows_meets_it(
        weekdays in 0_u8..128,
        windows in prop::collection::vec((0_u16..=1_440, 0_u16..=1_440), 0..4),
        minute in -20_000_i64..20_000,
    ) {
        let time = EventTime(minute * MINUTE + 1);
        let of_day = u16::try_from(minute.rem_euclid(1_440)).unwrap();
        let met = windows.iter().any(|(from, to)| {
            let last = if from <= to { *to } else { *to + 1_440 };
            (*from..last).any(|step| step % 1_440 == of_day)
        });
        let on_that_day = weekdays >> time.weekday() & 1 == 1;
        let calendar = Calendar { weekdays, windows, holidays: None };
        prop_assert_eq!(calendar.covers(time, None), met && on_that_day);
    }
}

#[test]
fn matchers_mean_what_their_names_say() {
    let equals = |text: &str| Matcher::Equals(text.to_owned());
    let starts = |text: &str| Matcher::StartsWith(text.to_owned());
    let ends = |text: &str| Matcher::EndsWith(text.to_owned());
    let contains = |text: &str| Matcher::Contains(text.to_owned());
    let regex = |text| Matcher::Regex(Box::new(Regex::new(text).unwrap()));
    let cases = [
        (equals("gpt-5"), "gpt-5", true),
        (equals("gpt-5"), "gpt-5-mini", false),
        (equals("gpt-5"), "GPT-5", false),
        (starts("gpt-5"), "gpt-5-mini", true),
        (starts("gpt-5"), "a-gpt-5", false),
        (ends("-mini"), "gpt-5-mini", true),
        (ends("-mini"), "gpt-5-mini-2", false),
        (contains("5-m"), "gpt-5-mini", true),
        (contains("5-m"), "gpt-5", false),
        (regex("^gpt-5(-2026)?$"), "gpt-5-2026", true),
        (regex("^gpt-5(-2026)?$"), "gpt-5-2025", false),
        (regex("mini"), "gpt-5-mini-2", true),
        (Matcher::Or(vec![equals("a"), equals("b")]), "b", true),
        (Matcher::Or(vec![equals("a"), equals("b")]), "c", false),
        (Matcher::Or(vec![]), "", false),
        (Matcher::And(vec![starts("gpt"), ends("mini")]), "gpt-5-mini", true),
        (Matcher::And(vec![starts("gpt"), ends("mini")]), "gpt-5", false),
        (Matcher::And(vec![starts("g"), Matcher::Or(vec![ends("5"), ends("6")])]), "gpt-6", true),
        (Matcher::And(vec![]), "anything", true),
    ];
    for (matcher, name, accepted) in cases {
        assert_eq!(matcher.accepts(name), accepted, "{matcher:?} on {name:?}");
    }
}
