//! Proof that the auditor can fail: stores that lie in one small way are found out.

use crate::drive::{Plan, simulate};
use crate::stores::Sabotage;

#[test]
fn every_lie_is_found_out() {
    for sabotage in Sabotage::ALL {
        let plan = Plan { sabotage: Some(sabotage), ..Plan::default() };
        let found = (0..100).find_map(|seed| Some((seed, simulate(seed, plan).findings.into_iter().next()?)));
        let (seed, finding) = found.unwrap_or_else(|| panic!("{sabotage:?} goes unnoticed"));
        println!("{sabotage:?}: found out by seed {seed}: {finding}");
    }
}
