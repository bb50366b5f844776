//! What attribution promises, by the numbers under which contracts cite it, over traffic that nobody chose. Axioms 2 to 4 and 13
//! are about single games, and are held where those are.

use std::num::NonZeroU32;

use aliquot_attribution::attributor::Attributor;
use aliquot_attribution::recency::Resolution;
use aliquot_attribution::replica::{Replica, Use};
use aliquot_attribution::settings::{DomainSettings, Settings};
use aliquot_attribution::tenants::Tenant;
use aliquot_attribution::tick::Tick;
use aliquot_core::blame::CausePart;
use aliquot_core::bytes::{Reader, Writer};
use aliquot_core::cause::{Cause, Game};
use aliquot_core::event::Event;
use aliquot_core::money::Usd;
use aliquot_core::rating::Rated;
use aliquot_core::time::Micros;
use aliquot_core::usage::Class;
use aliquot_sim::cache::Kind;
use aliquot_sim::coalition::{Request, Setup, Trace, replay};
use aliquot_sim::random::pair;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::drive::Drive;
use crate::stories::Story;

/// Who asks for how many blocks of which template, how long after the request before, and for how long.
type Asked = (usize, u64, usize, i64, i64);

/// Tenants of random traffic.
const TENANTS: usize = 4;

fn asked() -> impl Strategy<Value = Vec<Asked>> {
    vec((0..TENANTS, 0_u64..9, 1_usize..7, 0_i64..400_000, 0_i64..2_000_000), 40..160)
}

/// The same with so much time between that what runs at once fits the smallest cache.
fn spread(asked: &[Asked]) -> Vec<Asked> {
    asked.iter().map(|asked| (asked.0, asked.1, asked.2, asked.3 + 400_000, asked.4)).collect()
}

/// Requests for prompts that are chains. Of nine templates, the first `shared` are everybody's.
fn trace(asked: &[Asked], shared: u64) -> Trace {
    let mut at = 0;
    let request = |(tenant, template, length, after, lasts): &Asked| {
        at += after;
        let owner = if *template < shared { 99 } else { *tenant as u64 };
        let blocks = (0..*length as u64).map(|depth| pair(pair(owner, *template), depth)).collect();
        let (start, end) = (Micros(at), Micros(at + lasts));
        Request { tenant: *tenant, replica: 0, start, ready: end, end, blocks }
    };
    Trace { tenants: TENANTS, replicas: 1, requests: asked.iter().map(request).collect(), restarts: Vec::new() }
}

fn story(trace: Trace, kind: Kind, capacity: u32) -> Story {
    let trace = if kind.touches_when_freed() { trace } else { trace.instant() };
    let setup = Setup { kind, capacity_blocks: NonZeroU32::new(capacity).unwrap() };
    Story::of(trace, setup, Vec::new())
}

/// The events of a story in order of their ends, in a domain of that name, with their prices.
fn events(drive: &Drive<'_>, domain: &'static str) -> Vec<(Event<'static>, Rated)> {
    let mut numbers: Vec<usize> = (0..drive.trace.requests.len()).collect();
    numbers.sort_by_key(|number| (drive.trace.requests[*number].end, *number));
    let event = |number| Event { domain: domain.into(), source: domain.into(), ..drive.event(number) };
    numbers.into_iter().map(|number| (event(number), drive.rated(number))).collect()
}

fn settings(drive: &Drive<'_>) -> Settings {
    let domains = [("*".to_owned(), drive.settings.clone())].into();
    Settings { resolution: drive.resolution, domains }
}

