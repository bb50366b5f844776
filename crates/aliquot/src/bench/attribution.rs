//! `aliquot bench attribution`: what saying who caused it costs, beside decoding the same events from JSON.

use std::time::Duration;

use aliquot_attribution::attributor::Attributor;
use aliquot_attribution::quota::Quota;
use aliquot_attribution::recency::Resolution;
use aliquot_attribution::replica::{Replica, Use};
use aliquot_attribution::settings::{DomainSettings, Settings};
use aliquot_attribution::solver::Solver;
use aliquot_attribution::tenants::Tenant;
use aliquot_attribution::tick::Tick;
use aliquot_core::bytes::{Reader, Writer};
use aliquot_core::rating::Rater;
use aliquot_sim::fleet::{Fleet, FleetSettings};
use aliquot_sim::random::Random;
use aliquot_wire::{Limits, json, prices::book};
use anyhow::Context;
use serde_json::{Value, json};

use crate::cli::{BenchAttribution, Style};
use crate::table::{count, table};
use crate::{clock, output};

/// Tenants and blocks at which a use is measured.
const TOUCHES: [(u16, u64); 3] = [(8, 200_000), (64, 500_000), (256, 2_000_000)];

/// Neighbours at which a game is measured.
const GAMES: [usize; 4] = [4, 7, 10, 255];

/// One figure.
#[derive(Debug)]
struct Figure {
    what: String,
    value: f64,
    unit: &'static str,
}

pub(super) async fn run(args: BenchAttribution) -> anyhow::Result<()> {
    let mut figures = Vec::new();
    for (tenants, blocks) in TOUCHES {
        output::note(&format!("{tenants} tenants, {} blocks", count(blocks.into())));
        touches(args.touches, tenants, blocks, &mut figures)?;
    }
    output::note("games");
    GAMES.into_iter().for_each(|neighbours| figures.push(game(neighbours)));
    output::note("the demo's fleet");
    events(&mut figures)?;
    output::print(&match args.format {
        Style::Text => text(&figures),
        Style::Json => format!("{:#}\n", figures.iter().map(json_of).collect::<Value>()),
    })
}

/// Uses of random blocks by their owners, every map and table included; then the state written and read.
fn touches(number: u64, tenants: u16, blocks: u64, figures: &mut Vec<Figure>) -> anyhow::Result<()> {
    let mut replica = Replica::new(Resolution::Epochs);
    replica.set_capacity(blocks / 4);
    let mut random = Random::new(1, "bench attribution");
    let mut uses = |count: u64| -> Vec<(u64, Tenant)> {
        let mut draw = || random.below(blocks);
        (0..count).map(|_| draw()).map(|block| (block, owner(block, tenants))).collect()
    };
    let touch = |replica: &mut Replica, uses: &[(u64, Tenant)]| {
        for (block, tenant) in uses {
            replica.touch(*block, Use { tenant: *tenant, at: Tick(0), computed: None });
        }
    };
    touch(&mut replica, &uses(blocks * 3));
    let measured = uses(number);
    let watch = clock::stopwatch();
    touch(&mut replica, &measured);
    let what = format!("use of a block, {tenants} tenants, {} blocks", count(replica.len() as u128));
    figures.push(per(what, watch.elapsed(), number, "ns"));

    let watch = clock::stopwatch();
    let mut out = Writer::default();
    replica.save(&mut out);
    let bytes = out.into_bytes();
    let saved = watch.elapsed();
    let restored = Replica::restore(&mut Reader::new(&bytes)).context("a state that was just written does not read")?;
    let what = format!("state of {} blocks written and read", count(restored.len() as u128));
    figures.push(Figure { what: format!("{what}, of it written"), value: saved.as_secs_f64() * 1e3, unit: "ms" });
    figures.push(Figure { what, value: watch.elapsed().as_secs_f64() * 1e3, unit: "ms" });
    let per_block = bytes.len() as f64 / restored.len() as f64;
    figures.push(Figure { what: "bytes per block in the state".to_owned(), value: per_block, unit: "bytes" });
    Ok(())
}

fn owner(block: u64, tenants: u16) -> Tenant {
    Tenant(u16::try_from(block % u64::from(tenants)).unwrap_or_default())
}

/// A game whose weights are like those of a busy cache: each neighbour a little heavier than the last, two thirds decide.
fn game(neighbours: usize) -> Figure {
    let weights: Vec<u64> = (0..neighbours as u64).map(|place| 100 + 7 * place).collect();
    let quota = Quota::hard(weights.iter().sum::<u64>() * 2 / 3);
    let rounds = 20_000;
    let (mut solver, mut shares) = (Solver::default(), Vec::new());
    let watch = clock::stopwatch();
    for _ in 0..rounds {
        solver.shares(std::hint::black_box(&weights), &quota, &mut shares);
    }
    per(format!("game of {neighbours} neighbours"), watch.elapsed(), rounds, "ns")
}

/// The whole of attribution, per event of the demo's fleet, and the decoding of the same events.
fn events(figures: &mut Vec<Figure>) -> anyhow::Result<()> {
    let book = book::builtin();
    let mut rater = Rater::new(&book);
    let mut settings = Settings::default();
    settings.domains.insert("*".to_owned(), DomainSettings { capacity: Some(9_999), ..DomainSettings::default() });
    let events: Vec<_> =
        Fleet::new(FleetSettings::default()).filter_map(|emitted| emitted.event.into_request()).collect();
    let messages: Vec<_> = events.iter().map(json::encode).collect();
    let number = events.len() as u64;
    let watch = clock::stopwatch();
    let mut read = 0_u64;
    for message in &messages {
        aliquot_wire::decode(aliquot_wire::JSON, message, &Limits::default(), &mut |_, event| {
            read += u64::from(event.is_ok());
        });
    }
    figures.push(per("event of the fleet, decoded from JSON".to_owned(), watch.elapsed(), read, "ns"));
    let mut attributor = Attributor::default();
    let mut rated = Vec::with_capacity(events.len());
    for event in &events {
        rated.push(
            rater.rate(event).map_err(|reason| anyhow::anyhow!("the fleet's event is refused: {}", reason.name()))?,
        );
    }
    let watch = clock::stopwatch();
    for (event, rated) in events.iter().zip(&rated) {
        std::hint::black_box(attributor.request(&settings, event, rated, 0));
    }
    figures.push(per("event of the fleet, attributed".to_owned(), watch.elapsed(), number, "ns"));
    Ok(())
}

fn per(what: String, elapsed: Duration, number: u64, unit: &'static str) -> Figure {
    Figure { what, value: elapsed.as_secs_f64() * 1e9 / number.max(1) as f64, unit }
}

fn text(figures: &[Figure]) -> String {
    let rows = figures
        .iter()
        .map(|Figure { what, value, unit }| vec![what.clone(), format!("{value:.1}"), (*unit).to_owned()]);
    format!("{}\n", table(&["what", "figure", "unit"], 1, rows))
}

fn json_of(figure: &Figure) -> Value {
    json!({ "what": figure.what, "value": figure.value, "unit": figure.unit })
}
