//! Rating held against prices that somebody else computed: real usage of many providers, priced by genai-prices.
//!
//! Each row of the oracle is one response; each of its extractors is a provider through which the response could have come, with
//! the price there if that provider sells the model. The prices are those of the commit that the catalogue is from, whose clock
//! stood at [`ORACLE_TIME`] or at another time from 2025-06-10 to 2026-07-29, between 00:30 and 16:30 UTC: some models have prices
//! by date or hour, and only that period fits them all.
//!
//! Every price must be equal to the last digit, but for those in [`EXPLAINED`]; a difference that is new fails the test, and so does
//! one that is gone. The whole data lies beside the repository; a sample that has every kind of row is in `tests/data`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests, and counts for who reads them"
)]

use std::collections::BTreeMap;
use std::path::Path;

use aliquot_core::event::{Event, Usage};
use aliquot_core::money::Usd;
use aliquot_core::rating::{Rated, Rater, Unpriced};
use aliquot_core::time::EventTime;
use aliquot_core::usage::{ByClass, Class};
use aliquot_wire::prices::genai;
use serde_json::Value;

/// 2026-06-30T12:00:00Z.
const ORACLE_TIME: EventTime = EventTime(1_782_820_800_000_000);

/// A price that differs, and why it has to.
struct Difference {
    file: &'static str,
    provider: &'static str,
    model: &'static str,
    ours: &'static str,
    theirs: &'static str,
    why: &'static str,
}

const EXPLAINED: &[Difference] = &[Difference {
    file: "providers/cassettes/test_openrouter/test_openrouter_with_google_model.yaml",
    provider: "openrouter",
    model: "google/gemini-2.0-flash-exp:free",
    ours: "not_effective",
    theirs: "0 + 0",
    why: "the catalogue has the model and states no price; no price is not a price of zero (B6)",
}];

/// What a comparison comes to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    rows: usize,
    extractions: usize,
    /// Offers with a price in the oracle.
    priced: usize,
    equal: usize,
    explained: usize,
    /// Totals beyond tokens (searches) among the equal ones.
    totals: usize,
    /// Offers without a price in the oracle, and without a model in the book either.
    unknown_to_both: usize,
    /// Offers without a price in the oracle because the response names no model.
    nameless: usize,
}

#[test]
fn all_prices() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/prices");
    let unpacked = |name: &str| Some(zstd::decode_all(std::fs::File::open(folder.join(name)).ok()?).unwrap());
    let (Some(catalogue), Some(usages)) =
        (unpacked("genai_prices_v2_data.json.zst"), unpacked("genai_prices_usages.jsonl.zst"))
    else {
        println!("no data at {}: not compared", folder.display());
        return;
    };
    let counts = compare(&catalogue, &usages);
    println!("{counts:?}");
    let expected = Counts {
        rows: 944,
        extractions: 1_405,
        priced: 2_076,
        equal: 2_075,
        explained: 1,
        totals: 5,
        unknown_to_both: 9_000,
        nameless: 198,
    };
    assert_eq!(counts, expected);
}

#[test]
fn sample() {
    let counts = compare(
        include_bytes!("data/genai_prices_excerpt.json"),
        include_bytes!("data/genai_prices_usages_sample.jsonl"),
    );
    println!("{counts:?}");
    let expected = Counts {
        rows: 34,
        extractions: 65,
        priced: 83,
        equal: 82,
        explained: 1,
        totals: 3,
        unknown_to_both: 44,
        nameless: 1,
    };
    assert_eq!(counts, expected);
}

/// Rates every offer of every row. What differs must be exactly what is explained.
fn compare(catalogue: &[u8], usages: &[u8]) -> Counts {
    let imported = genai::import(catalogue).unwrap();
    let mut rater = Rater::new(&imported.book);
    let mut counts = Counts::default();
    let mut explained = BTreeMap::new();
    for line in std::str::from_utf8(usages).unwrap().lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        counts.rows += 1;
        for extraction in row["extracted"].as_array().unwrap() {
            counts.extractions += 1;
            let usage = usage_of(&extraction["usage"]);
            usage.check().unwrap_or_else(|reason| panic!("{reason}: {extraction}"));
            for offer in extraction["extractors"].as_array().unwrap() {
                let Some(model) = row["model"].as_str() else {
                    assert_eq!(offer.get("input_price"), None);
                    counts.nameless += 1;
                    continue;
                };
                let rated = rate(&mut rater, offer["provider_id"].as_str().unwrap(), model, usage);
                match (&offer["input_price"], &offer["output_price"]) {
                    (Value::Null, Value::Null) => {
                        assert_eq!(rated.unpriced, Some(Unpriced::UnknownModel), "{offer} {model}");
                        counts.unknown_to_both += 1;
                    }
                    (input, output) => {
                        counts.priced += 1;
                        let is_total = offer.get("total_price").is_some();
                        if is_equal(&rated, input, output, &offer["total_price"]) {
                            counts.equal += 1;
                            counts.totals += usize::from(is_total);
                        } else {
                            let file = row["body"]["file"].as_str().unwrap();
                            *explained.entry(explanation(file, offer, model, &rated)).or_insert(0) += 1;
                            counts.explained += 1;
                        }
                    }
                }
            }
        }
    }
    let all: Vec<usize> = (0..EXPLAINED.len()).collect();
    assert_eq!(explained.keys().copied().collect::<Vec<_>>(), all, "a difference that is explained no longer exists");
    for (place, times) in explained {
        println!("{times} × {}", EXPLAINED[place].why);
    }
    counts
}

