//! Real traffic against the numbers published with it. Where the data are absent only the small sample is compared.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests, and the word about absent data")]

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use aliquot_core::usage::Class;
use aliquot_sim::replay::{Replay, Settings};
use aliquot_sim::trace::{Format, STAGGER};
use aliquot_sim::truth::Truth;

const V8: &str = "claude_code_v8_local.jsonl.zst";
const V6: &str = "claude_code_v6_global.jsonl.zst";
const MOONCAKE: &str = "mooncake_conversation.jsonl.zst";
const AZURE: &str = "azure_llm_2023_conv.csv.zst";

fn data(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/traces").join(name);
    if !path.exists() {
        println!("no data at {}: not compared", path.display());
    }
    path.exists().then_some(path)
}

/// Replays the whole file on one LRU node.
fn replay(format: Format, path: &Path, capacity_blocks: Option<u32>) -> Truth {
    let capacity_blocks = capacity_blocks.map(|blocks| NonZeroU32::new(blocks).unwrap());
    let settings = Settings { capacity_blocks, sampled_of: NonZeroU32::MAX, ..Settings::of(format) };
    let mut replay = Replay::new(format.open(path, STAGGER).unwrap(), settings);
    let mut events = 0;
    for emitted in replay.by_ref() {
        emitted.unwrap();
        events += 1;
    }
    assert_eq!(replay.truth().events, events);
    replay.truth().clone()
}

/// Hits in hundredths of a percent of the references.
fn hit_rate(truth: &Truth) -> u64 {
    (truth.block_hits * 20_000 / truth.block_refs).div_ceil(2)
}

/// The published rate, to 0.05 points.
fn assert_hit_rate(truth: &Truth, published: u64) {
    assert!(hit_rate(truth).abs_diff(published) <= 5, "{} instead of {published}", hit_rate(truth));
}

#[test]
fn mooncake_is_as_published() {
    let Some(path) = data(MOONCAKE) else { return };
    // Capacity, hits, reinserted.
    for (capacity, hits, reinserted) in [
        (None, 105_710, 0),
        (Some(1_000), 12_847, 92_879),
        (Some(10_000), 61_046, 44_796),
        (Some(50_000), 102_290, 3_420),
    ] {
        let truth = replay(Format::Mooncake, &path, capacity);
        assert_eq!((truth.requests, truth.events, truth.block_refs), (12_031, 12_031, 288_500));
        assert_eq!((truth.block_hits, truth.blocks_reinserted), (hits, reinserted), "{capacity:?}");
        let usage = truth.usage();
        assert_eq!(usage.sum_of(&Class::PROMPT), Some(144_793_823));
        assert_eq!((usage.get(Class::Output), usage.get(Class::Requests)), (4_122_048, 12_031));
    }
    let unbounded = replay(Format::Mooncake, &path, None).all_reported();
    assert_eq!(unbounded.read * 10_000 / unbounded.prompt, 3_736, "37.36 % of the tokens");
}

#[test]
fn the_sample_is_read_plain() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mooncake_head.jsonl");
    let truth = replay(Format::Mooncake, &path, None);
    // Counted with a set and a loop in another language.
    assert_eq!((truth.requests, truth.block_refs, truth.block_hits), SAMPLE);
}

const SAMPLE: (u64, u64, u64) = (160, 4_393, 201);

#[test]
fn azure_is_as_published() {
    let Some(path) = data(AZURE) else { return };
    let truth = replay(Format::Azure, &path, None);
    let usage = truth.usage();
    assert_eq!((truth.requests, truth.block_refs), (19_366, 0));
    assert_eq!((usage.get(Class::Uncached), usage.get(Class::Output)), (22_361_870, 4_088_665));
    assert!(truth.reported.is_empty(), "nothing is known about its cache");
}

#[test]
fn claude_code_v6_is_as_published() {
    let Some(path) = data(V6) else { return };
    let truth = replay(Format::ClaudeCode, &path, Some(50_000));
    assert_eq!((truth.requests, truth.events, truth.duplicates()), (13_020, 25_080, 12_060));
    assert_eq!(truth.block_refs, 18_599_072);
    let usage = truth.usage();
    assert_eq!(usage.sum_of(&Class::PROMPT), Some(1_190_755_252));
    assert_eq!(usage.get(Class::Output), 5_489_072);
    assert_hit_rate(&truth, 9_158);
}

#[test]
fn claude_code_v8_is_as_published() {
    let Some(path) = data(V8) else { return };
    let truth = replay(Format::ClaudeCode, &path, Some(200_000));
    assert_eq!((truth.requests, truth.events, truth.block_refs), (27_945, 27_945, 57_121_585));
    let usage = truth.usage();
    assert_eq!(usage.sum_of(&Class::PROMPT), Some(3_656_669_879));
    assert_eq!(usage.get(Class::Output), 12_573_028);
    assert_hit_rate(&truth, 9_558);
}

#[test]
#[ignore = "a minute: every published capacity"]
fn claude_code_at_every_capacity() {
    let expected = [
        (V8, [(None, 9_625), (Some(1_000), 197), (Some(10_000), 2_047), (Some(50_000), 8_110)]),
        (V6, [(None, 9_711), (Some(1_000), 486), (Some(10_000), 3_794), (Some(200_000), 9_584)]),
    ];
    for (name, rates) in expected {
        let Some(path) = data(name) else { continue };
        for (capacity, published) in rates {
            let truth = replay(Format::ClaudeCode, &path, capacity);
            println!("{name} {capacity:?}: {} hits, {} reinserted", truth.block_hits, truth.blocks_reinserted);
            assert_hit_rate(&truth, published);
            if (name, capacity) == (V8, Some(10_000)) {
                assert_eq!(truth.blocks_reinserted, 44_849_087);
            }
        }
    }
}
