//! Series: sums, pages, days of 23 and 25 hours, and filters that are values.

use aliquot_core::money::Usd;
use aliquot_core::time::{EventTime, Micros};
use aliquot_core::usage::Class;

use super::fixture::{Call, at, lake_of, open, totals_of, two_days};
use crate::{Amounts, Ask, Bucket, Cursor, Dimension, Engine, Error, Filter, Kind, Measure, Page, Row};

fn ask(measure: Measure) -> Ask {
    Ask {
        measure,
        group_by: Vec::new(),
        bucket: None,
        time_zone: "UTC".to_owned(),
        from: at(1, 0, 0, 0),
        to: at(31, 0, 0, 0),
        filters: Vec::new(),
        limit: 1_000,
        after: None,
    }
}

fn tenant(value: &str) -> Filter {
    Filter { dimension: Dimension::Tenant, value: value.to_owned() }
}

fn cost(row: &Row) -> Usd {
    match &row.amounts {
        Amounts::Costs(costs) => costs.cost,
        other => panic!("{other:?}"),
    }
}

fn events(row: &Row) -> u128 {
    match &row.amounts {
        Amounts::Usage(usage) => usage.events,
        Amounts::Costs(costs) => costs.events,
        Amounts::HitRate(rate) => rate.events,
    }
}

/// All pages of the ask, `limit` rows at a time, each cursor by way of its spelling.
async fn paged(engine: &Engine, ask: &Ask, limit: usize) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut after: Option<Cursor> = None;
    loop {
        let page: Page = engine.series(&Ask { limit, after, ..ask.clone() }).await.unwrap();
        assert!(page.rows.len() <= limit);
        rows.extend(page.rows);
        match page.next {
            Some(cursor) => after = Some(cursor.to_string().parse().unwrap()),
            None => return rows,
        }
    }
}

#[tokio::test]
async fn sums_are_those_of_the_charges() {
    let calls = two_days();
    let dir = lake_of(&calls).await;
    let engine = open(dir.path());
    let totals = totals_of(&calls);
    let costs = engine.series(&ask(Measure::Costs)).await.unwrap();
    assert_eq!((costs.rows.len(), &costs.next), (1, &None));
    assert_eq!((costs.rows[0].start, costs.rows[0].dimensions.len()), (None, 0));
    assert_eq!(cost(&costs.rows[0]), totals.values().map(|total| total.cost).sum());
    let Amounts::Costs(costs) = costs.rows[0].amounts else { panic!() };
    let parts = [costs.uncached, costs.cache_read, costs.cache_write, costs.output, costs.other];
    assert_eq!(costs.cost, parts.into_iter().sum());
    assert_eq!((costs.events, costs.unpriced_events), (155, 2));

    let usage = engine.series(&Ask { group_by: vec![Dimension::Tenant], ..ask(Measure::Usage) }).await.unwrap();
    let names: Vec<_> = usage.rows.iter().map(|row| row.dimensions[0].as_deref()).collect();
    assert_eq!(names, [None, Some("acme"), Some("globex"), Some("initech")], "what is not known comes first");
    for row in &usage.rows {
        let Amounts::Usage(usage) = &row.amounts else { panic!() };
        for class in Class::ALL {
            let wanted = totals.iter().filter(|(key, _)| key.class == class && key.tenant == row.dimensions[0]);
            assert_eq!(
                usage.quantities.get(class),
                wanted.map(|(_, total)| total.quantity).sum::<u128>(),
                "{}",
                class.name()
            );
        }
    }

    let by = vec![Dimension::Provider, Dimension::Domain];
    let rates =
        engine.series(&Ask { group_by: by, filters: vec![tenant("acme")], ..ask(Measure::HitRates) }).await.unwrap();
    let rates: Vec<_> = rates.rows.iter().map(|row| (row.dimensions[1].as_deref().unwrap(), &row.amounts)).collect();
    let [("workspace", Amounts::HitRate(proxy)), ("d-1", Amounts::HitRate(own))] = rates[..] else {
        panic!("{rates:?}")
    };
    assert_eq!((proxy.events, proxy.reported_events, proxy.numerator(), proxy.denominator()), (4, 1, 2_000, 2_350));
    assert_eq!((own.events, own.reported_events), (50, 50));
    assert_eq!((own.numerator(), own.denominator()), (27 * 71_000 + 23 * 18_000, 50 * 100_000));
}