fn rate(rater: &mut Rater<'_>, provider: &str, model: &str, usage: Usage) -> Rated {
    let event = Event {
        provider: provider.into(),
        request_model: "asked-for-by-another-name".into(),
        response_model: Some(model.into()),
        time: ORACLE_TIME,
        usage,
        ..Event::default()
    };
    rater.rate(&event).unwrap()
}

/// The disjoint parts of usage that the oracle counts by inclusion: cached tokens are input tokens, cached audio is cached and
/// is audio, tool and text tokens are not told apart. Cached video has no class: it is cached.
fn usage_of(extracted: &Value) -> Usage {
    let known = [
        "input_tokens",
        "input_text_tokens",
        "input_tool_tokens",
        "input_text_tool_tokens",
        "input_audio_tokens",
        "input_image_tokens",
        "input_video_tokens",
        "cache_read_tokens",
        "cache_text_read_tokens",
        "cache_audio_read_tokens",
        "cache_image_read_tokens",
        "cache_video_read_tokens",
        "cache_write_tokens",
        "cache_write_5m_tokens",
        "output_tokens",
        "output_text_tokens",
        "output_reasoning_tokens",
        "output_image_tokens",
        "web_searches",
    ];
    for name in extracted.as_object().unwrap().keys() {
        assert!(known.contains(&name.as_str()), "the oracle counts {name}: say which part that is");
    }
    let count = |name: &str| extracted[name].as_u64().unwrap_or_default();
    let [audio_read, image_read] = ["cache_audio_read_tokens", "cache_image_read_tokens"].map(count);
    let parts = [
        (Class::CacheRead, count("cache_read_tokens") - audio_read - image_read),
        (Class::AudioCacheRead, audio_read),
        (Class::ImageCacheRead, image_read),
        (Class::CacheWrite5m, count("cache_write_5m_tokens")),
        (Class::CacheWriteOther, count("cache_write_tokens") - count("cache_write_5m_tokens")),
        (Class::AudioIn, count("input_audio_tokens") - audio_read),
        (Class::ImageIn, count("input_image_tokens") - image_read),
        (Class::VideoIn, count("input_video_tokens") - count("cache_video_read_tokens")),
        (Class::Reasoning, count("output_reasoning_tokens")),
        (Class::ImageOut, count("output_image_tokens")),
        (Class::WebSearches, count("web_searches")),
        (Class::Requests, 1),
    ];
    let mut classes = ByClass::all(0);
    parts.into_iter().for_each(|(class, quantity)| classes.set(class, quantity));
    let rest = |total: &str, of: &[Class]| count(total) - classes.sum_of(of).unwrap();
    let (uncached, output) = (rest("input_tokens", &Class::PROMPT), rest("output_tokens", &Class::OUTPUT));
    classes.set(Class::Uncached, uncached);
    classes.set(Class::Output, output);
    Usage {
        parts: classes,
        input_total: Some(count("input_tokens")),
        output_total: Some(count("output_tokens")),
        cache_reported: true,
    }
}

fn is_equal(rated: &Rated, input: &Value, output: &Value, total: &Value) -> bool {
    let sum = |classes: &[Class]| classes.iter().map(|class| rated.costs.get(*class)).sum::<Usd>();
    let is = |amount: Usd, theirs: &Value| plain(theirs.as_str().unwrap()) == amount;
    rated.unpriced.is_none()
        && is(sum(&Class::PROMPT), input)
        && is(sum(&Class::OUTPUT), output)
        && (total.is_null() || is(sum(&Class::ALL), total))
}

/// A decimal amount of the oracle, to the last digit. Some are written like `9.75E-7`, one has more zeros than we read.
fn plain(text: &str) -> Usd {
    let (mantissa, exponent) = text.split_once("E-").unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{}{whole}{fraction}", "0".repeat(exponent.parse().unwrap()));
    let (whole, fraction) = digits.split_at(whole.len());
    Usd::parse(&format!("{whole}.{:0<12}", fraction.trim_end_matches('0'))).unwrap()
}

/// The place of a difference in [`EXPLAINED`].
fn explanation(file: &str, offer: &Value, model: &str, rated: &Rated) -> usize {
    let sum = |classes: &[Class]| classes.iter().map(|class| rated.costs.get(*class)).sum::<Usd>();
    let ours = match rated.unpriced {
        Some(unpriced) => unpriced.name().to_owned(),
        None => format!("{} + {}", sum(&Class::PROMPT), sum(&Class::OUTPUT)),
    };
    let text = |name: &str| offer[name].as_str().unwrap().to_owned();
    let theirs = format!("{} + {}", text("input_price"), text("output_price"));
    let is_this = |known: &Difference| {
        (known.file, known.provider, known.model) == (file, text("provider_id").as_str(), model)
            && (known.ours, known.theirs) == (ours.as_str(), theirs.as_str())
    };
    EXPLAINED
        .iter()
        .position(is_this)
        .unwrap_or_else(|| panic!("not explained: {file} {offer} {model}: ours is {ours}, theirs {theirs}"))
}
