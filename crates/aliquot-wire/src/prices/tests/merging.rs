//! Merges: what was charged stays chargeable (B1).

use super::*;

const FROM: &str = "2026-07-01T00:00:00Z";

fn model(id: &str, matcher: &str, prices: &str) -> String {
    format!(r#"{{"id":"{id}","match":{matcher},"prices":[{prices}]}}"#)
}

fn book(models: &[String], rest: &str) -> PriceBook {
    let models = models.join(",");
    let text = format!(r#"{{"version":1,"currency":"USD","providers":{{"p":{{"models":[{models}]{rest}}}}}}}"#);
    decode(text.as_bytes()).unwrap()
}

fn rate(dollars_per_million: &str) -> String {
    format!(r#"{{"rates":{{"uncached":"{dollars_per_million}/1M"}}}}"#)
}

/// The price of one uncached token on the last day before the merge and on the first day after it.
fn before_and_after(book: &PriceBook, name: &str) -> [String; 2] {
    ["2026-06-30T23:59:59.999999Z", FROM].map(|time| {
        let event = Event { time: at(time), ..event("p", name, &[(Class::Uncached, 1)]) };
        priced(book, &event).replace("uncached ", "").replace("000000", "")
    })
}

#[test]
fn an_import_changes_what_it_changes_and_from_then_on() {
    let old = book(
        &[
            model("same", r#""same""#, &rate("3")),
            model("dearer", r#""dearer""#, &rate("3")),
            model("gone", r#""gone""#, &rate("5")),
            model(
                "planned",
                r#""planned""#,
                r#"{"to":"2026-09-01","rates":{"uncached":"1/1M"}},{"from":"2026-09-01","rates":{"uncached":"2/1M"}}"#,
            ),
            model("unknown", r#""unknown""#, ""),
            model("broad", r#"{"starts_with":"b"}"#, &rate("7")),
        ],
        "",
    );
    let new = book(
        &[
            model("b-new", r#""b-new""#, &rate("8")),
            model("same", r#""same""#, &rate("3")),
            model("dearer", r#""dearer""#, &rate("4")),
            model(
                "planned",
                r#""planned""#,
                r#"{"to":"2026-09-01","rates":{"uncached":"1/1M"}},{"from":"2026-09-01","rates":{"uncached":"2/1M"}}"#,
            ),
            model("unknown", r#""unknown""#, &rate("6")),
            model("first-seen", r#""first-seen""#, &rate("9")),
            model("broad", r#"{"starts_with":"b-"}"#, &rate("7")),
        ],
        "",
    );
    let merged = merge(old.clone(), new.clone(), at(FROM));
    let cases = [
        ("same", ["3", "3"]),
        ("dearer", ["3", "4"]),
        ("gone", ["5", "5"]),
        ("planned", ["1", "1"]),
        ("unknown", ["unknown_class", "6"]),
        ("first-seen", ["not_effective", "9"]),
        // Meant "broad" until the import gave it a model of its own.
        ("b-new", ["7", "8"]),
        // Still "broad", by its newer matcher.
        ("b-old", ["7", "7"]),
        // No longer anybody's: unpriced, and listed.
        ("bold", ["7", "not_effective"]),
    ];
    for (name, expected) in cases {
        assert_eq!(before_and_after(&merged, name), expected, "{name}");
    }
    let rows = |book: &PriceBook, id: &str| {
        book.providers["p"].models.iter().find(|model| model.id == id).unwrap().prices.clone()
    };
    assert_eq!(rows(&merged, "same"), rows(&old, "same"), "what is unchanged is left alone");
    assert_eq!(rows(&merged, "planned"), rows(&old, "planned"));
    assert_eq!(
        merge(merged.clone(), new, at("2026-08-01T00:00:00Z")).id,
        merged.id,
        "the same import again changes nothing"
    );
    assert_eq!(decode(&encode(&merged)).unwrap().id, merged.id, "a merged book can be stored");
}

#[test]
fn names_that_change_twice_for_one_date() {
    let named = |names: &str| book(&[model("m", names, &rate("3"))], "");
    let once = merge(named(r#""a""#), named(r#""b""#), at(FROM));
    let twice = merge(once, named(r#""c""#), at(FROM));
    for (name, expected) in [("a", ["3", "not_effective"]), ("b", ["3", "not_effective"]), ("c", ["3", "3"])] {
        assert_eq!(before_and_after(&twice, name), expected, "{name}");
    }
    assert_eq!(decode(&encode(&twice)).unwrap().id, twice.id, "no two models share an id");
}

#[test]
fn open_rows_of_a_new_model_keep_their_order() {
    let rows = r#"{"rates":{"uncached":"1/1M"}},{"from":"2026-01-01","rates":{"uncached":"2/1M"}},{"from":"2026-12-01","rates":{"uncached":"3/1M"}}"#;
    let merged = merge(PriceBook::default(), book(&[model("m", r#""m""#, rows)], ""), at(FROM));
    assert_eq!(before_and_after(&merged, "m"), ["not_effective", "2"]);
    let later = Event { time: at("2026-12-01T00:00:00Z"), ..event("p", "m", &[(Class::Uncached, 1)]) };
    assert_eq!(priced(&merged, &later), "uncached 3000000");
    assert_eq!(decode(&encode(&merged)).unwrap().id, merged.id);
}

#[test]
fn tiers_calendars_and_factors() {
    let night = r#"{"calendar":{"windows":["00:00-24:00"]},"rates":{"uncached":"1/1M"}}"#;
    let contract = r#"{"tier":"contract","rates":{"uncached":"2/1M"}}"#;
    let factors = r#","multipliers":[{"service_tier":"batch","factor":"1/2"},{"service_tier":"flex","factor":"1/2"}]"#;
    let old = book(&[model("m", r#""m""#, &[rate("4").as_str(), night, contract].join(","))], factors);
    let newer = r#","multipliers":[{"service_tier":"batch","factor":"1/4"},{"service_tier":"flex","factor":"0.5"}]"#;
    let merged = merge(old, book(&[model("m", r#""m""#, &rate("4"))], newer), at(FROM));
    let with_tier = |tier: Option<&'static str>| {
        ["2026-06-30T00:00:00Z", FROM].map(|time| {
            let service_tier = tier.map(Into::into);
            priced(&merged, &Event { time: at(time), service_tier, ..event("p", "m", &[(Class::Uncached, 1)]) })
        })
    };
    assert_eq!(with_tier(None), ["uncached 1000000", "uncached 4000000"], "hours the import does not know have ended");
    assert_eq!(with_tier(Some("contract")), ["uncached 2000000", "uncached 2000000"], "a tier it does not know stays");
    assert_eq!(with_tier(Some("batch")), ["uncached 500000", "uncached 1000000"]);
    assert_eq!(merged.providers["p"].multipliers.len(), 3, "one for flex: 0.5 is 1/2");
}

/// Prices, each since a moment.
type History = Vec<(EventTime, Rate)>;

/// The dated price changes of a catalogue's history, imported one after the other as if somebody had imported it every day.
#[test]
fn a_year_of_daily_imports_rates_every_day_as_it_was() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/prices/models_dev_price_changes.jsonl.zst");
    let Ok(file) = std::fs::File::open(&path) else {
        return println!("no data at {}: not compared", path.display());
    };
    let text = String::from_utf8(zstd::decode_all(file).unwrap()).unwrap();
    let mut merged = PriceBook::default();
    let mut truth: BTreeMap<(String, String), History> = BTreeMap::new();
    for line in text.lines() {
        let change: serde_json::Value = serde_json::from_str(line).unwrap();
        let member = |name: &str| change[name].as_str().unwrap().to_owned();
        // A removed model stays in the book: an import is no word about what it leaves out.
        let Some(cost) = change["new"].as_object() else { continue };
        let input = cost.get("input").map(ToString::to_string);
        let cost = input.as_ref().map(|input| format!(r#"{{"input":{input}}}"#)).unwrap_or_else(|| "{}".to_owned());
        let (provider, model) = (member("provider"), member("model"));
        let snapshot = format!(r#"{{"{provider}":{{"models":{{"{model}":{{"cost":{cost}}}}}}}}}"#);
        let Imported { book, .. } = models_dev::import(snapshot.as_bytes()).unwrap();
        let time = at(&member("date"));
        let imported: &Provider = &book.providers[&provider];
        let rate = imported.models[0].prices.first().and_then(|price| price.bands[0].rates.get(Class::Uncached));
        merged = merge(merged, book, time);
        if let Some(rate) = rate {
            truth.entry((provider, model)).or_default().push((time, rate));
        }
    }
    let (mut days, mut changes) = (0, 0);
    let mut rater = Rater::new(&merged);
    for ((provider, model), history) in &truth {
        changes += history.windows(2).filter(|pair| pair[0].1 != pair[1].1).count();
        for day in 0..400 {
            let time = EventTime(at("2025-06-04T00:00:00Z").0 + day * 86_400_000_000);
            let then = history.iter().filter(|(since, _)| *since <= time).max_by_key(|(since, _)| *since);
            let event = Event { time, ..event(provider, model, &[(Class::Uncached, 1)]) };
            let rated = rater.rate(&event).unwrap();
            assert_eq!(rated.rates.get(Class::Uncached), then.map(|(_, rate)| *rate), "{provider} {model} {time:?}");
            days += 1;
        }
    }
    println!("{days} days of {} models with {changes} changes", truth.len());
    assert!(changes > 20, "{changes}");
}

#[test]
fn a_class_that_the_import_leaves_out_keeps_its_price() {
    let bands = r#"{"rates":{"uncached":"3/1M","cache_write_1h":"6/1M"}}"#;
    let old = book(&[model("m", r#""m""#, bands)], "");
    let new = book(&[model("m", r#""m""#, &rate("4"))], "");
    let merged = merge(old, new.clone(), at(FROM));
    let cost = |time: &str| {
        let parts = [(Class::Uncached, 1_000_000), (Class::CacheWrite1h, 1_000_000)];
        priced(&merged, &Event { time: at(time), ..event("p", "m", &parts) })
    };
    assert_eq!(cost("2026-06-30T23:59:59Z"), "uncached 3000000, cache_write_1h 6000000");
    assert_eq!(cost(FROM), "uncached 4000000, cache_write_1h 6000000");
    assert_eq!(merge(merged.clone(), new, at(FROM)).id, merged.id, "the same import again changes nothing");
}
