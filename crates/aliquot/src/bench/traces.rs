//! `aliquot bench traces`: real traffic through simulated caches, what attribution says of it, and how far that and simple rules
//! are from the truth. What stands on standard output is the same on every machine: `docs/traces.md` shows it as printed.
//!
//! Every request is over in the moment it begins, as the hit rates assume that are published with the traces: an LRU cache takes
//! note of a use when it begins, and events tell of its end.

mod held;
mod told;

use std::fmt::Write;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::Instant;

use aliquot_attribution::attributor::Attributor;
use aliquot_attribution::settings::{DomainSettings, Settings};
use aliquot_core::event::Event;
use aliquot_core::rating::{Rated, Rater};
use aliquot_core::time::Micros;
use aliquot_sim::replay::{self, Billing, Replay};
use aliquot_sim::trace::{Error, Format, Request, STAGGER};
use aliquot_wire::prices::book;
use anyhow::{Context, anyhow};

use self::held::{Held, Miniature};
use self::told::Told;
use crate::cli::BenchTraces;
use crate::embedded::bar;
use crate::replay::format;
use crate::table::{count, dollars};
use crate::{clock, output};

/// Tenants to which sessions are assigned: as many as the truth can be worked out for.
const TENANTS: NonZeroU32 = NonZeroU32::new(8).unwrap();

/// Chooses whose a session is.
const SEED: u64 = 1;

/// One trace, as one kind of traffic.
#[derive(Debug)]
struct Traffic {
    name: &'static str,
    format: Format,
    file: &'static str,
    billing: Billing,
    capacities: &'static [u32],
    /// The truth is worked out for one of so many blocks; `None` = nobody asks for it.
    miniature_of: Option<NonZeroU32>,
}

/// Blocks of the cache.
const CAPACITIES: &[u32] = &[10_000, 50_000, 200_000];

const TRAFFIC: [Traffic; 4] = [
    Traffic {
        name: "Claude Code",
        format: Format::ClaudeCode,
        file: "claude_code_v8_local.jsonl.zst",
        billing: Billing::OwnGpus,
        capacities: CAPACITIES,
        miniature_of: NonZeroU32::new(16),
    },
    Traffic {
        name: "Claude Code, shared",
        format: Format::ClaudeCode,
        file: "claude_code_v6_global.jsonl.zst",
        billing: Billing::OwnGpus,
        capacities: CAPACITIES,
        miniature_of: NonZeroU32::new(16),
    },
    Traffic {
        name: "Mooncake",
        format: Format::Mooncake,
        file: "mooncake_conversation.jsonl.zst",
        billing: Billing::OwnGpus,
        capacities: CAPACITIES,
        miniature_of: NonZeroU32::new(1),
    },
    Traffic {
        name: "Claude Code, as if sold",
        format: Format::ClaudeCode,
        file: "claude_code_v8_local.jsonl.zst",
        billing: Billing::Anthropic,
        capacities: &[50_000],
        miniature_of: None,
    },
];

/// One line of the report.
#[derive(Debug)]
struct Line {
    name: &'static str,
    blocks: u32,
    /// Hits and references of blocks.
    hits: (u64, u64),
    /// What is said if the capacity is told, and if it has to be estimated.
    told: [Told; 2],
    held: Option<Held>,
}

pub(super) fn run(args: &BenchTraces) -> anyhow::Result<()> {
    let watch = clock::stopwatch();
    let mut lines = Vec::new();
    let only = args.trace.map(format);
    for traffic in TRAFFIC.iter().filter(|traffic| only.is_none_or(|format| format == traffic.format)) {
        for blocks in traffic.capacities {
            lines.push(line(traffic, *blocks, &args.dir, watch)?);
        }
    }
    output::note(&format!("{:.0} s in all", watch.elapsed().as_secs_f64()));
    output::print(&report(&lines)?)
}

