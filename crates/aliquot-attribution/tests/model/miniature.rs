//! Simulated coalitions: state that is restored goes on as it was, and whoever is one of many is told apart by what it used.

use aliquot_attribution::miniature::{Eviction, Miniature, Prompt};
use aliquot_attribution::tenants::Tenant;
use aliquot_core::bytes::{Reader, Writer};
use proptest::collection::vec;
use proptest::prelude::*;

fn saved(miniature: &Miniature) -> Vec<u8> {
    let mut out = Writer::default();
    miniature.save(&mut out);
    out.into_bytes()
}

/// Each tenant's prompts are chains of its own.
fn ask(miniature: &mut Miniature, (tenant, template, length): (u16, u64, u64)) {
    let root = (u64::from(tenant) << 32) | (template << 16);
    let blocks: Vec<u64> = (0..length).map(|depth| root | depth).collect();
    miniature.request(&Prompt { tenant: Tenant(tenant), blocks: &blocks, known: blocks.len(), read: 0 });
}

fn prompts(tenants: u16) -> impl Strategy<Value = Vec<(u16, u64, u64)>> {
    vec((0..tenants, 0_u64..9, 1_u64..9), 1..120)
}

fn eviction() -> impl Strategy<Value = Eviction> {
    prop_oneof![Just(Eviction::Frequency), Just(Eviction::Segmented), Just(Eviction::Random)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_restart_leaves_no_trace(
        eviction in eviction(), capacity in 1_u64..5_000, before in prompts(12), after in prompts(12), cut: usize,
    ) {
        let mut steady = Miniature::new(capacity, eviction, &[], &[]);
        before.into_iter().for_each(|prompt| ask(&mut steady, prompt));
        let bytes = saved(&steady);
        let mut reader = Reader::new(&bytes);
        let mut restored = Miniature::restore(&mut reader).unwrap();
        prop_assert!(reader.is_at_end());
        prop_assert!(Miniature::restore(&mut Reader::new(&bytes[..cut % bytes.len()])).is_none());
        for prompt in after {
            ask(&mut steady, prompt);
            ask(&mut restored, prompt);
            let tenant = Tenant(prompt.0);
            prop_assert_eq!(steady.division(tenant, &[1; 12]), restored.division(tenant, &[1; 12]));
        }
        prop_assert_eq!(saved(&steady), saved(&restored));
    }

    #[test]
    fn whoever_is_alone_is_the_cause(eviction in eviction(), capacity in 1_u64..40, prompts in prompts(1)) {
        let mut miniature = Miniature::new(capacity, eviction, &[], &[]);
        prompts.into_iter().for_each(|prompt| ask(&mut miniature, prompt));
        let division = miniature.division(Tenant(0), &[5, 7]);
        prop_assert!(division.is_none_or(|division| division[0] > 0 && division[1] == 0));
    }
}

#[test]
fn of_many_tenants_the_smallest_are_one_and_divided_by_use() {
    let used: Vec<u64> = (0..12).map(|tenant| 100 - tenant).collect();
    let mut miniature = Miniature::new(60, Eviction::Frequency, &used, &[]);
    for round in 0..60 {
        (0..12).for_each(|tenant| ask(&mut miniature, (tenant, round % 3, 4)));
    }
    let division = miniature.division(Tenant(0), &used).expect("its blocks are lost");
    assert!(division.iter().all(|weight| division[0] == 0 && *weight < u64::MAX));
    assert!(division[1..7].iter().all(|weight| *weight == division[1]), "equals: {division:?}");
    let (eighth, ninth) = (division[7], division[8]);
    assert!(eighth > ninth && ninth > 0 && eighth.abs_diff(ninth) < eighth / 50, "as 93 to 92: {division:?}");
    assert!(!miniature.is_outgrown(&used));
    let grown: Vec<u64> = used.iter().zip(0..).map(|(used, tenant)| if tenant == 9 { 1_000 } else { *used }).collect();
    assert!(miniature.is_outgrown(&grown), "the tenth uses more than twice as much as a named one");
}
