//! Idle time under each policy: what moves between bearers, and what does not.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::Decimal128Type;

use super::fixture::{open, two_days_lake};

#[tokio::test]
async fn a_policy_moves_idle_time_and_leaves_the_sums_alone() {
    let dir = two_days_lake().await;
    let engine = open(dir.path());
    for (policy, platform) in [("none", 4_950_000_000_000), ("pro_rata", 0), ("peak", 0)] {
        let answer = engine.named("reports/idle_cost", &[("policy".to_owned(), policy.to_owned())]).await.unwrap();
        let batch = answer.batches.first().unwrap();
        let amount = |name: &str| batch.column_by_name(name).unwrap().as_primitive::<Decimal128Type>().value(0);
        let sum = amount("compute_usd") + amount("reserved_idle_usd") + amount("idle_usd");
        assert_eq!((amount("cost_usd"), amount("difference_usd")), (sum, 0), "{policy}");
        assert_eq!(amount("platform_usd"), platform, "{policy}");
    }
}