fn line(traffic: &Traffic, blocks: u32, dir: &Path, watch: Instant) -> anyhow::Result<Line> {
    let note = |what: &str| {
        let (name, blocks) = (traffic.name, count(blocks.into()));
        output::note(&format!("{:5.0} s  {name}, {blocks} blocks: {what}", watch.elapsed().as_secs_f64()));
    };
    let file = dir.join(traffic.file);
    let capacity = NonZeroU32::new(blocks).context("a cache has blocks")?;
    let settings = replay::Settings {
        capacity_blocks: Some(capacity),
        tenants: TENANTS,
        seed: SEED,
        billing: traffic.billing,
        ..replay::Settings::of(traffic.format)
    };
    note("attributed");
    let (hits, told) = told(traffic.format, &file, &settings)?;
    let held = match traffic.miniature_of {
        Some(one_of) => {
            note("every coalition of tenants");
            Some(Miniature::new(requests(traffic.format, &file)?, &settings, one_of)?.held()?)
        }
        None => None,
    };
    Ok(Line { name: traffic.name, blocks, hits, told, held })
}

/// The trace's requests, each over at once.
fn requests(format: Format, file: &Path) -> anyhow::Result<impl Iterator<Item = Result<Request, Error>> + use<>> {
    let at_once = |request: Request| Request { ttft: None, duration: Some(Micros(0)), ..request };
    Ok(format.open(file, STAGGER)?.map(move |request| request.map(at_once)))
}

/// Events that are attributed at once: enough that starting threads costs nothing, few enough to hold.
const BATCH: usize = 256;

/// Attribution that is told the capacity, or is not.
#[derive(Debug)]
struct Teller {
    rules: Settings,
    attributor: Attributor,
    told: Told,
}

impl Teller {
    fn new(rules: Settings) -> Self {
        Self { rules, attributor: Attributor::default(), told: Told::default() }
    }

