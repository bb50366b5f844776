//! A GPU node's interval and the rent of its cache: every line, under every policy, and always the whole.

use std::collections::BTreeMap;

use aliquot_attribution::idle::{IdlePolicy, Line, LineKind, NodeInterval, NodeSplit, split};
use aliquot_attribution::peaks::Peaks;
use aliquot_attribution::residency::Residency;
use aliquot_core::bytes::{Reader, Writer};
use aliquot_core::money::Usd;
use aliquot_core::time::Micros;
use proptest::prelude::*;

type Used = BTreeMap<u32, u64>;

fn line(kind: LineKind, tenant: Option<u32>, micros: u64, pico: i128) -> Line {
    Line { kind, tenant, micros, cost: Usd::from_pico(pico) }
}

/// A node of 1,000 µs for 2,000 picodollars; tenant 1 used 300, 2 used 100 and has 250 reserved.
fn lines(policy: IdlePolicy, peaks: &Peaks) -> Vec<Line> {
    let (used, reserved) = (Used::from([(1, 300), (2, 100)]), Used::from([(2, 250)]));
    let interval = NodeInterval { cost: Usd::from_pico(2_000), capacity: 1_000, used: &used, reserved: &reserved };
    split(&interval, policy, peaks).lines
}

#[test]
fn idle_time_goes_where_the_policy_says() {
    let busy = [
        line(LineKind::Compute, Some(1), 300, 600),
        line(LineKind::Compute, Some(2), 100, 200),
        line(LineKind::ReservedIdle, Some(2), 150, 300),
    ];
    // Twenty intervals, two of them peaks, which belong to 3 by three quarters.
    let mut peaks = Peaks::default();
    (0..18).for_each(|_| peaks.observe(&Used::from([(1, 50)])));
    (0..2).for_each(|_| peaks.observe(&Used::from([(1, 100), (3, 300)])));
    let idle = |tenant, micros, pico| line(LineKind::Idle, tenant, micros, pico);
    for (policy, rest) in [
        (IdlePolicy::None, vec![idle(None, 450, 900)]),
        (IdlePolicy::ProRata, vec![idle(Some(1), 338, 675), idle(Some(2), 112, 225)]),
        (IdlePolicy::Peak, vec![idle(Some(1), 113, 225), idle(Some(3), 337, 675)]),
    ] {
        let found = lines(policy, &peaks);
        assert_eq!(found[..3], busy, "{policy:?}");
        assert_eq!(found[3..], rest, "{policy:?}");
    }
    assert_eq!(lines(IdlePolicy::Peak, &Peaks::default())[3..], [idle(None, 450, 900)], "nobody is known to peak");
}

#[test]
fn more_use_than_there_was_is_scaled_down_and_shown() {
    let (used, reserved) = (Used::from([(1, 3_000), (2, 1_000)]), Used::from([(2, 900)]));
    let interval = NodeInterval { cost: Usd::from_pico(2_000), capacity: 1_000, used: &used, reserved: &reserved };
    let expected = vec![line(LineKind::Compute, Some(1), 750, 1_500), line(LineKind::Compute, Some(2), 250, 500)];
    assert_eq!(split(&interval, IdlePolicy::ProRata, &Peaks::default()), NodeSplit { lines: expected, excess: 3_000 });
}

#[test]
fn an_interval_of_no_length_costs_the_platform() {
    let nobody = Used::new();
    let interval = NodeInterval { cost: Usd::from_pico(7), capacity: 0, used: &nobody, reserved: &nobody };
    let found = split(&interval, IdlePolicy::ProRata, &Peaks::default());
    assert_eq!(found.lines, [line(LineKind::Idle, None, 0, 7)]);
    assert_eq!(split(&NodeInterval { cost: Usd::ZERO, ..interval }, IdlePolicy::None, &Peaks::default()).lines, []);
}

#[test]
fn peaks_are_the_busiest_tenth_of_all_intervals() {
    let mut peaks = Peaks::default();
    for number in 1..=100_u64 {
        // The order does not matter: 37 and 100 have no common divisor.
        let demand = number * 37 % 100 + 1;
        peaks.observe(&Used::from([(u32::try_from(demand / 91).unwrap(), demand)]));
    }
    assert_eq!(peaks.demand(), BTreeMap::from([(1, (91..=100).sum())]));
}

#[test]
fn memory_is_held_by_blocks_and_time() {
    let mut residency = Residency::default();
    assert_eq!(residency.rent(Usd::from_pico(5)), None);
    residency.hold(1, 10, Micros(60), 3_000);
    residency.hold(2, 40, Micros(10), 50);
    residency.hold(2, 100, Micros(-10), 0);
    let rent = residency.rent(Usd::from_pico(101)).unwrap();
    assert_eq!(rent, [(Some(1), Usd::from_pico(61)), (Some(2), Usd::from_pico(40))]);
    let heavy = |k| residency.pressure(k).iter().map(|tenant| tenant.is_heavy).collect::<Vec<_>>();
    assert_eq!((heavy(2), heavy(24), heavy(25)), (vec![false, true], vec![false, true], vec![false, false]));
}

