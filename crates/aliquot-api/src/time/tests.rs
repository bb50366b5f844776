//! Local days and hours where clocks change, and the text of times.

use super::*;

fn at(text: &str) -> EventTime {
    parse(text).unwrap()
}

fn end(bucket: Bucket, start: &str, zone: &str) -> String {
    format(end_of(bucket, at(start), zone.parse().unwrap()))
}

#[test]
fn days_end_at_the_zone_s_midnight() {
    for (start, zone, expected) in [
        ("2026-03-28T00:00:00Z", "UTC", "2026-03-29T00:00:00Z"),
        // Put forward: 23 hours; put back: 25.
        ("2026-03-28T23:00:00Z", "Europe/Berlin", "2026-03-29T22:00:00Z"),
        ("2026-10-24T22:00:00Z", "Europe/Berlin", "2026-10-25T23:00:00Z"),
        // There was no midnight: the day began at one o'clock, and the day before ended there.
        ("2018-11-03T03:00:00Z", "America/Sao_Paulo", "2018-11-04T03:00:00Z"),
        ("2018-11-04T03:00:00Z", "America/Sao_Paulo", "2018-11-05T02:00:00Z"),
        // The clock went back to midnight an hour after it: the first of the two ends the day before.
        ("2024-11-02T04:00:00Z", "America/Havana", "2024-11-03T04:00:00Z"),
        ("2024-11-03T04:00:00Z", "America/Havana", "2024-11-04T05:00:00Z"),
        // A whole day was left out.
        ("2011-12-29T10:00:00Z", "Pacific/Apia", "2011-12-30T10:00:00Z"),
        ("1969-12-30T18:30:00Z", "Asia/Kathmandu", "1969-12-31T18:30:00Z"),
    ] {
        assert_eq!(end(Bucket::Day, start, zone), expected, "{start} {zone}");
    }
}

#[test]
fn hours_and_minutes_have_their_length() {
    assert_eq!(end(Bucket::Hour, "2026-10-25T00:00:00Z", "Europe/Berlin"), "2026-10-25T01:00:00Z");
    assert_eq!(end(Bucket::Minute, "1969-12-31T23:59:00Z", "UTC"), "1970-01-01T00:00:00Z");
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
