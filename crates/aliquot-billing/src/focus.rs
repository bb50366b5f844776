//! Rows of FOCUS, the FinOps Open Cost and Usage Specification, from bills: CostAndUsage of 1.2 and 1.4, InvoiceDetail and BillingPeriod of
//! 1.4. Writes no files.

pub use columns::{BILLING_PERIOD_1_4, COST_AND_USAGE_1_2, COST_AND_USAGE_1_4, Column, INVOICE_DETAIL_1_4, Type};
pub use details::{PeriodStatus, Terms, billing_period, invoice_detail};
pub use row::{Row, Value};
pub use rules::broken;
pub use usage::{Bill, Version, cost_and_usage};

mod columns;
mod details;
mod row;
mod rules;
mod usage;
mod words;

#[cfg(test)]
mod tests;