fn any_used() -> impl Strategy<Value = Used> {
    let micros = prop_oneof![Just(0), 0..5_000_000_u64, any::<u64>()];
    prop::collection::btree_map(0..12_u32, micros, 0..8)
}

fn any_peaks() -> impl Strategy<Value = Peaks> {
    prop::collection::vec(any_used(), 0..40).prop_map(|intervals| {
        let mut peaks = Peaks::default();
        intervals.iter().for_each(|used| peaks.observe(used));
        peaks
    })
}

fn micros(lines: &[Line]) -> u128 {
    lines.iter().map(|line| u128::from(line.micros)).sum()
}

proptest! {
    #[test]
    fn lines_sum_to_the_node_under_every_policy(
        (used, reserved, peaks) in (any_used(), any_used(), any_peaks()),
        cost in prop_oneof![Just(0), -1_000_000_000_000_000_000..1_000_000_000_000_000_000_i128],
        capacity in prop_oneof![Just(0), 0..20_000_000_u64, any::<u64>()],
    ) {
        let cost = Usd::from_pico(cost);
        let interval = NodeInterval { cost, capacity, used: &used, reserved: &reserved };
        let measured: u128 = used.values().map(|micros| u128::from(*micros)).sum();
        let mut computes = Vec::new();
        for policy in IdlePolicy::ALL {
            let NodeSplit { lines, excess } = split(&interval, policy, &peaks);
            prop_assert_eq!(lines.iter().map(|line| line.cost).sum::<Usd>(), cost);
            prop_assert_eq!(micros(&lines), u128::from(capacity));
            prop_assert_eq!(u128::from(excess), measured.saturating_sub(u128::from(capacity)).min(u128::from(u64::MAX)));
            let compute: Vec<Line> = lines.iter().copied().filter(|line| line.kind == LineKind::Compute).collect();
            prop_assert_eq!(micros(&compute), measured.min(u128::from(capacity)));
            prop_assert!(compute.iter().all(|line| line.tenant.is_some_and(|tenant| used[&tenant] > 0)));
            if policy != IdlePolicy::Peak {
                let strangers = lines.iter().filter_map(|line| line.tenant);
                let mut strangers = strangers.filter(|tenant| !used.contains_key(tenant) && !reserved.contains_key(tenant));
                prop_assert_eq!(strangers.next(), None);
            }
            computes.push(compute);
        }
        prop_assert!(computes.windows(2).all(|pair| pair[0] == pair[1]), "a policy changes compute");
    }

    #[test]
    fn equal_use_costs_the_same(each in 1..1_000_000_u64, cost in 0..1_000_000_000_000_i128) {
        let (used, nothing) = (Used::from([(4, each), (9, each)]), Used::new());
        let interval = NodeInterval { cost: Usd::from_pico(cost), capacity: 2_500_000, used: &used, reserved: &nothing };
        let lines = split(&interval, IdlePolicy::ProRata, &Peaks::default()).lines;
        let of = |tenant| lines.iter().filter(|line| line.tenant == Some(tenant)).map(|line| line.cost).sum::<Usd>();
        prop_assert!((of(4).pico() - of(9).pico()).abs() <= 2, "one for each of the two lines: {:?}", lines);
    }

    #[test]
    fn rent_is_split_whole_among_those_who_held(
        held in prop::collection::vec((0..9_u32, any::<u64>(), any::<i64>(), any::<u32>()), 1..30),
        amount in -1_000_000_000_000_000_000..1_000_000_000_000_000_000_i128,
    ) {
        let mut residency = Residency::default();
        for (tenant, blocks, time, tokens) in &held {
            residency.hold(*tenant, *blocks, Micros(*time), u64::from(*tokens));
        }
        let amount = Usd::from_pico(amount);
        if let Some(parts) = residency.rent(amount) {
            prop_assert_eq!(parts.iter().map(|(_, part)| *part).sum::<Usd>(), amount);
            for (tenant, part) in parts {
                prop_assert!(residency.held()[&tenant].block_micros > 0 || part == Usd::ZERO);
            }
        } else {
            prop_assert!(residency.held().values().all(|held| held.block_micros == 0));
        }
        let whole: u64 = residency.pressure(1).iter().map(|share| share.memory).sum();
        prop_assert!(whole == 1_000_000 || whole == 0);
        let mut out = Writer::default();
        residency.save(&mut out);
        let bytes = out.into_bytes();
        prop_assert_eq!(Residency::restore(&mut Reader::new(&bytes)), Some(residency.clone()));
        prop_assert_eq!(Residency::restore(&mut Reader::new(&bytes[1..])), None);
        residency.clear();
        prop_assert!(residency.held().is_empty());
    }

    #[test]
    fn peaks_are_restored_as_they_were(peaks in any_peaks()) {
        let mut out = Writer::default();
        peaks.save(&mut out);
        prop_assert_eq!(Peaks::restore(&mut Reader::new(&out.into_bytes())), Some(peaks));
    }
}
