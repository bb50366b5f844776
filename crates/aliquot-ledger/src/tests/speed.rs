//! How long a large commit takes. Prints, asserts nothing about time, and runs only when asked for:
//! `cargo test -p aliquot-ledger large_commit -- --ignored --nocapture`.

use aliquot_core::event::{Event, Usage};
use aliquot_core::money::Rate;
use aliquot_core::ports::Sink;
use aliquot_core::prices::BookId;
use aliquot_core::rating::Rated;
use aliquot_core::usage::Class;

use super::{Partition, START, Store, commit, place, range};

const TENANTS: i64 = 10_000;
const MODELS: [&str; 2] = ["claude-sonnet-4-5-20250929", "gpt-5.2-codex"];
const CLASSES: [Class; 4] = [Class::Uncached, Class::CacheRead, Class::CacheWrite5m, Class::Output];

/// Every tenant, model and class in one hour: 80,000 totals.
fn large(from: i64) -> aliquot_core::commit::Commit {
    let mut usage = Usage::default();
    let mut rated = Rated { book: BookId(0xb00c), ..Rated::default() };
    for class in CLASSES {
        let rate = Rate::from_pico(75_000);
        usage.parts.set(class, 1_234);
        rated.rates.set(class, Some(rate));
        rated.costs.set(class, rate.times(1_234).unwrap());
    }
    let (mut large, mut offset) = (commit(0, from, from), from);
    for tenant in 0..TENANTS {
        for model in MODELS {
            let event = Event {
                time: START,
                tenant: Some(format!("tenant-{tenant:05}").into()),
                provider: "anthropic".into(),
                request_model: model.into(),
                usage,
                ..Event::default()
            };
            large.charges.push(place(0, offset), START, &event, rated);
            offset += 1;
        }
    }
    large.ranges.insert(Partition(0), range(from, offset));
    large
}

#[tokio::test]
#[ignore = "a measurement, not a test"]
#[expect(clippy::disallowed_methods, reason = "a measurement needs a clock")]
async fn large_commit() {
    let store = Store::new();
    let mut ledger = store.open().await;
    let now = std::time::Instant::now;
    for (what, from) in [("new totals", 0), ("known totals", 20_000), ("known totals", 40_000)] {
        let large = large(from);
        let start = now();
        aliquot_core::totals::totals(&large.charges, large.charges.rows());
        let summed = start.elapsed();
        let start = now();
        ledger.commit(&large).await.unwrap();
        println!("80,000 {what} in one commit: {:?}, of which summing {summed:?}", start.elapsed());
    }
    let start = now();
    let totals = ledger.totals(None, None).await.unwrap();
    println!("{} totals read: {:?}", totals.len(), start.elapsed());
    let start = now();
    for step in 60_000..60_100 {
        ledger.commit(&commit(0, step, step + 1)).await.unwrap();
    }
    println!("a small commit beside them: {:?}", start.elapsed() / 100);
    let size = std::fs::metadata(store.path()).unwrap().len();
    println!("{} bytes per total in the file", size / u64::try_from(totals.len()).unwrap());
}
