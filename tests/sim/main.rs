//! The seeded simulation: the real pipeline and the real decoders, with a log, stores and faults made up from a seed, and an
//! auditor who computes everything again. A failure names its seed; `make sim SEED=n` replays it.
//!
//! | file | is |
//! |---|---|
//! | `workload`, `packing`, `prices` | what the nodes send, in which messages, and what it costs |
//! | `group`, `sinks`, `stores`, `faults` | the world around the pipeline, and what goes wrong in it |
//! | `drive` | one simulation |
//! | `auditor` | what should have come out |
//! | `seeds`, `liars`, `cases` | the tests: many seeds, stores that lie, and single situations |

#[cfg(test)]
mod auditor;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod drive;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod group;
#[cfg(test)]
mod liars;
#[cfg(test)]
mod packing;
#[cfg(test)]
mod prices;
#[cfg(test)]
mod random;
#[cfg(test)]
mod seeds;
#[cfg(test)]
mod sinks;
#[cfg(test)]
mod stores;
#[cfg(test)]
mod workload;
