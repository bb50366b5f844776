//! Exactly once, shown: a million events through a real broker while the aggregators are killed at random moments.
//!
//! Two aggregators share a topic and a data directory. While events come in, one of them, chosen at random, is killed with
//! SIGKILL at a random moment and started again, so that partitions change hands as well. Afterwards the stores hold every event
//! once, every malformed message with its bytes, and the money that the generator's own books say.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use aliquot_core::money::{Rate, Usd};
use aliquot_core::ports::Outgoing;
use aliquot_core::usage::Class;
use aliquot_sim::load::{Load, Messages};
use aliquot_sim::random::Random;
use aliquot_sim::truth::Truth;

use crate::process::Service;
use crate::world::{World, by, count, produce};

const EVENTS: u64 = 1_000_000;
const KILLS: usize = 24;
const PARTITIONS: i32 = 8;

/// Picodollars per unit in the built-in book, written down here a second time, so that the rating is checked by somebody else.
fn rate(provider: &str, model: &str, class: Class) -> Rate {
    let pico = match (provider, model, class) {
        (_, _, Class::Requests) => 0,
        ("anthropic", "claude-sonnet-4-5", Class::Uncached) => 3_000_000,
        ("anthropic", "claude-sonnet-4-5", Class::CacheRead) => 300_000,
        ("anthropic", "claude-sonnet-4-5", Class::CacheWrite5m) => 3_750_000,
        ("anthropic", "claude-sonnet-4-5", Class::Output) => 15_000_000,
        ("openai", "gpt-4o-mini", Class::Uncached) => 150_000,
        ("openai", "gpt-4o-mini", Class::CacheRead) => 75_000,
        ("openai", "gpt-4o-mini", Class::Output) => 600_000,
        ("self", _, Class::GpuMicros) => 1_000,
        ("self", _, _) => 0,
        other => panic!("no price written down for {other:?}"),
    };
    Rate::from_pico(pico)
}

/// What all of it must cost, from the generator's sums.
fn cost(truth: &Truth) -> Usd {
    let mut total = Usd::ZERO;
    for (line, parts) in &truth.sums {
        for (class, quantity) in parts.iter().filter(|(_, quantity)| *quantity > 0) {
            total = total.checked_add(rate(&line.provider, &line.model, class).times(quantity).unwrap()).unwrap();
        }
    }
    total
}

/// The messages, and those of them that are broken, which say so in their text.
struct Watched {
    messages: Messages,
    broken: BTreeMap<Vec<u8>, u64>,
    sent: i64,
}

impl Iterator for Watched {
    type Item = Outgoing;

    fn next(&mut self) -> Option<Outgoing> {
        let message = self.messages.next()?;
        self.sent += 1;
        if message.payload.windows(7).any(|text| text == b"broken-") {
            *self.broken.entry(message.payload.clone()).or_default() += 1;
        }
        Some(message)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_events_are_charged_once_whatever_is_killed() {
    let seed = RandomState::new().hash_one("kill");
    println!("kill test with seed {seed}");
    let mut random = Random::new(seed, "kills");
    let world = World::new(PARTITIONS).await;
    let more = "[pipeline]\ncommit_interval_ms = 300\ncommit_rows_max = 20000\n";
    let configs = [world.config("one", more), world.config("two", more)];
    let mut services =
        [Service::start(&configs[0], "aggregator").await, Service::start(&configs[1], "aggregator").await];

    let load = Load { seed, events: EVENTS, duplicates_per_mille: 20, malformed_per_mille: 1, ..Load::default() };
    let mut watched = Watched { messages: load.messages(), broken: BTreeMap::new(), sent: 0 };
    let outlet = world.outlet();
    let slice = usize::try_from(EVENTS).unwrap() / KILLS;
    for _ in 0..KILLS {
        produce(&outlet, watched.by_ref().take(slice)).await;
        tokio::time::sleep(Duration::from_millis(random.below(1_500))).await;
        let victim = usize::from(random.below(2) == 1);
        let started = Service::start(&configs[victim], "aggregator");
        let killed = std::mem::replace(&mut services[victim], started.await);
        killed.kill().await;
    }
    produce(&outlet, watched.by_ref()).await;
    world.until_held(watched.sent, &mut services).await;
    for service in services {
        service.stop().await;
    }
    check(&world, &load.truth(), &watched).await;
}

async fn check(world: &World, truth: &Truth, watched: &Watched) {
    let rows = world.rows("SELECT count(*) AS n, count(DISTINCT concat(source, ' ', id, ' ', attempt)) AS identities, sum(cost_usd) AS cost_usd FROM requests").await;
    assert_eq!(
        (count(&rows[0], "n"), count(&rows[0], "identities")),
        (truth.requests, truth.requests),
        "every event once"
    );
    assert_eq!(rows[0]["cost_usd"].as_str().unwrap(), cost(truth).to_string(), "to the picodollar");

    let sum = world.ledger().await.sum().await.unwrap();
    assert_eq!(sum.cost, cost(truth));
    let tenants = world.rows("SELECT coalesce(tenant, '') AS tenant, CAST(sum(uncached_tokens + cache_read_tokens + output_tokens) AS BIGINT) AS n FROM requests GROUP BY tenant").await;
    let expected: BTreeMap<String, u64> = truth
        .by_tenant()
        .into_iter()
        .map(|(tenant, parts)| {
            (
                tenant.unwrap_or_default().into_owned(),
                parts.sum_of(&[Class::Uncached, Class::CacheRead, Class::Output]).unwrap(),
            )
        })
        .collect();
    let found: BTreeMap<String, u64> =
        by(&tenants, "tenant", "n").into_iter().map(|(name, n)| (name.to_owned(), n)).collect();
    assert_eq!(found, expected);

    let rejects =
        world.rows("SELECT reason, encode(raw, 'hex') AS raw, count(*) AS n FROM rejects GROUP BY reason, raw").await;
    let kept: BTreeMap<Vec<u8>, u64> =
        rejects.iter().map(|row| (bytes(row["raw"].as_str().unwrap()), count(row, "n"))).collect();
    assert_eq!(kept, watched.broken, "each bad message with its own bytes");
    assert_eq!(kept.values().sum::<u64>(), truth.malformed);

    let findings = world.audit().await;
    assert_eq!(findings["holds"], true, "{findings}");
    assert_eq!(findings["ledger"]["charged"], truth.requests);
    let reasons: BTreeSet<_> = rejects.iter().map(|row| row["reason"].as_str().unwrap().to_owned()).collect();
    println!(
        "{} messages: {} charged once, {} duplicates dropped, {} rejected ({reasons:?}), cost {}, {KILLS} kills",
        watched.sent,
        truth.requests,
        findings["duplicates"],
        truth.malformed,
        cost(truth)
    );
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}