#[tokio::test]
async fn pages_are_the_whole_whatever_their_size() {
    let dir = lake_of(&two_days()).await;
    let engine = open(dir.path());
    let by = [Dimension::Feature, Dimension::Tenant, Dimension::Domain, Dimension::Model];
    let asks = [
        Ask { group_by: by.to_vec(), ..ask(Measure::Costs) },
        Ask { group_by: by.to_vec(), bucket: Some(Bucket::Hour), ..ask(Measure::Usage) },
        Ask { bucket: Some(Bucket::Day), ..ask(Measure::HitRates) },
    ];
    for (ask, count) in asks.iter().zip([6, 10, 2]) {
        let whole = engine.series(ask).await.unwrap().rows;
        assert_eq!(whole.len(), count, "{whole:?}");
        for limit in [1, 2, 5, count] {
            assert_eq!(paged(&engine, ask, limit).await, whole);
        }
    }
}

#[tokio::test]
async fn time_is_half_open_and_an_empty_series_has_no_rows() {
    let calls: Vec<_> = [0, 1, 2].map(|second| Call::cached(at(1, 0, 0, second), "acme", "d", 1, 2)).into();
    let dir = lake_of(&calls).await;
    let engine = open(dir.path());
    let between = |from, to| Ask { from: at(1, 0, 0, from), to: at(1, 0, 0, to), ..ask(Measure::Usage) };
    for (from, to, count) in [(0, 3, 3), (0, 2, 2), (1, 2, 1), (2, 3, 1)] {
        assert_eq!(events(&engine.series(&between(from, to)).await.unwrap().rows[0]), count);
    }
    for bucket in [None, Some(Bucket::Minute)] {
        let page = engine.series(&Ask { bucket, ..between(3, 9) }).await.unwrap();
        assert_eq!(page, Page { rows: Vec::new(), next: None });
    }
}

/// One call every half hour around the given UTC time, two days before and after.
async fn half_hours(around: EventTime) -> tempfile::TempDir {
    let calls = (-96_i64..96).map(|half| {
        let time = EventTime(around.0 + half * Micros::HOUR.0 / 2);
        Call::cached(time, "acme", "d", 1, 2)
    });
    lake_of(&calls.collect::<Vec<_>>()).await
}

fn micros(rfc3339: &str) -> EventTime {
    EventTime(chrono::DateTime::parse_from_rfc3339(rfc3339).unwrap().timestamp_micros())
}

#[tokio::test]
async fn days_and_hours_are_those_of_the_zone() {
    // Zone, a UTC time on the day, the local day's first and last instant, and how many half hours are in it.
    let days = [
        ("Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-29T00:00:00+01:00", "2026-03-30T00:00:00+02:00", 46),
        ("Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00", 50),
        ("Asia/Kolkata", "2026-05-01T12:00:00Z", "2026-05-01T00:00:00+05:30", "2026-05-02T00:00:00+05:30", 48),
        // Midnight comes twice: the day begins at the first.
        ("America/Havana", "2026-11-01T12:00:00Z", "2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00", 50),
        // Midnight does not come: the clock goes from 0:00 to 1:00.
        ("America/Havana", "2026-03-08T12:00:00Z", "2026-03-08T01:00:00-04:00", "2026-03-09T00:00:00-04:00", 46),
        ("UTC", "2026-10-25T12:00:00Z", "2026-10-25T00:00:00Z", "2026-10-26T00:00:00Z", 48),
    ];
    for (zone, noon, start, end, halves) in days {
        let dir = half_hours(micros(noon)).await;
        let engine = open(dir.path());
        let all =
            Ask { from: EventTime(0), to: EventTime(i64::MAX), time_zone: zone.to_owned(), ..ask(Measure::Usage) };
        let by_day = engine.series(&Ask { bucket: Some(Bucket::Day), ..all.clone() }).await.unwrap().rows;
        let place =
            by_day.iter().position(|row| row.start == Some(micros(start))).unwrap_or_else(|| panic!("{zone} {start}"));
        assert_eq!(events(&by_day[place]), halves, "{zone} {start}");
        assert_eq!(by_day[place + 1].start, Some(micros(end)), "{zone} {start}");
        assert_eq!(by_day.iter().map(events).sum::<u128>(), 192, "{zone}");

        let by_hour = engine.series(&Ask { bucket: Some(Bucket::Hour), ..all.clone() }).await.unwrap().rows;
        let of_day = by_hour.iter().filter(|row| row.start >= Some(micros(start)) && row.start < Some(micros(end)));
        let of_day: Vec<_> = of_day.map(events).collect();
        assert_eq!(of_day, vec![2; usize::try_from(halves / 2).unwrap()], "{zone} {start}");
        let by_minute = engine.series(&Ask { bucket: Some(Bucket::Minute), ..all }).await.unwrap().rows;
        assert_eq!(by_minute.len(), 192);
    }
}

