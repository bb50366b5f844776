//! Who pays under which cache policy: never another sum, and under `standalone` nothing that tells what neighbours had cached.
#![expect(clippy::arithmetic_side_effects, reason = "numbers of tests are small")]

use aliquot_core::capacity::LineKind;
use aliquot_core::money::Usd;
use aliquot_core::usage::Class;
use proptest::prelude::*;

use super::cases::{AT_COST, component, contract, harm, hour, march, used};
use crate::books::{PoolReason, books};
use crate::contract::Contract;
use crate::digest::canonical;
use crate::draft::{Draft, Standing, bill};
use crate::exact::Exact;
use crate::exchange::Rates;
use crate::line::Kind;
use crate::terms::CachePolicy;
use crate::usage::{Amount, IdleKey, IdleRow, Side, Usage};

const HOUR: &str = "2026-03-05T10:00:00Z";
const POLICIES: [CachePolicy; 3] = [CachePolicy::PassThrough, CachePolicy::Standalone, CachePolicy::CauserPays];

fn tenant_contract(tenant: usize, policy: CachePolicy, pricing: &str) -> Contract {
    let policy = serde_json::to_string(&policy).unwrap();
    contract(&format!("tenant = \"t{tenant}\"\ncache_policy = {policy}\n{}", component(pricing)))
}

fn drafted(contract: &Contract, usage: &Usage) -> Draft {
    bill(contract, usage, &Standing::default(), &Rates::default()).unwrap()
}

/// A tenant: what it incurred, what that had cost it alone, and its share of idle time.
type Tenant = (u32, u32, u32);

/// Tenants and, for each pair, what the one did to the other: charges and credits.
fn worlds() -> impl Strategy<Value = (Vec<Tenant>, Vec<(i128, i128)>)> {
    (1_usize..5).prop_flat_map(|count| {
        let tenants = proptest::collection::vec((0_u32..1000, 0_u32..1000, 0_u32..50), count);
        (tenants, proptest::collection::vec((0_i128..300, 0_i128..300), count * count))
    })
}

fn usages(tenants: &[Tenant], harms: &[(i128, i128)], policies: &[CachePolicy]) -> Vec<(Contract, Usage)> {
    let usage = |victim: usize| {
        let contract = tenant_contract(victim, policies[victim], AT_COST);
        let (incurred, alone, idle) = tenants[victim];
        let mut row = used(HOUR, Class::Output, incurred.into(), 1);
        row.standalone = Some(Amount { quantity: alone.into(), cost: Usd::from_pico(alone.into()) });
        let thrash = (0..tenants.len()).filter(|other| *other != victim).flat_map(|other| {
            let between = |side, victim: usize, culprit: usize| {
                let (charges, credits) = harms[victim * tenants.len() + culprit];
                let mut row = harm(HOUR, side, &format!("t{other}"), policies[other], charges);
                row.credits = Usd::from_pico(credits);
                row
            };
            [between(Side::Suffered, victim, other), between(Side::Caused, other, victim)]
        });
        let idle = IdleRow {
            key: IdleKey { slot: hour(HOUR), kind: LineKind::Idle, gpu_type: "H100".to_owned() },
            cost: Usd::from_pico(idle.into()),
        };
        let usage =
            Usage::new(format!("t{victim}"), march(&contract), vec![row], thrash.collect(), vec![idle]).unwrap();
        (contract, usage)
    };
    (0..tenants.len()).map(usage).collect()
}