    fn hear(&mut self, events: &[(Event<'static>, Rated)]) {
        for (event, rated) in events {
            let said = self.attributor.request(&self.rules, event, rated, 0);
            self.told.add(event.tenant.as_deref(), rated, &said);
        }
    }
}

/// Runs the whole trace through one cache, and what it reports through attribution, once with the capacity and once without.
fn told(format: Format, file: &Path, settings: &replay::Settings) -> anyhow::Result<((u64, u64), [Told; 2])> {
    let book = book::builtin();
    let mut rater = Rater::new(&book);
    let mut tellers = [settings_of(settings.capacity_blocks), Settings::default()].map(Teller::new);
    let mut replay = Replay::new(requests(format, file)?, settings.clone());
    let bar = bar("requests attributed");
    let (mut batch, mut last_id) = (Vec::with_capacity(BATCH), None);
    loop {
        let emitted = replay.next().transpose()?;
        if emitted.is_none() || batch.len() == BATCH {
            std::thread::scope(|scope| {
                tellers.iter_mut().for_each(|teller| drop(scope.spawn(|| teller.hear(&batch))));
            });
            bar.inc(batch.len() as u64);
            batch.clear();
        }
        let Some(emitted) = emitted else { break };
        let Some(event) = emitted.event.into_request() else { continue };
        // A second receipt comes right after the first.
        if last_id.as_ref() == Some(&event.id) {
            continue;
        }
        let rated = rater.rate(&event).map_err(|reason| anyhow!("{} is refused: {}", event.id, reason.name()))?;
        last_id = Some(event.id.clone());
        batch.push((event, rated));
    }
    bar.finish_and_clear();
    Ok(((replay.truth().block_hits, replay.truth().block_refs), tellers.map(|teller| teller.told)))
}

fn settings_of(capacity: Option<NonZeroU32>) -> Settings {
    let capacity = capacity.map(|blocks| u64::from(blocks.get()));
    let domains = [("*".to_owned(), DomainSettings { capacity, ..DomainSettings::default() })].into();
    Settings { domains, ..Settings::default() }
}

fn report(lines: &[Line]) -> anyhow::Result<String> {
    let mut out = String::new();
    writeln!(out, "What tenants cost one another, and that nothing is lost on the way:\n\n{}", money(lines))?;
    writeln!(
        out,
        "Why tokens cost what they did, in percent of the money / of the prompt tokens:\n\n{}",
        causes(lines)
    )?;
    writeln!(out, "How sure that is, in percent of the money / of the prompt tokens:\n\n{}", evidence(lines))?;
    write!(out, "Percent of what was lost that is put on the wrong line:\n\n{}", misplaced(lines))?;
    Ok(out)
}

/// The lines, each twice: the capacity told, and estimated.
fn twice(lines: &[Line]) -> impl Iterator<Item = (Vec<String>, &Line, &Told)> {
    lines.iter().flat_map(|line| {
        ["told", "estimated"].into_iter().zip(&line.told).map(move |(capacity, told)| {
            (vec![line.name.to_owned(), count(line.blocks.into()), capacity.to_owned()], line, told)
        })
    })
}

fn money(lines: &[Line]) -> String {
    let header = [
        "trace",
        "blocks",
        "capacity",
        "hits",
        "cost, USD",
        "charged to neighbours, USD",
        "of the cost",
        "credited, USD",
        "off, picodollars",
    ];
    let rows = twice(lines).map(|(mut cells, line, told)| {
        cells.extend([
            hundredths(line.hits.0.into(), line.hits.1.into()) + " %",
            dollars(told.cost()),
            dollars(told.charged()),
            hundredths(told.charged().pico().unsigned_abs(), told.cost().pico().unsigned_abs()) + " %",
            dollars(told.credited()),
            count(told.off()),
        ]);
        cells
    });
    markdown(&header, 3, rows)
}

fn causes(lines: &[Line]) -> String {
    let all = aliquot_core::cause::Cause::ALL;
    let found: Vec<_> = all
        .into_iter()
        .filter(|cause| lines.iter().any(|line| line.told.iter().any(|told| told.by_cause(*cause).0 > 0)))
        .collect();
    let mut header = vec!["trace", "blocks", "capacity"];
    header.extend(found.iter().map(|cause| cause.name()));
    let rows = twice(lines).map(|(mut cells, _, told)| {
        cells.extend(found.iter().map(|cause| shares(told, told.by_cause(*cause))));
        cells
    });
    markdown(&header, 3, rows)
}

fn evidence(lines: &[Line]) -> String {
    let all = aliquot_core::cause::Evidence::ALL;
    let mut header = vec!["trace", "blocks", "capacity"];
    header.extend(all.iter().map(|evidence| evidence.name()));
    let rows = twice(lines).map(|(mut cells, _, told)| {
        cells.extend(all.iter().map(|evidence| shares(told, told.by_evidence(*evidence))));
        cells
    });
    markdown(&header, 3, rows)
}

fn misplaced(lines: &[Line]) -> String {
    let header = [
        "trace",
        "blocks",
        "one block of",
        "hits",
        "lost, blocks",
        "by neighbours",
        "the model",
        "last evictor",
        "in proportion",
        "equally",
    ];
    let rows = lines.iter().filter_map(|line| line.held.as_ref().map(|held| (line, held))).map(|(line, held)| {
        let mut cells = vec![
            line.name.to_owned(),
            count(line.blocks.into()),
            held.one_of.to_string(),
            hundredths(held.hits.0, held.hits.1) + " %",
            count(held.lost),
        ];
        let methods = [held.by_neighbours, held.model].into_iter().chain(held.rules);
        // Of nothing, nothing is on a wrong line.
        cells.extend(methods.map(|part| if held.lost == 0 { "–".to_owned() } else { format!("{part:.1}") }));
        cells
    });
    markdown(&header, 1, rows)
}

fn shares(told: &Told, (tokens, cost): (u64, i128)) -> String {
    if tokens == 0 && cost == 0 {
        return "–".to_owned();
    }
    let money = hundredths(cost.unsigned_abs(), told.cost().pico().unsigned_abs());
    format!("{money} / {}", hundredths(tokens.into(), told.tokens().into()))
}

/// A share in percent with two decimals.
fn hundredths(part: u128, whole: u128) -> String {
    let share = (part * 10_000 + whole / 2).checked_div(whole).unwrap_or_default();
    format!("{}.{:02}", share / 100, share % 100)
}

/// A table as Markdown has it, with numbers from some column on.
fn markdown(header: &[&str], numbers: usize, rows: impl Iterator<Item = Vec<String>>) -> String {
    let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let header: Vec<String> = header.iter().map(|name| (*name).to_owned()).collect();
    let rule: String = (0..header.len()).map(|place| if place < numbers { "|---" } else { "|---:" }).collect();
    let mut out = format!("{}{rule}|\n", row(&header));
    rows.for_each(|cells| out += &row(&cells));
    out
}