#[tokio::test]
async fn what_was_asked_is_a_value_and_never_sql() {
    let dir = lake_of(&two_days()).await;
    let engine = open(dir.path());
    for value in ["acme' OR '1' = '1", "acme' --", "'acme'", "$1", "ACME", ""] {
        let page = engine.series(&Ask { filters: vec![tenant(value)], ..ask(Measure::Costs) }).await.unwrap();
        assert_eq!(page.rows, [], "{value}");
    }
    let both = vec![tenant("acme"), Filter { dimension: Dimension::Model, value: "mystery-1".to_owned() }];
    let page = engine.series(&Ask { filters: both, ..ask(Measure::Costs) }).await.unwrap();
    assert_eq!((events(&page.rows[0]), cost(&page.rows[0])), (2, Usd::ZERO));

    // A cursor of another tenant's page opens nothing: the filter stands below it.
    let by_tenant = Ask { group_by: vec![Dimension::Tenant], limit: 1, ..ask(Measure::Costs) };
    let cursor = engine.series(&by_tenant).await.unwrap().next;
    assert!(cursor.is_some());
    let page = engine.series(&Ask { filters: vec![tenant("globex")], after: cursor, ..by_tenant }).await.unwrap();
    assert_eq!(page.rows.iter().map(|row| row.dimensions[0].as_deref()).collect::<Vec<_>>(), [Some("globex")]);
}

#[tokio::test]
async fn asks_that_contradict_themselves_are_refused() {
    let dir = lake_of(&[]).await;
    let engine = open(dir.path());
    let base = ask(Measure::Usage);
    let cursor = Some(Cursor { bucket: None, dimensions: vec![None] });
    let asks = [
        (Ask { to: base.from, ..base.clone() }, "the time is empty"),
        (Ask { limit: 0, ..base.clone() }, "a page has from 1 to 100000 rows"),
        (Ask { limit: 100_001, ..base.clone() }, "a page has from 1 to 100000 rows"),
        (Ask { group_by: vec![Dimension::Model; 2], ..base.clone() }, "`model` is grouped by twice"),
        (Ask { time_zone: "Mars/Olympus".to_owned(), ..base.clone() }, "there is no time zone \"Mars/Olympus\""),
        (Ask { after: cursor, ..base.clone() }, "the cursor belongs to another question"),
    ];
    for (ask, message) in asks {
        let error = engine.series(&ask).await.unwrap_err();
        assert!(error.to_string().starts_with(message), "{error}");
        assert_eq!(error.kind(), Kind::Asked);
    }
    for text in ["", "00", "01", "0g", "0100000000000000", "01000000000000000aff", "0100000000ffffffff", "é1"] {
        assert!(matches!(text.parse::<Cursor>(), Err(Error::Ask(_))), "{text}");
    }
    let cursors = [(None, vec![]), (Some(-1), vec![None, Some(String::new()), Some("Zoë".to_owned())])];
    for (bucket, dimensions) in cursors {
        let cursor = Cursor { bucket, dimensions };
        assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
    }
}

#[tokio::test]
async fn absurd_quantities_do_not_wrap() {
    let most = u64::MAX >> 1;
    let call = Call {
        parts: vec![(Class::Uncached, most), (Class::CacheRead, most)],
        unpriced: None,
        ..Call::cached(at(1, 0, 0, 0), "acme", "d", 0, 0)
    };
    let dir = lake_of(&vec![call; 3]).await;
    let engine = open(dir.path());
    let page = engine.series(&ask(Measure::HitRates)).await.unwrap();
    let Amounts::HitRate(rate) = page.rows[0].amounts else { panic!() };
    assert_eq!((rate.numerator(), rate.denominator()), (3 * u128::from(most), 6 * u128::from(most)));
}
