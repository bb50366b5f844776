//! What the rules of the core promise, over inputs nobody chose: one module per subject, and `laws` for the promises that hold
//! of all of them together. What a request costs under which price is tested beside the prices, not here.

mod bill_change;
mod laws;
mod money;
mod prices;
mod recent_ids;
mod reports;
mod sequence;
mod state;
mod time;
mod totals;
mod usage;
mod world;
