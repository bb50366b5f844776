//! temporary
use super::*;
#[test]
fn show() {
    let mut f = Fleet::new(FleetSettings {
        seed: 5,
        ..FleetSettings {
            seed: 3,
            ..FleetSettings { seed: 4, ..FleetSettings { seed: 5, ..FleetSettings::default() } }
        }
    });
    let (mut q, mut n) = (0, 0);
    let mut per = BTreeMap::<i64, (u64, u64, u64, i64, i64)>::new();
    let mut feats = BTreeMap::new();
    let s = f.settings.start;
    for e in f.by_ref() {
        let m = (e.event.time.0 - s.0) / 30_000_000;
        let p = per.entry(m).or_default();
        p.0 += 1;
        if e.event.usage.cache_reported {
            p.1 += e.event.usage.parts.get(aliquot_core::usage::Class::CacheRead);
            p.2 += e.event.usage.input_total.unwrap();
        }
        p.3 += e.event.queue.map_or(0, |q| q.0);
        p.4 += e.event.duration.map_or(0, |q| q.0);
        n += 1;
        if m >= 10 {
            let x = feats
                .entry((e.event.provider.to_string(), e.event.feature.as_ref().unwrap().to_string()))
                .or_insert((0, 0));
            x.0 += e.event.usage.parts.get(aliquot_core::usage::Class::CacheRead);
            x.1 += e.event.usage.input_total.unwrap();
        }
        q += e.event.prefix.as_ref().map_or(0, |p| p.blocks.len());
    }
    println!("{n} events {q} blocks");
    for (k, (a, b)) in feats {
        println!("{k:?} {:.3} {b}", a as f64 / b as f64);
    }
    for (m, p) in per {
        println!(
            "{m} n={} rate={:.3} queue={} dur={}",
            p.0,
            p.1 as f64 / p.2 as f64,
            p.3 / p.0 as i64,
            p.4 / p.0 as i64
        );
    }
    for ph in [&f.truth.before, &f.truth.after] {
        println!(
            "{} {} {:?} {:?}",
            ph.truth.requests,
            ph.truth.events,
            ph.truth.all_reported().hit_rate(),
            ph.truth.usage()
        );
        println!(
            "{:?}",
            ph.evictions
                .iter()
                .map(|((a, b), c)| (*c, *a, *b))
                .collect::<std::collections::BTreeSet<_>>()
                .into_iter()
                .rev()
                .take(6)
                .collect::<Vec<_>>()
        );
        println!(
            "{:?}",
            ph.truth
                .reported
                .iter()
                .map(|(t, r)| (t.clone(), (r.hit_rate().unwrap() * 100.0) as u32))
                .collect::<Vec<_>>()
        );
    }
}