proptest! {
    /// Whatever the policies, drafts at cost and the pool together are what was incurred, to the picodollar.
    #[test]
    fn a_policy_changes_who_pays_and_never_the_sum((tenants, harms) in worlds(), choice in 0_usize..81) {
        let policies: Vec<_> = (0..4).map(|tenant| POLICIES[choice / 3_usize.pow(tenant) % 3]).collect();
        let usages = usages(&tenants, &harms, &policies);
        let books = books(usages.iter().map(|(contract, usage)| (contract.terms().cache_policy, usage))).unwrap();
        prop_assert_eq!(books.balance(), Some(Usd::ZERO));
        let incurred: u32 = tenants.iter().map(|(incurred, _, idle)| incurred + idle).sum();
        prop_assert_eq!(books.incurred, Usd::from_pico(incurred.into()));
        for (contract, usage) in &usages {
            let total = drafted(contract, usage).total();
            prop_assert_eq!(total, Exact::dollars(books.borne[usage.tenant()]), "a draft at cost is what is borne");
        }
    }

    /// Where everybody's causer pays, what is given to victims is taken from culprits, and no pool is needed.
    #[test]
    fn among_tenants_of_one_policy_harm_moves_and_nothing_is_left((tenants, harms) in worlds()) {
        let usages = usages(&tenants, &harms, &[CachePolicy::CauserPays; 4]);
        let books = books(usages.iter().map(|(_, usage)| (CachePolicy::CauserPays, usage))).unwrap();
        let of = |wanted| {
            books.pool.iter().filter(|((_, reason), _)| *reason == wanted).map(|(_, amount)| amount.pico()).sum::<i128>()
        };
        prop_assert_eq!(of(PoolReason::Relieved) + of(PoolReason::Recovered), 0);
        prop_assert_eq!(books.borne.values().copied().sum::<Usd>(), books.incurred);
    }
}

/// Two worlds: in one the neighbour pushed the tenant's 1000 tokens out of the cache, in the other it kept 500 more of them warm. The
/// tenant's own traffic is the same, and so is what it would have paid alone: 1000 read at 10.
fn world(is_thrashed: bool) -> Vec<crate::usage::UsageRow> {
    let alone = Amount { quantity: 1000, cost: Usd::from_pico(10_000) };
    let nothing = Amount::default();
    let mut read = used(HOUR, Class::CacheRead, if is_thrashed { 0 } else { 1500 }, 10);
    let mut computed = used(HOUR, Class::Uncached, if is_thrashed { 1000 } else { 0 }, 100);
    (read.standalone, computed.standalone) = (Some(alone), Some(nothing));
    // What was not used on either side has no row.
    let rows = [computed, read].into_iter();
    rows.filter(|row| !row.incurred.is_nothing() || row.standalone != Some(nothing)).collect()
}

#[test]
fn a_standalone_draft_has_the_same_bytes_in_both_worlds_and_the_books_balance() {
    for pricing in [AT_COST, "{ per_unit = { price = \"1\" } }", "{ cost_plus = { percent = \"20\" } }"] {
        let contract = tenant_contract(0, CachePolicy::Standalone, pricing);
        let in_world = |is_thrashed: bool| {
            let harms =
                [Side::Suffered, Side::Caused].map(|side| harm(HOUR, side, "t1", CachePolicy::CauserPays, 90_000));
            let harms = if is_thrashed { harms.to_vec() } else { vec![] };
            let idle = IdleRow {
                key: IdleKey { slot: hour(HOUR), kind: LineKind::Idle, gpu_type: "H100".to_owned() },
                cost: Usd::from_pico(if is_thrashed { 3 } else { 4 }),
            };
            Usage::new("t0", march(&contract), world(is_thrashed), harms, vec![idle]).unwrap()
        };
        let (thrashed, calm) = (in_world(true), in_world(false));
        assert_eq!(canonical(&drafted(&contract, &thrashed)), canonical(&drafted(&contract, &calm)), "{pricing}");
        for (usage, insulated, idle) in [(&thrashed, 90_000, 3), (&calm, 5_000, 4)] {
            let books = books([(CachePolicy::Standalone, usage)]).unwrap();
            let pool: Vec<_> = books.pool.iter().map(|((_, reason), amount)| (*reason, amount.pico())).collect();
            assert_eq!(pool, [(PoolReason::Insulated, insulated), (PoolReason::InsulatedIdle, idle)]);
            assert_eq!(books.balance(), Some(Usd::ZERO));
        }
        let open = tenant_contract(0, CachePolicy::PassThrough, pricing);
        assert_ne!(
            canonical(&drafted(&open, &thrashed)),
            canonical(&drafted(&open, &calm)),
            "the test sees a difference"
        );
    }
}

