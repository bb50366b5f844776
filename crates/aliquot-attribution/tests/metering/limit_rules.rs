//! What the rebuilt limits say in cases with a known answer, and what holds for any attempts at all.

use std::collections::BTreeMap;

use aliquot_attribution::limits::{Attempt, Consumption, Counts, Forecast, Limits, Refusal};
use aliquot_core::bytes::{Reader, Writer};
use aliquot_core::event::{Limit, Usage};
use aliquot_core::time::{EventTime, Micros};
use aliquot_core::usage::Class;
use proptest::prelude::*;

const SECOND: i64 = 1_000_000;

fn usage(input: u64, cached: u64, output: u64) -> Usage {
    let mut usage = Usage::default();
    usage.parts.set(Class::Uncached, input);
    usage.parts.set(Class::CacheRead, cached);
    usage.parts.set(Class::Output, output);
    usage
}

fn header(counts: &'static str, limit: u64) -> Limit<'static> {
    Limit { bucket: "org".into(), counts: counts.into(), limit: Some(limit), ..Limit::default() }
}

/// A call as these tests tell it.
#[derive(Clone, Debug)]
struct Call {
    tenant: u32,
    id: String,
    at: i64,
    usage: Usage,
    caused: Vec<(u32, u64)>,
    limits: Vec<Limit<'static>>,
    refused: bool,
}

impl Call {
    fn new(tenant: u32, id: &str, at: i64, input: u64, limit: u64) -> Self {
        let limits = vec![header("input_tokens", limit)];
        Self { tenant, id: id.into(), at, usage: usage(input, 0, 0), caused: Vec::new(), limits, refused: false }
    }

    fn refused(mut self) -> Self {
        self.refused = true;
        self.limits.iter_mut().for_each(|limit| limit.refused = true);
        self
    }

    fn observe(&self, limits: &mut Limits) -> Option<Refusal> {
        let Self { tenant, id, at, usage, caused, limits: said, refused } = self;
        let at = EventTime(*at);
        limits.observe(&Attempt { tenant: *tenant, id, at, usage, caused, limits: said, refused: *refused })
    }
}

fn consumers(limits: &Limits, counts: Counts) -> BTreeMap<u32, Consumption> {
    let bucket = limits.buckets().find(|bucket| bucket.counts == counts);
    bucket.map(|bucket| bucket.consumers.into_iter().collect()).unwrap_or_default()
}

fn attempted(attempted: u64) -> Consumption {
    Consumption { attempted, retried: 0 }
}

/// F11.3: two features at the same rate of requests.
#[test]
fn who_fills_the_bucket_is_ranked_by_tokens_and_not_by_requests() {
    let mut limits = Limits::new(true);
    for number in 0..20_i64 {
        for (tenant, output) in [(1, 200), (2, 8_000)] {
            let mut call = Call::new(tenant, &format!("{tenant}/{number}"), number * SECOND, 0, 1);
            call.usage = usage(500, 0, output);
            call.limits = vec![header("output_tokens", 100_000), header("requests", 1_000)];
            call.observe(&mut limits);
        }
    }
    assert_eq!(
        consumers(&limits, Counts::OutputTokens),
        BTreeMap::from([(1, attempted(4_000)), (2, attempted(160_000))])
    );
    assert_eq!(consumers(&limits, Counts::Requests), BTreeMap::from([(1, attempted(20)), (2, attempted(20))]));
    let mut call = Call::new(1, "last", 20 * SECOND, 0, 1);
    call.usage = usage(0, 0, 200);
    call.limits = vec![header("output_tokens", 100_000)];
    let refusal = call.refused().observe(&mut limits).unwrap();
    assert_eq!(refusal.consumers, [(2, 160_000), (1, 4_200)]);
    assert_eq!((refusal.own, refusal.neighbours, refusal.unexplained), (0, vec![(2, 1_000_000)], 0));
    assert!(refusal.within_fair_share);
    assert_eq!(refusal.binding, Some(("org".into(), Counts::OutputTokens)));
}

/// F11.6: a victim that asks again and again is charged for the tokens once, and the neighbour still has done it.
#[test]
fn a_storm_of_retries_is_not_charged_to_itself_twice() {
    let mut limits = Limits::new(true);
    Call::new(2, "fill", 0, 10_000, 10_000).observe(&mut limits);
    for second in 1..=30 {
        let refusal = Call::new(1, "same", second * SECOND, 6_000, 10_000).refused().observe(&mut limits).unwrap();
        assert_eq!((refusal.own, &refusal.neighbours), (0, &vec![(2, 1_000_000)]), "after {second} s");
    }
    let expected = BTreeMap::from([(1, Consumption { attempted: 6_000, retried: 29 * 6_000 }), (2, attempted(10_000))]);
    assert_eq!(consumers(&limits, Counts::InputTokens), expected);
    // Thirty requests of their own, in contrast, are its own doing from the second one on.
    let mut limits = Limits::new(true);
    Call::new(2, "fill", 0, 10_000, 10_000).observe(&mut limits);
    let own = |second: i64| Call::new(1, &format!("{second}"), second * SECOND, 6_000, 10_000).refused();
    let own: Vec<u64> = (1..=3).map(|second| own(second).observe(&mut limits).unwrap().own).collect();
    assert_eq!(own, [0, 1_000_000, 1_000_000]);
}

/// Nor is it charged to the one who asks again and again when another tenant is refused: without the neighbour that filled the
/// bucket its first attempt would have passed, and there would have been no other.
#[test]
fn a_storm_of_retries_empties_no_bucket_in_which_it_passes() {
    let mut limits = Limits::new(true);
    Call::new(2, "fill", 0, 10_000, 10_000).observe(&mut limits);
    for tenth in 1..=30 {
        Call::new(1, "same", tenth * SECOND / 10, 3_000, 10_000).refused().observe(&mut limits);
    }
    let refusal = Call::new(3, "other", 4 * SECOND, 5_000, 10_000).refused().observe(&mut limits).unwrap();
    assert_eq!((refusal.own, refusal.neighbours), (0, vec![(2, 1_000_000)]));
}

#[test]
fn a_refused_request_that_says_no_tokens_counts_as_its_tenants_usual_one() {
    let mut limits = Limits::new(true);
    Call::new(1, "a", 0, 4_000, 10_000).observe(&mut limits);
    Call::new(1, "b", 0, 0, 10_000).refused().observe(&mut limits);
    assert_eq!(consumers(&limits, Counts::InputTokens), BTreeMap::from([(1, attempted(8_000))]));
}

/// Reads are exempt at some providers, and then a miss that a neighbour caused takes from the bucket in the neighbour's name.
#[test]
fn an_eviction_becomes_the_evictors_consumption() {
    let mut limits = Limits::new(true);
    let mut thrashed = Call::new(1, "a", 0, 9_000, 10_000);
    thrashed.usage = usage(9_000, 50_000, 0);
    thrashed.caused = vec![(2, 8_000), (1, 500)];
    thrashed.observe(&mut limits);
    assert_eq!(consumers(&limits, Counts::InputTokens), BTreeMap::from([(1, attempted(1_000)), (2, attempted(8_000))]));
    // Without the evictions it would have had room.
    let refusal = Call::new(1, "b", 1, 5_000, 10_000).refused().observe(&mut limits).unwrap();
    assert_eq!((refusal.own, refusal.neighbours), (0, vec![(2, 1_000_000)]));
    let mut limits = Limits::new(false);
    thrashed.caused = vec![(2, 100_000)];
    thrashed.observe(&mut limits);
    assert_eq!(consumers(&limits, Counts::InputTokens), BTreeMap::from([(1, attempted(0)), (2, attempted(59_000))]));
}

/// F11.5: what fills by no time cannot be told; neither can a refusal without a word.
#[test]
fn refusals_of_another_kind_are_nobodys() {
    let mut limits = Limits::new(true);
    Call::new(2, "a", 0, 10_000, 10_000).observe(&mut limits);
    for counts in ["concurrency", "spend", "moonshine"] {
        let mut call = Call::new(1, counts, 1, 10, 10_000).refused();
        call.limits = vec![Limit { refused: true, ..header(counts, 10) }];
        let refusal = call.observe(&mut limits).unwrap();
        assert_eq!(refusal.binding, Counts::from_name(counts).map(|counts| ("org".into(), counts)));
        assert_eq!((refusal.own, refusal.neighbours, refusal.unexplained), (0, vec![], 1_000_000), "{counts}");
    }
    let mut silent = Call::new(1, "b", 1, 10, 10_000);
    silent.refused = true;
    let refusal = silent.observe(&mut limits).unwrap();
    assert_eq!((refusal.binding, refusal.unexplained), (None, 1_000_000));
    silent.limits[0].remaining = Some(0);
    assert!(silent.observe(&mut limits).unwrap().binding.is_some(), "the empty one has refused");
}

/// F11.1, F11.8: what headers leave out, or say nonsensically, changes nothing.
#[test]
fn a_bucket_is_what_its_sane_headers_say() {
    let mut limits = Limits::new(true);
    let mut call = Call::new(1, "a", 0, 0, 1_000);
    for (limit, remaining, reset) in [
        (Some(1_000), Some(400), Some(Micros(18 * SECOND))),
        (None, None, None),
        (Some(0), Some(2_000), Some(Micros(-1))),
        (Some(u64::MAX), None, Some(Micros(i64::MAX))),
    ] {
        call.limits = vec![Limit { limit, remaining, reset, ..header("tokens", 0) }];
        call.observe(&mut limits);
        let bucket = limits.buckets().next().unwrap();
        let found = (bucket.limit, bucket.remaining, bucket.fills_in);
        assert_eq!(found, (Some(1_000), Some(400), Micros(30 * SECOND)), "600 come back in 18 s");
    }
}

/// F11.4: 1,000 a minute come back; 800 go out for three minutes, then one tenant doubles.
#[test]
fn an_empty_bucket_is_foreseen_with_who_empties_it() {
    let mut limits = Limits::new(true);
    let minute = |limits: &mut Limits, minute: i64, of_two: u64, remaining: u64| {
        for second in (0..60).step_by(6) {
            for (tenant, tokens) in [(1, 40), (2, of_two)] {
                let mut call = Call::new(tenant, &format!("{tenant}/{minute}/{second}"), 0, tokens, 1_000);
                call.at = (minute * 60 + second) * SECOND;
                call.limits[0].remaining = Some(remaining);
                call.observe(limits);
            }
        }
    };
    (0..3).for_each(|at| minute(&mut limits, at, 40, 1_000));
    let forecast = |limits: &Limits, at: i64| limits.forecast("org", Counts::InputTokens, EventTime(at * 60 * SECOND));
    assert_eq!(forecast(&limits, 3), None);
    minute(&mut limits, 3, 80, 700);
    let empty_in = Micros(210 * SECOND);
    assert_eq!(forecast(&limits, 4), Some(Forecast { empty_in, climbing: Some(2) }), "700 at 200 a minute");
}

#[test]
fn memory_does_not_grow_with_tenants_requests_or_buckets() {
    let mut limits = Limits::new(true);
    for number in 0..3_000_u32 {
        let mut call = Call::new(number, &format!("{number}"), i64::from(number) * 1_000, 10, 1_000_000);
        call.limits.push(Limit { bucket: format!("key {}", number % 100).into(), ..header("tokens", 1_000) });
        call.observe(&mut limits);
    }
    assert_eq!(limits.buckets().count(), 64);
    assert!(consumers(&limits, Counts::InputTokens).len() <= 256);
    let mut out = Writer::default();
    limits.save(&mut out);
    let length = out.into_bytes().len();
    assert!(length < 500_000, "{length}");
    // Whom it does not tell apart it does not blame.
    let call = Call::new(9_999, "last", 3_000_000, 999_990, 1_000_000).refused();
    let refusal = call.observe(&mut limits).unwrap();
    assert!(refusal.unexplained > 500_000 && sum(&refusal) == 1_000_000, "{}", refusal.unexplained);
}

fn any_calls() -> impl Strategy<Value = Vec<Call>> {
    let counts =
        prop::sample::select(vec!["requests", "input_tokens", "output_tokens", "tokens", "concurrency", "odd"]);
    let number = || prop_oneof![20 => 0..5_000_u64, 1 => any::<u64>()];
    let limit = (counts, prop::option::of(number()), prop::option::of(number()), any::<bool>());
    let limits = prop::collection::vec(limit, 0..3);
    let at = prop_oneof![20 => 0..600 * SECOND, 1 => any::<i64>()];
    let caused = prop::collection::vec((0..9_u32, number()), 0..3);
    let call = (0..9_u32, 0..60_u8, at, (number(), number()), caused, limits, any::<bool>());
    let call = call.prop_map(|(tenant, id, at, (input, output), caused, limits, refused)| {
        let limits = limits.into_iter().map(|(counts, limit, left, is_it)| Limit {
            limit,
            remaining: left,
            reset: left.and_then(|left| i64::try_from(left).ok()).map(Micros),
            refused: is_it,
            ..header(counts, 0)
        });
        let limits = limits.collect();
        Call { tenant, id: format!("{id}"), at, usage: usage(input, 7, output), caused, limits, refused }
    });
    prop::collection::vec(call, 1..120)
}

fn sum(refusal: &Refusal) -> u64 {
    refusal.own + refusal.unexplained + refusal.neighbours.iter().map(|(_, share)| share).sum::<u64>()
}

proptest! {
    #[test]
    fn every_refusal_is_split_whole_among_those_who_took_part(calls in any_calls()) {
        let mut limits = Limits::new(true);
        for call in &calls {
            let refusal = call.observe(&mut limits);
            prop_assert_eq!(refusal.is_some(), call.refused);
            let Some(refusal) = refusal else { continue };
            prop_assert_eq!(sum(&refusal), 1_000_000, "{:?}", refusal);
            for (tenant, share) in &refusal.neighbours {
                prop_assert!(*share > 0 && *tenant != call.tenant);
                prop_assert!(refusal.consumers.iter().any(|(other, tokens)| other == tenant && *tokens > 0));
            }
        }
    }

    #[test]
    fn a_restored_state_is_the_same_and_answers_the_same(calls in any_calls(), cut in 0..120_usize) {
        let mut limits = Limits::new(false);
        let (before, after) = calls.split_at(cut.min(calls.len()));
        before.iter().for_each(|call| drop(call.observe(&mut limits)));
        let saved = |limits: &Limits| {
            let mut out = Writer::default();
            limits.save(&mut out);
            out.into_bytes()
        };
        let bytes = saved(&limits);
        let mut reader = Reader::new(&bytes);
        let mut restored = Limits::restore(&mut reader).unwrap();
        prop_assert!(reader.is_at_end());
        prop_assert_eq!(saved(&restored), bytes.clone());
        for call in after {
            prop_assert_eq!(call.observe(&mut restored), call.observe(&mut limits));
        }
        prop_assert_eq!(Limits::restore(&mut Reader::new(&bytes[..bytes.len() - 1])), None);
    }

    #[test]
    fn names_do_not_matter(
        calls in prop::collection::vec((0..6_u32, 1..4_000_u64, 1..20 * SECOND, any::<bool>()), 1..120),
    ) {
        let (mut limits, mut others) = (Limits::new(true), Limits::new(true));
        let (mut at, name) = (0, |tenant: u32| 1_000 - 7 * tenant);
        for (number, (tenant, tokens, pause, refused)) in calls.into_iter().enumerate() {
            at += pause;
            let call = Call::new(tenant, &format!("{number}"), at, tokens, 10_000);
            let call = if refused { call.refused() } else { call };
            let renamed = Call { tenant: name(tenant), ..call.clone() }.observe(&mut others);
            let (Some(found), Some(renamed)) = (call.observe(&mut limits), renamed) else { continue };
            prop_assert_eq!((found.own, found.unexplained), (renamed.own, renamed.unexplained));
            let renamed: BTreeMap<u32, u64> = renamed.neighbours.into_iter().collect();
            prop_assert_eq!(renamed.len(), found.neighbours.len());
            for (tenant, share) in found.neighbours {
                prop_assert!(renamed[&name(tenant)].abs_diff(share) <= 1);
            }
        }
    }

    #[test]
    fn two_alike_share_alike(each in 2_501..5_000_u64) {
        let mut limits = Limits::new(true);
        for tenant in [3, 5] {
            Call::new(tenant, "a", 0, each, 5_000).observe(&mut limits);
        }
        let refusal = Call::new(1, "b", 1, 2_500, 5_000).refused().observe(&mut limits).unwrap();
        prop_assert_eq!(refusal.neighbours, [(3, 500_000), (5, 500_000)]);
    }
}
