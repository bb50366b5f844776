//! Imports of the three catalogues: small ones here, the whole ones where they lie beside the repository.

use super::*;

fn genai(models: &str) -> Imported {
    genai::import(format!(r#"[{{"id":"p","models":[{models}]}}]"#).as_bytes()).unwrap()
}

fn litellm(entry: &str) -> Imported {
    litellm::import(
        format!(r#"{{"sample_spec":{{"input_cost_per_token":1}},"p/m":{{"litellm_provider":"p",{entry}}}}}"#)
            .as_bytes(),
    )
    .unwrap()
}

fn why(imported: &Imported) -> Vec<String> {
    imported.skipped.iter().map(|skipped| format!("{}: {}", skipped.path, skipped.why)).collect()
}

/// One of each class, and a prompt of the given length in uncached tokens.
fn one_of_each(length: u64) -> Vec<(Class, u64)> {
    let each = Class::ALL.into_iter().filter(|class| ![Class::GpuMicros, Class::CacheStorage].contains(class));
    each.map(|class| (class, if class == Class::Uncached { length } else { 1 })).collect()
}

#[test]
fn genai_lets_the_last_active_price_count() {
    let imported = genai(
        r#"{"id":"M","match":{"equals":"M"},"prices":[
            {"prices":{"input_mtok":1}},
            {"constraint":{"start_time":"00:30:00Z","end_time":"16:30:00Z"},"prices":{"input_mtok":2}},
            {"constraint":{"start_date":"2026-07-01"},"prices":{"input_mtok":3}},
            {"constraint":{"start_date":"2026-08-01"},"prices":{"input_mtok":4}}]}"#,
    );
    assert_eq!(why(&imported), Vec::<String>::new());
    let cases = [
        ("2020-01-01T00:29:59Z", "uncached 1000000"),
        ("2026-06-30T00:30:00Z", "uncached 2000000"),
        ("2026-06-30T16:30:00Z", "uncached 1000000"),
        ("2026-07-01T00:30:00Z", "uncached 3000000"),
        ("2026-08-01T00:00:00Z", "uncached 4000000"),
    ];
    for (time, expected) in cases {
        let event = Event { time: at(time), ..event("p", "m", &[(Class::Uncached, 1)]) };
        assert_eq!(priced(&imported.book, &event), expected, "{time}");
    }
}

#[test]
fn genai_stands_in_and_bands() {
    let price = |prices: &str, length: u64, class: Class| {
        let model = format!(r#"{{"id":"m","match":{{"equals":"m"}},"prices":{{{prices}}}}}"#);
        let event = event("p", "m", &[(Class::Uncached, length), (class, 1)]);
        let rated = Rater::new(&genai(&model).book).rate(&event).unwrap();
        rated.rates.get(class).map(Rate::pico)
    };
    let text = r#""input_mtok":1,"output_mtok":2"#;
    let caching = r#""input_mtok":1,"cache_read_mtok":0.1,"cache_write_mtok":1.25,"input_audio_mtok":7"#;
    let banded = r#""input_mtok":{"base":1,"tiers":[{"start":100,"price":3}]},"cache_read_mtok":0.1"#;
    let cases = [
        (text, 0, Class::CacheRead, Some(1_000_000)),
        (text, 0, Class::CacheWrite1h, Some(1_000_000)),
        (text, 0, Class::AudioCacheRead, Some(1_000_000)),
        (text, 0, Class::Reasoning, Some(2_000_000)),
        (text, 0, Class::WebSearches, None),
        (caching, 0, Class::CacheWrite5m, Some(1_250_000)),
        (caching, 0, Class::CacheWrite1h, None),
        (caching, 0, Class::AudioIn, Some(7_000_000)),
        (caching, 0, Class::AudioCacheRead, None),
        (caching, 0, Class::ImageCacheRead, Some(100_000)),
        (banded, 99, Class::ImageIn, Some(1_000_000)),
        (banded, 100, Class::ImageIn, Some(3_000_000)),
        (banded, 100, Class::CacheRead, Some(100_000)),
        (r#""input_mtok":0.18000000000000002,"output_mtok":1"#, 0, Class::CacheRead, None),
        (r#""input_mtok":1,"requests_kcount":5"#, 0, Class::Requests, Some(5_000_000_000)),
    ];
    for (prices, length, class, expected) in cases {
        assert_eq!(price(prices, length, class), expected, "{prices} {length} {}", class.name());
    }
}

#[test]
fn genai_says_what_it_skips() {
    let imported = genai(
        r#"{"id":"a","match":{"equals":"a"},"prices":{}},
           {"id":"b","match":{"equals":"b"},"prices":{"input_mtok":1e-7,"output_mtok":1,"output_citation_mtok":2}},
           {"id":"c","match":{"equals":"c"},"prices":[{"prices":{"input_mtok":1}},{"constraint":{"end_date":"2026-01-01"},"prices":{}}]},
           {"id":"rest","match":{"contains":""},"prices":{"input_mtok":9}}"#
            .replace(r#"{"contains":""}"#, r#"{"regex":"."}"#)
            .as_str(),
    );
    let expected = [
        "[0].models[0].prices: states no price that can be charged: the model stays unpriced, it is not free",
        "[0].models[1].prices.input_mtok: finer than a picodollar per unit, which cannot be charged exactly",
        "[0].models[1].prices.output_citation_mtok: there is no class of usage for this unit",
    ];
    assert_eq!(why(&imported)[..3], expected);
    assert!(why(&imported)[3].starts_with("[0].models[2].prices[1].constraint.end_date"), "{:?}", why(&imported));
    for (name, expected) in
        [("A", "not_effective"), ("b", "unknown_class"), ("c", "not_effective"), ("d", "uncached 9000000")]
    {
        assert_eq!(priced(&imported.book, &event("p", name, &[(Class::Uncached, 1)])), expected, "{name}");
    }
    let error =
        genai::import(br#"[{"id":"p","models":[{"id":"m","match":{"sounds_like":"m"},"prices":{}}]}]"#).unwrap_err();
    assert_eq!(error.path, "[0].models[0].match.sounds_like");
}

#[test]
fn litellm_names_become_classes_bands_and_tiers() {
    let imported = litellm(
        r#""input_cost_per_token":1e-6,"output_cost_per_token":2e-06,"cache_read_input_token_cost":1e-7,
        "cache_creation_input_token_cost":1.25e-6,"cache_creation_input_token_cost_above_1hr":2e-6,
        "input_cost_per_token_above_200k_tokens":2e-6,"cache_creation_input_token_cost_above_1hr_above_200k_tokens":4e-6,
        "input_cost_per_token_batches":5e-7,"output_cost_per_token_batches":1e-6,
        "input_cost_per_token_priority":2e-6,"input_cost_per_token_above_200k_tokens_priority":4e-6,
        "search_context_cost_per_query":{"search_context_size_low":0.01,"search_context_size_high":0.01},
        "provider_specific_entry":{"us":1.1,"fast":2,"hint":"none"}"#,
    );
    assert_eq!(
        why(&imported),
        ["[\"p/m\"]: does not say what prompts above 200000 tokens cost in tier batch: unpriced there"]
    );
    let with = |length, tier: Option<&'static str>, region: Option<&'static str>| {
        let service_tier = tier.map(Into::into);
        let parts =
            [(Class::Uncached, length), (Class::CacheWrite1h, 1), (Class::Reasoning, 1), (Class::WebSearches, 1)];
        priced(&imported.book, &Event { service_tier, region: region.map(Into::into), ..event("p", "m", &parts) })
    };
    let search = "web_searches 10000000000";
    let cases = [
        (with(1, None, None), format!("uncached 1000000, cache_write_1h 2000000, reasoning 2000000, {search}")),
        (with(200_000, None, None), format!("uncached 2000000, cache_write_1h 4000000, reasoning 2000000, {search}")),
        (with(1, Some("batch"), None), format!("uncached 500000, reasoning 1000000, {search}, unknown_class")),
        (with(200_000, Some("batch"), None), format!("reasoning 1000000, {search}, unknown_class")),
        (with(200_000, Some("priority"), None), format!("uncached 4000000, {search}, unknown_class")),
        (
            with(1, Some("fast"), Some("us")),
            format!("uncached 2200000, cache_write_1h 4400000, reasoning 4400000, {search}"),
        ),
        (with(1, Some("flex"), None), "unknown_tier".to_owned()),
        (with(1, None, Some("eu")), "unknown_region".to_owned()),
    ];
    for (rated, expected) in cases {
        assert_eq!(rated, expected);
    }
}

#[test]
fn litellm_hours_and_lists_of_bands() {
    let peak = litellm(
        r#""input_cost_per_token":3e-7,"output_cost_per_token":1.2e-6,"input_cost_per_token_cache_hit":6e-9,
        "off_peak_pricing":{"input_cost_per_token":1.5e-7,"windows":[
            {"hours_utc":["00:00-01:00","10:00-00:00"],"weekdays":[1,2,3,4,5]},{"hours_utc":"00:00-00:00","weekdays":[6,7]}]}"#,
    );
    let cases = [
        ("2026-10-02T00:59:59Z", "uncached 150000, cache_read 6000"),
        ("2026-10-02T01:00:00Z", "uncached 300000, cache_read 6000"),
        ("2026-10-02T23:59:59Z", "uncached 150000, cache_read 6000"),
        ("2026-10-03T05:00:00Z", "uncached 150000, cache_read 6000"),
        ("2026-10-05T05:00:00Z", "uncached 300000, cache_read 6000"),
    ];
    for (time, expected) in cases {
        let event = Event { time: at(time), ..event("p", "m", &[(Class::Uncached, 1), (Class::CacheRead, 1)]) };
        assert_eq!(priced(&peak.book, &event), expected, "{time}");
    }
    let bands = litellm(
        r#""tiered_pricing":[{"input_cost_per_token":5e-8,"output_cost_per_token":4e-7,"range":[0,256000.0]},
        {"input_cost_per_token":2.5e-7,"output_cost_per_token":2e-6,"range":[256000.0,1000000.0]}]"#,
    );
    for (length, expected) in [(256_000, "uncached 50000"), (256_001, "uncached 250000")] {
        assert_eq!(priced(&bands.book, &event("p", "p/m", &[(Class::Uncached, length)])), expected);
    }
}

#[test]
fn litellm_units_without_a_class_are_never_free() {
    let cases = [
        (r#""input_cost_per_token":0,"output_cost_per_token":0.0,"output_cost_per_image":0.04"#, "not_effective", 2),
        (r#""input_cost_per_token":0,"output_cost_per_token":0.0,"input_cost_per_second":0.0"#, "uncached 0", 1),
        (r#""input_cost_per_token":1e-6,"input_cost_per_second":0.01"#, "uncached 1000000", 1),
        (r#""input_cost_per_token":1e-6,"off_peak_pricing":{"weekday_timezone":"Asia/Shanghai"}"#, "not_effective", 1),
        (r#""input_cost_per_token":1.0000000000000001e-6"#, "not_effective", 2),
        (r#""mode":"chat""#, "not_effective", 1),
    ];
    for (entry, expected, skipped) in cases {
        let imported = litellm(entry);
        assert_eq!(priced(&imported.book, &event("p", "m", &[(Class::Uncached, 1)])), expected, "{entry}");
        assert_eq!(imported.skipped.len(), skipped, "{entry}: {:?}", why(&imported));
    }
}

#[test]
fn models_dev_costs() {
    let imported = models_dev::import(
        br#"{"p":{"models":{
            "a":{"cost":{"input":1.0,"output":2,"cache_write":1.25,"tiers":[{"input":3,"tier":{"size":1000}}],"cached_input":0.1}},
            "b":{"name":"B"},
            "c":{"cost":{"input":0,"output":0}}}}}"#,
    )
    .unwrap();
    let cases = [
        ("a", 1, "uncached 1000000, cache_write_5m 1250000, reasoning 2000000, unknown_class"),
        ("a", 1_000, "uncached 3000000, cache_write_5m 1250000, reasoning 2000000, unknown_class"),
        ("b", 1, "not_effective"),
        ("c", 1, "uncached 0, reasoning 0, unknown_class"),
    ];
    for (name, length, expected) in cases {
        let parts = [(Class::Uncached, length), (Class::CacheWrite5m, 1), (Class::Reasoning, 1), (Class::CacheRead, 1)];
        assert_eq!(priced(&imported.book, &event("p", name, &parts)), expected, "{name} {length}");
    }
    assert_eq!(
        why(&imported),
        [
            "p.models.a.cost.cached_input: not a name of a price that the catalogue defines for tokens",
            "p.models.b: states no price: the model stays unpriced",
        ]
    );
}

/// How much of a whole catalogue is priced, and why the rest is not.
fn report(name: &str, import: fn(&[u8]) -> Result<Imported, super::super::Error>) -> Option<(Imported, [usize; 3])> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/prices").join(name);
    let Ok(file) = std::fs::File::open(&path) else {
        println!("no data at {}: not compared", path.display());
        return None;
    };
    let imported = import(&zstd::decode_all(file).unwrap()).unwrap();
    let models = || imported.book.providers.values().flat_map(|provider| &provider.models);
    let counts = [models().count(), models().filter(|model| !model.prices.is_empty()).count(), imported.skipped.len()];
    println!("{name}: {} providers, {counts:?} models, priced, skipped", imported.book.providers.len());
    let mut reasons: Vec<&str> = imported.skipped.iter().map(|skipped| skipped.why.as_str()).collect();
    reasons.sort_unstable();
    reasons.chunk_by(|left, right| left == right).for_each(|same| println!("  {:>5} × {}", same.len(), same[0]));
    let stored = encode(&imported.book);
    assert_eq!(decode(&stored).unwrap().id, imported.book.id, "an imported book can be stored");
    assert_eq!(encode(&decode(&stored).unwrap()), stored);
    let (first, second) = (at("2026-07-01T00:00:00Z"), at("2026-08-01T00:00:00Z"));
    let merged = merge(merge(builtin(), imported.book.clone(), EventTime::MIN), imported.book.clone(), first);
    assert_eq!(
        merge(merged.clone(), imported.book.clone(), second).id,
        merged.id,
        "the same import again changes nothing"
    );
    assert_eq!(decode(&encode(&merged)).unwrap().id, merged.id, "a merged book can be stored");
    println!("  {} bytes as a book, {} merged into the one built in", stored.len(), encode(&merged).len());
    Some((imported, counts))
}

#[test]
fn whole_catalogue_of_litellm() {
    let Some((imported, counts)) = report("litellm_model_prices_1.109.1.json.zst", litellm::import) else { return };
    assert_eq!(counts[0], 4_551, "every entry is a model but the sample and the one that names no provider");
    let haiku = |length| priced(&imported.book, &event("anthropic", "claude-haiku-5-5", &one_of_each(length)));
    assert!(
        haiku(1).starts_with("uncached 100000, cache_read 10000, cache_write_5m 125000, cache_write_1h 200000, "),
        "{}",
        haiku(1)
    );
    assert!(
        haiku(100_001)
            .starts_with("uncached 500000, cache_read 50000, cache_write_5m 625000, cache_write_1h 1000000, ")
    );
    let sol = event("openai", "gpt-6.1-sol", &[(Class::Uncached, 272_001), (Class::Output, 1)]);
    assert_eq!(priced(&imported.book, &sol), "uncached 4000000, output 15000000");
    let priority = Event { service_tier: Some("priority".into()), ..sol };
    assert_eq!(priced(&imported.book, &priority), "uncached 8000000, output 30000000");
    assert_eq!(priced(&imported.book, &event("azure", "gpt-4o-mini", &[(Class::Output, 1)])), "output 600000");
}

#[test]
fn whole_catalogue_of_genai() {
    let Some((imported, counts)) = report("genai_prices_v2_data.json.zst", genai::import) else { return };
    assert_eq!((counts[0], imported.book.providers.len()), (1_466, 36));
    assert_eq!(
        priced(&imported.book, &event("Google-Vertex", "Gemini-2.5-Pro", &[(Class::Output, 1)])),
        "output 10000000"
    );
}

#[test]
fn whole_catalogue_of_models_dev() {
    let Some((imported, counts)) = report("models_dev_snapshot_2026-07-02.json.zst", models_dev::import) else {
        return;
    };
    assert_eq!((counts[0], imported.book.providers.len()), (5_098, 147));
    let sonnet = event("anthropic", "claude-sonnet-4-5", &[(Class::CacheRead, 1)]);
    assert_eq!(priced(&imported.book, &sonnet), "cache_read 300000");
}