/// What is said of events that come in this order; as text, which outlives the attributor.
fn attribute(attributor: &mut Attributor, settings: &Settings, events: &[(Event<'static>, Rated)]) -> Vec<String> {
    events.iter().map(|(event, rated)| format!("{:?}", attributor.request(settings, event, rated, 0))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(12) })]

    #[test]
    fn axiom_01_all_lines_of_a_request_sum_to_its_cost(asked in asked(), shared in 0_u64..9, capacity in 6_u32..40) {
        let story = story(trace(&asked, shared), Kind::Lru, capacity);
        let drive = Drive::new(&story);
        let mut attributor = Attributor::default();
        for (event, rated) in events(&drive, "pool") {
            let known = settings(&drive);
            let told = attributor.request(&known, &event, &rated, 0);
            let cost: Usd = rated.costs.iter().map(|(_, cost)| cost).sum();
            prop_assert_eq!(told.parts.iter().map(|part| part.cost).sum::<Usd>(), cost);
            let tokens: u64 = told.parts.iter().map(|part| part.tokens).sum();
            prop_assert_eq!(tokens, event.usage.prompt_tokens().unwrap());
            for cause in [Cause::EvictedNeighbour, Cause::EvictedSelf, Cause::ColdFirst] {
                let lost: Usd = told.parts.iter().filter(|part| part.cause == cause).map(|part| part.cost).sum();
                let shares: Usd = told.blames.iter().filter(|blame| blame.cause == cause).map(|blame| blame.cost).sum();
                let expected = if cause == Cause::EvictedNeighbour { lost } else { Usd::ZERO };
                prop_assert_eq!(shares, expected, "{:?}: charges less credits are what neighbours changed", cause);
            }
        }
    }

    #[test]
    fn axiom_05_two_caches_are_the_sum_of_each(first in asked(), second in asked(), capacity in 6_u32..40) {
        let stories = [first, second].map(|asked| story(trace(&asked, 3), Kind::Lru, capacity));
        let drives = [Drive::new(&stories[0]), Drive::new(&stories[1])];
        let both = [events(&drives[0], "one"), events(&drives[1], "two")];
        let known = settings(&drives[0]);
        let apart: Vec<_> = both.iter().map(|events| attribute(&mut Attributor::default(), &known, events)).collect();
        let mut attributor = Attributor::default();
        let one_after_the_other: Vec<_> = both.iter().map(|events| attribute(&mut attributor, &known, events)).collect();
        prop_assert_eq!(&one_after_the_other, &apart);
    }

    #[test]
    fn axiom_06_names_change_nothing(asked in asked(), shared in 0_u64..9, capacity in 6_u32..40, turn in 1..TENANTS) {
        let story = story(trace(&asked, shared), Kind::Lru, capacity);
        let mut renamed = story.trace.clone();
        let rename = |tenant: usize| (tenant + turn) % TENANTS;
        renamed.requests.iter_mut().for_each(|request| request.tenant = rename(request.tenant));
        let drive = Drive::new(&story);
        let (told, again) = (drive.run().lines.whole(), Drive { trace: &renamed, ..drive.clone() }.run().lines.whole());
        for victim in 0..TENANTS {
            prop_assert_eq!(told.own(victim), again.own(rename(victim)));
            for culprit in 0..TENANTS {
                let (was, is) = ((culprit, victim), (rename(culprit), rename(victim)));
                prop_assert_eq!(told.charges(was.0, was.1), again.charges(is.0, is.1));
                prop_assert_eq!(told.credits(was.0, was.1), again.credits(is.0, is.1));
            }
        }
    }

    #[test]
    fn axiom_07_whoever_is_alone_blames_nobody(asked in asked(), capacity in 6_u32..20) {
        let alone: Vec<Asked> = asked.into_iter().map(|(_, template, length, after, lasts)| (0, template, length, after, lasts)).collect();
        let story = story(trace(&alone, 0), Kind::Lru, capacity);
        let matrix = Drive::new(&story).run().lines.whole();
        prop_assert_eq!((matrix.charged(), matrix.credited()), (0, 0));
        prop_assert_eq!(matrix.own(0), story.truth.whole().own(0));
    }

    #[test]
    fn axiom_08_an_endless_cache_evicts_nobody(asked in asked(), shared in 0_u64..9) {
        for kind in [Kind::Lru, Kind::Vllm] {
            let story = story(trace(&asked, shared), kind, 1_000_000);
            let driven = Drive::new(&story).run();
            let capacity = [Cause::EvictedSelf, Cause::EvictedNeighbour, Cause::ModelConflict, Cause::NoEvidence];
            prop_assert!(driven.told.iter().flat_map(|told| &told.parts).all(|part| !capacity.contains(&part.0)));
            prop_assert_eq!(driven.lines.whole().charged(), 0);
        }
    }

    #[test]
    fn axiom_09_shares_of_private_blocks_are_what_the_replays_say(asked in asked(), capacity in 24_u32..40) {
        for kind in [Kind::Lru, Kind::Vllm] {
            let story = story(trace(&spread(&asked), 0), kind, capacity);
            let driven = Drive::new(&story).run();
            prop_assert_eq!(&driven.lines.0, &story.truth.0, "{:?}", kind);
            prop_assert_eq!(driven.lines.whole().credited(), 0);
        }
    }

    #[test]
    fn axiom_11_signed_shares_are_what_the_replays_say(asked in asked(), shared in 1_u64..10, capacity in 24_u32..40) {
        for kind in [Kind::Lru, Kind::Vllm] {
            let story = story(trace(&spread(&asked), shared), kind, capacity);
            let driven = Drive::new(&story).run();
            for (number, (told, truth)) in driven.lines.0.iter().zip(&story.truth.0).enumerate() {
                prop_assert_eq!(told, truth, "{:?}, request {}: {:?}", kind, number, driven.told[number]);
            }
            let matrix = driven.lines.whole();
            for victim in 0..TENANTS {
                let lost: i64 = story.truth.whole().lost(victim);
                prop_assert_eq!(matrix.lost(victim), lost, "own part, charges and credits are what was lost");
            }
        }
    }

    #[test]
    fn axiom_10_under_every_coalition_the_model_expects_what_the_replay_finds(
        asked in asked(),
        shared in 0_u64..9,
        capacity in 24_u32..40,
    ) {
        for kind in [Kind::Lru, Kind::Vllm] {
            let story = story(trace(&spread(&asked), shared), kind, capacity);
            for members in 1..1_u32 << TENANTS {
                let is_there = |number: usize| members >> story.trace.requests[number].tenant & 1 == 1;
                let trace = story.trace.only(is_there);
                let (found, _) = replay(&trace, &story.setup, &trace.steps(), u32::MAX);
                let drive = Drive::new(&story);
                let reads = found.iter().map(|found| found.hits).collect();
                let known = vec![0; found.len()];
                let driven = Drive { trace: &trace, reads, known, ..drive }.run();
                for (number, (told, found)) in driven.told.iter().zip(&found).enumerate() {
                    prop_assert_eq!(told.predicted, found.hits, "{:?}, coalition {:b}, request {}", kind, members, number);
                }
            }
        }
    }

    #[test]
    fn axiom_14_parts_of_the_blocks_add_up_to_the_whole(asked in asked(), shards in 1_usize..5, cut in 0_usize..160) {
        let by = |tenant: usize| Use { tenant: Tenant(tenant as u16), at: Tick(0), computed: None };
        let mut whole = Replica::new(Resolution::Exact);
        let mut parts = vec![Replica::new(Resolution::Exact); shards];
        // The moment from which on is counted, in the whole and in each of its parts.
        let mut moments = None;
        for (number, request) in trace(&asked, 3).requests.iter().enumerate() {
            if number == cut % asked.len() {
                moments = Some((whole.moment(), parts.iter_mut().map(Replica::moment).collect::<Vec<_>>()));
            }
            for block in request.blocks.iter().rev() {
                whole.touch(*block, by(request.tenant));
                parts[(*block % shards as u64) as usize].touch(*block, by(request.tenant));
            }
        }
        let (moment, of_parts) = moments.unwrap();
        let (mut counts, mut sums) = ([0; TENANTS], [0; TENANTS]);
        whole.since(moment, &mut counts);
        for (part, moment) in parts.iter().zip(of_parts) {
            let mut more = [0; TENANTS];
            part.since(moment, &mut more);
            sums.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        }
        prop_assert_eq!(counts, sums);
        prop_assert!(counts.iter().sum::<u64>() > 0);
    }

    #[test]
    fn axiom_15_what_hits_cost_changes_no_charge(asked in asked(), shared in 0_u64..9, capacity in 6_u32..40) {
        let story = story(trace(&asked, shared), Kind::Lru, capacity);
        let drive = Drive::new(&story);
        let known = settings(&drive);
        let (mut with, mut without) = (Attributor::default(), Attributor::default());
        for (event, rated) in events(&drive, "pool") {
            let mut free = rated;
            free.costs.set(Class::CacheRead, Usd::ZERO);
            free.rates.set(Class::CacheRead, None);
            let with = with.request(&known, &event, &rated, 0);
            let without = without.request(&known, &event, &free, 0);
            prop_assert_eq!(with.blames, without.blames);
            let missed = |parts: Vec<CausePart>| parts.into_iter().filter(|part| part.cause != Cause::Hit).collect::<Vec<_>>();
            prop_assert_eq!(missed(with.parts), missed(without.parts));
        }
    }

    #[test]
    fn axiom_16_independent_events_may_come_in_any_order(
        first in asked(),
        second in asked(),
        capacity in 6_u32..40,
        picks in vec(any::<bool>(), 320),
    ) {
        let stories = [first, second].map(|asked| story(trace(&asked, 3), Kind::Lru, capacity));
        let drives = [Drive::new(&stories[0]), Drive::new(&stories[1])];
        let both = [events(&drives[0], "one"), events(&drives[1], "two")];
        let known = settings(&drives[0]);
        let apart: Vec<_> = both.iter().map(|events| attribute(&mut Attributor::default(), &known, events)).collect();
        let mut attributor = Attributor::default();
        let (mut mixed, mut next) = ([Vec::new(), Vec::new()], [0, 0]);
        for pick in picks.into_iter().map(usize::from).chain([0; 160]).chain([1; 160]) {
            if let Some((event, rated)) = both[pick].get(next[pick]) {
                mixed[pick].push(format!("{:?}", attributor.request(&known, event, rated, 0)));
                next[pick] += 1;
            }
        }
        prop_assert_eq!(&mixed.to_vec(), &apart);
    }

    #[test]
    fn axiom_16_events_replayed_from_a_saved_state_say_the_same(asked in asked(), capacity in 6_u32..40, cut in 0_usize..40) {
        let story = story(trace(&asked, 4), Kind::Lru, capacity);
        let drive = Drive::new(&story);
        let (events, known) = (events(&drive, "pool"), settings(&drive));
        let (before, after) = events.split_at(cut);
        let mut attributor = Attributor::default();
        attribute(&mut attributor, &known, before);
        let mut out = Writer::default();
        attributor.save(&mut out);
        let bytes = out.into_bytes();
        let told = attribute(&mut attributor, &known, after);
        let mut restored = Attributor::restore(&mut Reader::new(&bytes)).unwrap();
        prop_assert_eq!(attribute(&mut restored, &known, after), told);
    }
}

