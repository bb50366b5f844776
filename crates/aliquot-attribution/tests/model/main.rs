//! The model of a cache, held against the slow way: every distance counted from the list of all uses.

mod distances;
mod miniature;
mod restart;
mod states;
