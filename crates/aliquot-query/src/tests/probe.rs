//! probe
use super::fixture::*;
use crate::*;
use aliquot_core::ports::Sink;
use aliquot_core::position::{Offset, OffsetRange, Partition};
use aliquot_lake::Lake;
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::disallowed_methods, reason = "x")]
async fn probe() {
    let dir = tempfile::tempdir().unwrap();
    let names: Vec<&'static str> = (0..200).map(|n| &*Box::leak(format!("tenant-{n:03}").into_boxed_str())).collect();
    let mut lake = Lake::open(dir.path()).await.unwrap();
    let t = std::time::Instant::now();
    for part in 0..20_i64 {
        let calls: Vec<Call> = (0..50_000_i64).map(|n| { let i = part * 50_000 + n; let mut c = Call::cached(at(1, 9, 0, i * 600 / 1_000_000), names[(i * 7919 % 200) as usize], ["d-1","d-2","d-3"][(i % 3) as usize], if i < 500_000 { 7100 } else { 1800 }, 10_000); c.time.0 += i % 1_000_000; c }).collect();
        let mut commit = commit(&calls);
        commit.ranges.insert(Partition(i32::try_from(part).unwrap()), OffsetRange { from: Offset(0), to: Offset(50_000) });
        let mut again = aliquot_core::commit::Commit::default();
        std::mem::swap(&mut again, &mut commit);
        again.ranges.remove(&Partition(0)).filter(|_| part > 0);
        // same partition, shifted
        let mut shifted = aliquot_core::commit::Commit::default();
        shifted.ranges.insert(Partition(0), OffsetRange { from: Offset(part * 50_000), to: Offset((part + 1) * 50_000) });
        for (row, n) in again.charges.rows().iter().zip(0_i64..) {
            let c = &calls[n as usize];
            let event = aliquot_core::event::Event { id: format!("r-{}", part * 50_000 + n).into(), source: "node-a".into(), time: c.time, tenant: c.tenant.map(Into::into), domain: c.domain.into(), provider: c.provider.into(), request_model: c.model.into(), feature: c.feature.map(Into::into), usage: aliquot_core::event::Usage { parts: row.parts, cache_reported: true, ..Default::default() }, ..Default::default() };
            shifted.charges.push(aliquot_core::position::Place { partition: Partition(0), offset: Offset(part * 50_000 + n), index: 0 }, c.time, &event, row.rated);
        }
        lake.commit(&shifted).await.unwrap();
    }
    println!("wrote in {:?}", t.elapsed());
    let engine = open(dir.path());
    let totals = aliquot_core::totals::Totals::new();
    let e2 = engine.with_totals(&totals).unwrap();
    for round in 0..2 {
    for q in ["SELECT count(*) FROM requests", "SELECT sum(cost_usd), count(*) from requests"] { let t = std::time::Instant::now(); let a = engine.sql(q, &[]).await.unwrap(); println!("{round} {q} {} rows {:?}", a.rows(), t.elapsed()); }
    for q in named_queries() {
        let t = std::time::Instant::now(); let a = e2.named(&q.name, &[]).await.unwrap(); println!("{round} {} {} rows {:?}", q.name, a.rows(), t.elapsed());
    }
    for m in [Measure::Usage, Measure::Costs, Measure::HitRates] { for (b, z) in [(Bucket::Minute, "UTC"), (Bucket::Day, "Europe/Berlin")] {
        let ask = Ask { measure: m, group_by: vec![Dimension::Tenant], bucket: Some(b), time_zone: z.into(), from: at(1,0,0,0), to: at(30,0,0,0), filters: vec![], limit: 100, after: None };
        let t = std::time::Instant::now(); let a = engine.series(&ask).await.unwrap(); println!("{round} series {m:?} {b:?} {z} {} rows {:?}", a.rows.len(), t.elapsed());
        let ask = Ask { filters: vec![Filter { dimension: Dimension::Tenant, value: "tenant-007".into() }], ..ask };
        let t = std::time::Instant::now(); let a = engine.series(&ask).await.unwrap(); println!("{round} series one tenant {m:?} {b:?} {z} {} rows {:?}", a.rows.len(), t.elapsed());
    }}
    }
}
