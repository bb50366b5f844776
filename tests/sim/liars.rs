//! Proof that the auditor can fail: stores that lie in one small way are found out.

use crate::drive::{Plan, simulate};
use crate::stores::Sabotage;

#[test]
fn every_lie_is_found_out() {
    for sabotage in Sabotage::ALL {
        let plan = Plan { sabotage: Some(sabotage), ..Plan::default() };
        let found = (0..20).filter(|seed| !simulate(*seed, plan).findings.is_empty()).count();
        println!("{sabotage:?}: found out by {found} of 20 seeds");
        assert!(found > 0, "{sabotage:?} goes unnoticed");
    }
}
