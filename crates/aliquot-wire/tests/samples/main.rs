//! The golden samples of `schemas/events/v1`: good ones are read as the text beside them says, broken ones are refused for the
//! reason in their name. After a new sample: `cargo test -p aliquot-wire --test samples -- --ignored rewrite_expectations`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test helpers")]

mod description;
mod schema;

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use aliquot_core::event::Report;
use aliquot_core::prices::PriceBook;
use aliquot_core::rating::Rater;
use aliquot_core::reject::Reason;
use aliquot_core::state::{Applied, PartitionState, Rules, TimeLimits};
use aliquot_core::time::EventTime;
use aliquot_wire::{ARROW, JSON, JSON_BATCH, Limits, decode};
use description::description;

/// 2026-02-01T00:00:00Z, when all samples arrive.
const RECEIVED_AT: EventTime = EventTime(1_769_904_000_000_000);

/// Reasons that no sample of a readable size can have.
const WITHOUT_SAMPLE: [Reason; 1] = [Reason::SequenceTooSparse];

pub(crate) fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas/events/v1")
}

/// The samples in a directory, by name.
pub(crate) fn samples(directory: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut samples: Vec<_> = paths.filter(|path| content_type(path).is_some() && path.is_file()).collect();
    samples.sort();
    samples
}

pub(crate) fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap()
}

fn content_type(path: &Path) -> Option<&'static str> {
    let name = name(path);
    let by_ending = [(".batch.json", JSON_BATCH), (".json", JSON), (".arrow", ARROW)];
    let found = by_ending.into_iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, content_type)| content_type);
    found.or_else(|| name.starts_with(Reason::UnknownContentType.name()).then_some("text/plain"))
}

/// What one event is answered with: its description, or reason and detail.
type Answer = Result<String, (Reason, String)>;

/// Reads a sample, and asks core about what could be read.
fn answers(path: &Path) -> Vec<Answer> {
    let book = PriceBook::default();
    let mut rater = Rater::new(&book);
    let mut state = PartitionState::default();
    let tenants = BTreeSet::from(["acme", "globex", "initech"].map(str::to_owned));
    let rules = Rules { times: TimeLimits::default(), tenants: Some(tenants) };
    let mut apply = |report: Report<'_>| {
        let applied = match report {
            Report::Request(event) => state.apply(&mut rater, &rules, RECEIVED_AT, event).map(|_| ()),
            Report::Node(node) => state.apply_node(&rules, RECEIVED_AT, node),
            Report::Cache(cache) => state.apply_cache(&rules, RECEIVED_AT, cache),
        };
        match applied {
            Applied::Accepted(()) => Ok(description(report)),
            Applied::Rejected(reason) => Err((reason, "refused by the rules for events that can be read".to_owned())),
            Applied::Duplicate => panic!("{}: a sample holds an event twice", path.display()),
        }
    };
    let mut answers = Vec::new();
    decode(content_type(path).unwrap(), &fs::read(path).unwrap(), &Limits::default(), &mut |_, event| {
        answers.push(match event {
            Ok(event) => apply(event),
            Err(refusal) => Err((refusal.reason, refusal.detail)),
        });
    });
    answers
}

/// What a good sample is read as.
fn reading(path: &Path) -> String {
    let events: Vec<_> = answers(path)
        .into_iter()
        .map(|answer| answer.unwrap_or_else(|refused| panic!("{}: {refused:?}", name(path))))
        .collect();
    if events.is_empty() { "no event\n".to_owned() } else { events.join("\n") }
}

/// What the senders of all broken samples are told.
fn all_answers() -> String {
    let mut text = String::new();
    for path in samples(&directory().join("samples/broken")) {
        writeln!(text, "{}", name(&path)).unwrap();
        let answers = answers(&path);
        let accepted = answers.iter().filter(|answer| answer.is_ok()).count();
        if accepted > 0 {
            writeln!(text, "    {accepted} accepted").unwrap();
        }
        for (index, (reason, detail)) in
            answers.iter().enumerate().filter_map(|(index, a)| Some((index, a.as_ref().err()?)))
        {
            writeln!(text, "    event {index}: {reason}: {detail}").unwrap();
        }
    }
    text
}

#[test]
fn good_samples_are_read_as_the_text_beside_them_says() {
    let samples = samples(&directory().join("samples"));
    for path in &samples {
        let expected = fs::read_to_string(path.with_extension("txt")).unwrap_or_default();
        assert_eq!(reading(path), expected, "{}", name(path));
    }
    assert!(samples.len() >= 27);
}

#[test]
fn broken_samples_are_refused_for_the_reason_in_their_name() {
    let mut seen = BTreeSet::from(WITHOUT_SAMPLE);
    for path in samples(&directory().join("samples/broken")) {
        let (expected, _) = name(&path).split_once('-').unwrap();
        let refused: Vec<_> = answers(&path).into_iter().filter_map(Result::err).collect();
        assert!(!refused.is_empty(), "{} is not refused", name(&path));
        for (reason, detail) in refused {
            assert_eq!(reason.name(), expected, "{}: {detail}", name(&path));
            seen.insert(reason);
        }
    }
    assert_eq!(seen, BTreeSet::from(Reason::ALL), "every reason has a sample");
    let told = fs::read_to_string(directory().join("samples/broken/answers.txt")).unwrap_or_default();
    assert_eq!(all_answers(), told);
}

#[test]
fn the_encodings_say_the_same() {
    let reading = |name: &str| reading(&directory().join("samples").join(name));
    assert_eq!(reading("good.arrow"), reading("two_nodes.batch.json"));
    assert_eq!(reading("every_type.arrow"), reading("pyarrow.arrow"));
    assert_eq!(reading("cache_and_limits.arrow"), reading("cache_and_limits.batch.json"));
}

/// Writes what the samples are read as today; a change to what is there already breaks the contract.
#[test]
#[ignore = "writes into the repository"]
fn rewrite_expectations() {
    for path in samples(&directory().join("samples")) {
        fs::write(path.with_extension("txt"), reading(&path)).unwrap();
    }
    fs::write(directory().join("samples/broken/answers.txt"), all_answers()).unwrap();
}
