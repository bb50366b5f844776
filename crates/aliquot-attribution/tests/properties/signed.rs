//! Shared blocks, against caches that are really run: one for every coalition of neighbours.

use aliquot_attribution::signed::{Coalition, Layer, misses, signed_shares};
use proptest::collection::vec;
use proptest::prelude::*;

/// Who touched which block, in order of time. The victim is the tenant after the last neighbour.
type Trace = Vec<(usize, u32)>;

/// Whether each access of the victim is a miss in a cache that evicts what was not used for longest, used by `members`.
fn replayed(trace: &Trace, victim: usize, members: usize, capacity: usize) -> Vec<bool> {
    let mut cache: Vec<u32> = Vec::new();
    let mut is_miss = Vec::new();
    for (tenant, block) in trace.iter().filter(|(tenant, _)| members >> tenant & 1 == 1) {
        let place = cache.iter().position(|cached| cached == block);
        if let Some(place) = place {
            cache.remove(place);
        }
        cache.push(*block);
        if cache.len() > capacity {
            cache.remove(0);
        }
        if *tenant == victim {
            is_miss.push(place.is_none());
        }
    }
    is_miss
}

/// The layers of the access after `trace`, by definition.
fn layers(trace: &[(usize, u32)], victim: usize, block: u32) -> Vec<Layer> {
    let mut touches: Vec<(usize, usize)> = (0..=victim)
        .filter_map(|tenant| trace.iter().rposition(|touch| *touch == (tenant, block)).map(|time| (time, tenant)))
        .collect();
    touches.sort_unstable_by_key(|(time, _)| std::cmp::Reverse(*time));
    let layer = |(time, owner): (usize, usize)| {
        let since = &trace[time + 1..];
        let mut blocks: Vec<u32> = since.iter().map(|(_, block)| *block).collect();
        blocks.sort_unstable();
        blocks.dedup();
        let mut layer = Layer { private: vec![0; victim], ..Layer::default() };
        layer.owner = (owner != victim).then_some(owner);
        for block in blocks {
            let touched = |tenant: &usize| since.contains(&(*tenant, block));
            let touchers: Vec<usize> = (0..victim).filter(touched).collect();
            match touchers.as_slice() {
                _ if touched(&victim) => layer.own += 1,
                [only] => layer.private[*only] += 1,
                several => layer.shared.push((several.iter().map(|tenant| 1 << tenant).sum::<Coalition>(), 1)),
            }
        }
        layer
    };
    touches.into_iter().map(layer).collect()
}

/// Shares by going through all orders of arrival: how often each neighbour's arrival makes a miss, less how often it prevents one.
/// The answer is how many orders those who are not present have.
fn by_orders(is_miss: &[bool], present: usize, neighbours: usize, shares: &mut [i64]) -> i64 {
    let mut orders = 0;
    for neighbour in (0..neighbours).filter(|neighbour| present >> neighbour & 1 == 0) {
        let with = present | 1 << neighbour;
        let after = by_orders(is_miss, with, neighbours, shares);
        shares[neighbour] += after * (i64::from(is_miss[with]) - i64::from(is_miss[present]));
        orders += after;
    }
    orders.max(1)
}

proptest! {
    #[test]
    fn axiom_11_layers_tell_every_coalitions_fate(
        trace in vec((0..4_usize, 0..9_u32, any::<bool>()), 1..60), capacity in 1..9_usize,
    ) {
        let victim = 3;
        // Some blocks are everybody's, others one tenant's own.
        let trace: Trace = trace
            .into_iter()
            .map(|(tenant, block, is_own)| (tenant, if is_own { block + 100 * (tenant as u32 + 1) } else { block }))
            .collect();
        let fates: Vec<Vec<bool>> =
            (0..1 << victim).map(|members| replayed(&trace, victim, members | 1 << victim, capacity)).collect();
        let accesses = (0..trace.len()).filter(|time| trace[*time].0 == victim);
        for (access, time) in accesses.enumerate() {
            let layers = layers(&trace[..time], victim, trace[time].1);
            let is_miss = misses(&layers, victim, capacity as u64).expect("three neighbours are few");
            let expected: Vec<bool> = fates.iter().map(|fate| fate[access]).collect();
            prop_assert_eq!(is_miss, expected);
        }
    }

    #[test]
    fn signed_shares_are_what_all_orders_of_arrival_say(is_miss in vec(any::<bool>(), 32), neighbours in 0..=5_usize) {
        let is_miss = &is_miss[..1 << neighbours];
        let mut expected = vec![0; neighbours];
        by_orders(is_miss, 0, neighbours, &mut expected);
        let shares = signed_shares(is_miss, neighbours).expect("five neighbours are few");
        prop_assert_eq!(&shares, &expected);
        // What happens is what would have happened alone, plus charges, less credits.
        let orders = (1..=neighbours as i64).product::<i64>();
        let (alone, actual) = (i64::from(is_miss[0]), i64::from(is_miss[is_miss.len() - 1]));
        prop_assert_eq!(alone * orders + shares.iter().sum::<i64>(), actual * orders);
    }
}

#[test]
fn a_neighbour_that_keeps_a_block_warm_has_credit() {
    // The victim used its block five of its own blocks ago; neighbour 0 used the same block since, neighbour 1 thirty others.
    let own = Layer { owner: None, private: vec![0, 30], own: 5, shared: vec![] };
    let warm = Layer { owner: Some(0), private: vec![0, 30], own: 1, shared: vec![] };
    let shares = |capacity| signed_shares(&misses(&[warm.clone(), own.clone()], 2, capacity)?, 2);
    assert_eq!(shares(4), Some(vec![-1, 1]), "lost alone, and lost by the second even when kept warm");
    assert_eq!(shares(20), Some(vec![0, 2]));
    assert_eq!(shares(33), Some(vec![-1, 1]), "kept by the first against the second");
    assert_eq!(shares(40), Some(vec![0, 0]));
}

#[test]
fn a_block_that_two_touched_takes_one_place() {
    let layer = Layer { owner: None, private: vec![2, 3], own: 1, shared: vec![(0b11, 4), (0b11, 1)] };
    // Alone 1; with the first 1 + 2 + 5, with the second 1 + 3 + 5, with both 1 + 2 + 3 + 5.
    let fates = |capacity| misses(core::slice::from_ref(&layer), 2, capacity);
    assert_eq!(fates(9), Some(vec![false, false, true, true]));
    assert_eq!(fates(11), Some(vec![false, false, false, true]));
    assert_eq!(fates(12), Some(vec![false; 4]));
    assert_eq!(misses(&[], 2, 12), Some(vec![true; 4]), "it was never there");
}

#[test]
fn what_cannot_be_is_refused() {
    assert_eq!(signed_shares(&[true; 3], 2), None);
    assert_eq!(signed_shares(&[true; 1 << 13], 13), None);
    assert!(signed_shares(&[true; 1 << 12], 12).is_some());
    let layer = |owner, private, shared| Layer { owner, private, own: 0, shared };
    assert_eq!(misses(&[layer(Some(2), vec![0; 2], vec![])], 2, 1), None);
    assert_eq!(misses(&[layer(None, vec![0; 3], vec![])], 2, 1), None);
    assert_eq!(misses(&[layer(None, vec![0; 2], vec![(0b100, 1)])], 2, 1), None);
    assert_eq!(misses(&[layer(None, vec![u64::MAX, 1], vec![])], 2, 1), None);
}
