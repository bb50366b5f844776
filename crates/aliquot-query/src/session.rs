//! The session a statement runs in, made so that the limits hold for every plan: operators that turn few batches into many give way
//! to the clock, and functions that turn few bytes into gigabytes are not there. Functions of our own are.

use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::runtime_env::RuntimeEnv;
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::prelude::{SessionConfig, SessionContext};

use crate::{bill_change, causes};

/// Functions that make a value of any size from a number: their memory is not the pool's, so one call could take the process down.
/// The table function `generate_series` makes rows, not one value, and stays.
const UNBOUNDED: [&str; 8] =
    ["repeat", "lpad", "rpad", "range", "generate_series", "array_repeat", "array_resize", "array_pad"];

/// A session without tables.
pub(crate) fn new(runtime: &Arc<RuntimeEnv>) -> SessionContext {
    let config = SessionConfig::new()
        .with_information_schema(true)
        // `0.1` is a tenth, not the float next to it.
        .set_bool("datafusion.sql_parser.parse_float_as_decimal", true);
    let mut rules = PhysicalOptimizer::new().rules;
    rules.push(Arc::new(GiveWay));
    let state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(Arc::clone(runtime))
        .with_default_features()
        .with_physical_optimizer_rules(rules)
        .build();
    let context = SessionContext::new_with_state(state);
    for name in UNBOUNDED {
        context.deregister_udf(name);
    }
    for function in causes::functions() {
        context.register_udf(function);
    }
    context.register_udf(bill_change::function());
    context
}

/// Lets joins and unnests give way. DataFusion does so where batches are read, and a join of two small tables can produce for hours
/// from one batch that was read: without this the time limit would not be looked at until it is through.
#[derive(Debug)]
struct GiveWay;

impl PhysicalOptimizerRule for GiveWay {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let given = plan.transform_up(|node| {
            let multiplies = node.name().ends_with("JoinExec") || node.name() == "UnnestExec";
            Ok(match multiplies {
                true => Transformed::yes(Arc::new(CooperativeExec::new(node))),
                false => Transformed::no(node),
            })
        });
        given.map(|given| given.data)
    }

    fn name(&self) -> &'static str {
        "give_way"
    }

    fn schema_check(&self) -> bool {
        true
    }
}