/// The victim incurred 100, of which a neighbour caused 40. Who pays what, by both policies; the rest is the pool's.
#[test]
fn harm_is_paid_once() {
    let cases = [
        (CachePolicy::PassThrough, CachePolicy::PassThrough, 100, 0, 0),
        (CachePolicy::PassThrough, CachePolicy::CauserPays, 100, 0, 0),
        (CachePolicy::CauserPays, CachePolicy::PassThrough, 60, 0, 40),
        (CachePolicy::CauserPays, CachePolicy::Standalone, 60, 0, 40),
        (CachePolicy::CauserPays, CachePolicy::CauserPays, 60, 40, 0),
        (CachePolicy::Standalone, CachePolicy::CauserPays, 60, 40, 0),
        (CachePolicy::Standalone, CachePolicy::PassThrough, 60, 0, 40),
    ];
    for (of_victim, of_culprit, victim_pays, culprit_pays, pool) in cases {
        let tenants = [(100, 60, 0), (0, 0, 0)];
        let usages = usages(&tenants, &[(0, 0), (40, 0), (0, 0), (0, 0)], &[of_victim, of_culprit]);
        let books = books(usages.iter().map(|(contract, usage)| (contract.terms().cache_policy, usage))).unwrap();
        let borne: Vec<_> = books.borne.values().map(|amount| amount.pico()).collect();
        let pooled: i128 = books.pool.values().map(|amount| amount.pico()).sum();
        assert_eq!((borne, pooled), (vec![victim_pays, culprit_pays], pool), "{of_victim:?} {of_culprit:?}");
    }
}

#[test]
fn no_invoice_names_a_neighbour() {
    for policy in POLICIES {
        let contract = tenant_contract(0, policy, AT_COST);
        let harms = [Side::Suffered, Side::Caused].map(|side| harm(HOUR, side, "rival", CachePolicy::CauserPays, 9));
        let usage = Usage::new("t0", march(&contract), vec![], harms.to_vec(), vec![]).unwrap();
        let draft = drafted(&contract, &usage);
        assert!(!String::from_utf8(canonical(&draft)).unwrap().contains("rival"));
        let told = draft.lines.iter().find(|line| line.kind == Kind::ThrashSuffered);
        let told = told.map(|line| (line.amount.to_string(), line.cost.clone().unwrap().to_string()));
        let expected = match policy {
            CachePolicy::PassThrough => Some(("0".to_owned(), "0.000000000009".to_owned())),
            CachePolicy::CauserPays => Some(("-0.000000000009".to_owned(), "0.000000000009".to_owned())),
            CachePolicy::Standalone => None,
        };
        assert_eq!(told, expected, "{policy:?}");
    }
}

#[test]
fn what_is_not_known_of_being_alone_is_not_charged_yet() {
    let mut row = used(HOUR, Class::Output, 5, 7);
    row.standalone = None;
    let contract = tenant_contract(0, CachePolicy::Standalone, "{ per_unit = { price = \"1\" } }");
    let usage = Usage::new("t0", march(&contract), vec![row], vec![], vec![]).unwrap();
    let draft = drafted(&contract, &usage);
    assert_eq!((draft.lines.len(), draft.open.len()), (0, 1));
    let books = books([(CachePolicy::Standalone, &usage)]).unwrap();
    assert_eq!(
        books.pool.into_iter().collect::<Vec<_>>(),
        [(("t0".to_owned(), PoolReason::NotKnown), Usd::from_pico(35))]
    );
}