#[test]
fn axiom_12_whoever_keeps_to_its_entitlement_pays_nothing() {
    let asked: Vec<Asked> = (0_u64..200).map(|n| ((n % 4) as usize, n % 9, 6, 1_000, 10)).collect();
    let story = story(trace(&asked, 0), Kind::Lru, 60);
    let entitlements = [("0".to_owned(), 54), ("1".to_owned(), 2), ("2".to_owned(), 2), ("3".to_owned(), 2)].into();
    let drive = Drive::new(&story);
    let settings = Settings {
        domains: [("*".to_owned(), DomainSettings { entitlements, ..drive.settings.clone() })].into(),
        resolution: drive.resolution,
    };
    let mut attributor = Attributor::default();
    let (mut charged, mut spared) = (0, 0);
    for (event, rated) in events(&drive, "pool") {
        for blame in attributor.request(&settings, &event, &rated, 0).blames {
            let is_entitled = blame.culprit.tenant() == Some("0");
            charged += usize::from(blame.game == Game::Entitlements && !is_entitled);
            spared += usize::from(blame.game == Game::NeighboursAbsent && is_entitled);
            assert!(blame.game != Game::Entitlements || !is_entitled || blame.cost == Usd::ZERO, "{blame:?}");
        }
    }
    assert!(charged > 0 && spared > 0, "{charged}, {spared}");
}
