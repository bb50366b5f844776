//! The numbers of each story. They are chosen so that a scenario shows its point within minutes of traffic; nothing is measured
//! here.

use std::num::NonZeroU32;

use aliquot_core::time::Micros;

use super::routing::Router;
use super::streams::{Change, Pool, Stream};
use super::{Bug, Case, Facts, HOG, Scenario, TENANTS};
use crate::cache::Kind;
use crate::coalition::{Request, Setup, Trace};

/// The length at which a scenario has about 100,000 block accesses.
pub const LENGTH: Micros = Micros(1_800 * 1_000_000);

/// More than any scenario's blocks.
const ROOMY: u32 = 1_000_000;

/// How long a provider keeps what is not used.
const LIFETIME: Micros = Micros(300 * 1_000_000);

/// Everything that makes a story.
struct Plot {
    streams: Vec<Stream>,
    kind: Kind,
    capacity_blocks: u32,
    router: Router,
    restarts: Vec<(Micros, usize)>,
    bug: Option<Bug>,
}

pub(super) fn build(case: Case, seed: u64, length: Micros) -> Scenario {
    let t0 = Micros(length.0 / 2);
    let plot = plot(case, t0, length);
    let (mut requests, mut facts) = merge(&plot.streams, seed);
    plot.router.route(seed, &mut requests, &mut facts);
    let capacity_blocks = NonZeroU32::MIN.saturating_add(plot.capacity_blocks - 1);
    Scenario {
        case,
        t0,
        setup: Setup { kind: plot.kind, capacity_blocks },
        trace: Trace { tenants: TENANTS, replicas: plot.router.replicas, requests, restarts: plot.restarts },
        facts,
        bug: plot.bug,
        seed,
    }
}

/// A tenant's ordinary traffic.
const fn ordinary(tenant: usize, length: Micros) -> Stream {
    Stream {
        tenant,
        number: 0,
        is_launch: false,
        from: Micros(0),
        until: length,
        every: Micros(3_000_000),
        slows: None,
        system_blocks: 0,
        templates: 30,
        template_blocks: (6, 14),
        in_turn: false,
        pool: Pool::Own,
        change: Change::Never,
        sessions: 6,
        turns: (2, 8),
        grows: (1, 3),
        first_answer_us: (300_000, 2_000_000),
        answers_us: (1_000_000, 9_000_000),
    }
}

/// What one tenant does beyond its ordinary traffic from `t0` on: so many times its templates and its rate.
const fn growth(templates: u64, rate: i64, t0: Micros, length: Micros) -> Stream {
    let ordinary = ordinary(HOG, length);
    Stream {
        number: 1,
        is_launch: true,
        from: t0,
        every: Micros(ordinary.every.0 / rate),
        templates: ordinary.templates * templates,
        sessions: ordinary.sessions * 4,
        ..ordinary
    }
}

/// Two hundred users with longer prompts of few templates.
const fn launch(t0: Micros, length: Micros) -> Stream {
    Stream { templates: 20, template_blocks: (20, 30), sessions: 200, ..growth(1, 10, t0, length) }
}

