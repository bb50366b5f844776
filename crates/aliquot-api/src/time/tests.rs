//! Local days and hours where clocks change, and the text of times.

use super::*;

fn at(text: &str) -> EventTime {
    parse(text).unwrap()
}

/// The run around a time as `start end`.
fn around(bucket: Bucket, time: &str, zone: &str) -> String {
    let Period { from, to } = bucket.around(at(time), zone.parse().unwrap());
    assert!(from <= at(time) && at(time) < to, "{time} is in its own bucket");
    assert_eq!(bucket.around(from, zone.parse().unwrap()), Period { from, to }, "a bucket's start is in it");
    format!("{} {}", format(from), format(to))
}

#[test]
fn days_follow_the_zone_s_clock() {
    for (time, zone, expected) in [
        ("2026-03-28T12:00:00Z", "UTC", "2026-03-28T00:00:00Z 2026-03-29T00:00:00Z"),
        // Put forward: 23 hours; put back: 25.
        ("2026-03-29T12:00:00Z", "Europe/Berlin", "2026-03-28T23:00:00Z 2026-03-29T22:00:00Z"),
        ("2026-10-25T00:30:00Z", "Europe/Berlin", "2026-10-24T22:00:00Z 2026-10-25T23:00:00Z"),
        ("2026-06-30T22:00:00Z", "Europe/Berlin", "2026-06-30T22:00:00Z 2026-07-01T22:00:00Z"),
        ("2026-06-30T21:59:59.999999Z", "Europe/Berlin", "2026-06-29T22:00:00Z 2026-06-30T22:00:00Z"),
        // There was no midnight: the day begins at one o'clock.
        ("2018-11-04T12:00:00Z", "America/Sao_Paulo", "2018-11-04T03:00:00Z 2018-11-05T02:00:00Z"),
        // Midnight came twice: the day begins at the first.
        ("2024-10-27T04:30:00Z", "America/Havana", "2024-10-27T04:00:00Z 2024-10-28T04:00:00Z"),
        // A whole day was left out: the one before it ends where the one after begins.
        ("2011-12-30T09:00:00Z", "Pacific/Apia", "2011-12-29T10:00:00Z 2011-12-30T10:00:00Z"),
        ("1969-12-31T23:00:00Z", "Asia/Kathmandu", "1969-12-31T18:30:00Z 1970-01-01T18:30:00Z"),
    ] {
        assert_eq!(around(Bucket::Day, time, zone), expected, "{time} {zone}");
    }
}

#[test]
fn hours_and_minutes_are_runs_of_one_offset() {
    for (bucket, time, zone, expected) in [
        (Bucket::Hour, "2026-01-31T12:34:56.789Z", "UTC", "2026-01-31T12:00:00Z 2026-01-31T13:00:00Z"),
        (Bucket::Hour, "2026-01-31T12:34:56Z", "Asia/Kathmandu", "2026-01-31T12:15:00Z 2026-01-31T13:15:00Z"),
        // The hour from two to three is gone through twice, and is two buckets.
        (Bucket::Hour, "2026-10-25T00:30:00Z", "Europe/Berlin", "2026-10-25T00:00:00Z 2026-10-25T01:00:00Z"),
        (Bucket::Hour, "2026-10-25T01:30:00Z", "Europe/Berlin", "2026-10-25T01:00:00Z 2026-10-25T02:00:00Z"),
        (Bucket::Minute, "1969-12-31T23:59:59.999999Z", "UTC", "1969-12-31T23:59:00Z 1970-01-01T00:00:00Z"),
    ] {
        assert_eq!(around(bucket, time, zone), expected, "{time} {zone}");
    }
}

#[test]
fn consecutive_days_leave_no_hole_and_do_not_overlap() {
    for zone in [
        "Europe/Berlin",
        "America/Havana",
        "America/Sao_Paulo",
        "Australia/Lord_Howe",
        "Africa/Casablanca",
        "Pacific/Apia",
    ] {
        let zone = zone.parse().unwrap();
        let mut day = Bucket::Day.around(at("2011-01-01T00:00:00Z"), zone);
        while day.to < at("2027-01-01T00:00:00Z") {
            let next = Bucket::Day.around(day.to, zone);
            assert_eq!(next.from, day.to, "{zone}");
            day = next;
        }
    }
}

#[test]
fn times_are_read_with_any_offset_and_written_in_utc() {
    for (text, expected) in [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("2026-01-31t12:00:00.5+01:00", "2026-01-31T11:00:00.500Z"),
        ("2026-01-31T12:00:00.123456789-00:30", "2026-01-31T12:30:00.123456Z"),
        ("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999Z"),
    ] {
        assert_eq!(format(at(text)), expected);
    }
    for text in ["", "2026-01-31", "2026-01-31T12:00:00", "2026-02-30T12:00:00Z", "2026-01-31T25:00:00Z", "now"] {
        assert_eq!(parse(text), None, "{text}");
    }
}