fn plot(case: Case, t0: Micros, length: Micros) -> Plot {
    let mut streams: Vec<Stream> = (0..TENANTS).map(|tenant| ordinary(tenant, length)).collect();
    let mut plot = Plot {
        streams: Vec::new(),
        kind: Kind::Lru,
        capacity_blocks: ROOMY,
        router: Router::ONE,
        restarts: Vec::new(),
        bug: None,
    };
    if Case::BLAMELESS.contains(&case) {
        streams.push(launch(t0, length));
    }
    let others = |streams: &mut [Stream], change: &dyn Fn(&mut Stream)| {
        streams.iter_mut().filter(|stream| stream.tenant != HOG).for_each(change);
    };
    match case {
        Case::Moderate => (plot.capacity_blocks, streams) = (2_400, with(streams, growth(40, 4, t0, length))),
        Case::OneHog => (plot.capacity_blocks, streams) = (2_400, with(streams, growth(300, 20, t0, length))),
        Case::BarelyOver => (plot.capacity_blocks, streams) = (1_200, with(streams, growth(40, 4, t0, length))),
        Case::RoomyJump => (plot.capacity_blocks, streams) = (6_000, with(streams, growth(300, 20, t0, length))),
        Case::HotHog => (plot.capacity_blocks, streams) = (2_400, with(streams, warm_set(length))),
        Case::SharedSystemPrompt => {
            (plot.capacity_blocks, streams) = (2_400, with(streams, growth(40, 4, t0, length)));
            streams.iter_mut().for_each(|stream| stream.system_blocks = 4);
        }
        Case::SharedTemplates => {
            (plot.capacity_blocks, streams) = (2_400, with(streams, growth(40, 4, t0, length)));
            streams.iter_mut().for_each(|stream| stream.pool = Pool::Partly { shared_of_100: 60 });
        }
        Case::Launch => (plot.capacity_blocks, streams) = (2_400, with(streams, launch(t0, length))),
        Case::TtlExpiry => {
            plot.kind = Kind::Ttl { lifetime: LIFETIME };
            others(&mut streams, &|stream| stream.slows = Some((t0, 20)));
        }
        Case::Deploy => others(&mut streams, &|stream| stream.change = Change::At(t0)),
        Case::Stampede => {
            plot.kind = Kind::Ttl { lifetime: LIFETIME };
            streams.extend((1..=5).map(|burst| stampede(burst, t0)));
        }
        Case::RoutedAway => plot.router = Router { replicas: 4, from: t0, drained: Some(1), spills_of_100: 10 },
        Case::OwnPrefixChange => streams[3].change = Change::EachFrom(t0),
        Case::CacheReset => plot.restarts.push((t0, 0)),
        Case::PhantomHits => plot.bug = Some(Bug::PhantomHits),
        Case::LostHits => plot.bug = Some(Bug::LostHits),
    }
    Plot { streams, ..plot }
}

fn with(mut streams: Vec<Stream>, one_more: Stream) -> Vec<Stream> {
    streams.push(one_more);
    streams
}

/// A set of prompts that is asked for over and over, so fast that none of it ever gets old.
const fn warm_set(length: Micros) -> Stream {
    Stream {
        number: 1,
        every: Micros(250_000),
        templates: 70,
        template_blocks: (20, 20),
        in_turn: true,
        turns: (1, 1),
        grows: (0, 0),
        answers_us: (100_000, 300_000),
        ..ordinary(HOG, length)
    }
}

/// Forty requests for one new long prompt within a second.
const fn stampede(burst: i64, t0: Micros) -> Stream {
    let from = Micros(t0.0 + burst * 60_000_000);
    Stream {
        number: burst as u64,
        from,
        every: Micros(20_000),
        templates: 1,
        template_blocks: (60, 60),
        sessions: 200,
        turns: (1, 1),
        first_answer_us: (2_000_000, 4_000_000),
        ..ordinary(2, Micros(from.0 + 1_000_000))
    }
}

/// All streams' requests in order of their start.
fn merge(streams: &[Stream], seed: u64) -> (Vec<Request>, Vec<Facts>) {
    let mut all = Vec::new();
    for (stream, spec) in streams.iter().enumerate() {
        let requests = spec.requests(seed).into_iter().enumerate();
        all.extend(requests.map(|(place, (request, facts))| (request, facts, (stream, place))));
    }
    all.sort_by_key(|(request, _, origin)| (request.start, *origin));
    let places: std::collections::HashMap<(usize, usize), usize> =
        all.iter().enumerate().map(|(number, (_, _, origin))| (*origin, number)).collect();
    let placed = |(request, mut facts, (stream, _)): (Request, Facts, (usize, usize))| {
        facts.previous = facts.previous.and_then(|place| places.get(&(stream, place)).copied());
        (request, facts)
    };
    all.into_iter().map(placed).unzip()
}
