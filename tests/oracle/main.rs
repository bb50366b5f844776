//! The model of attribution, held against the truth: what every coalition of tenants would have found in real caches. A cache is
//! simulated, what it found becomes events, and what the model says of them is compared with the replay of all coalitions.
//!
//! | file | is |
//! |---|---|
//! | `lines` | what is compared: of each request who did what, in picodollars |
//! | `truth` | the lines that the replays give |
//! | `drive` | the lines that the model gives, driven by events |
//! | `stories` | scenarios with the truth about them |
//! | `exact`, `epochs`, `sampled`, `policies`, `opaque` | how near the two are, by what the model is told and what the cache is |
//! | `axioms` | promises, over random traffic |
//! | `labels` | who is named in which story, and why blocks missed |
//! | `confusion` | true causes beside told ones, all stories together |
//! | `rules` | the model beside simple rules |
//! | `survey` | all measurements, for people |

#![expect(clippy::cast_possible_wrap, reason = "the numbers of a test are small")]

#[cfg(test)]
mod axioms;
#[cfg(test)]
mod confusion;
#[cfg(test)]
mod drive;
#[cfg(test)]
mod epochs;
#[cfg(test)]
mod exact;
#[cfg(test)]
mod labels;
#[cfg(test)]
mod lines;
#[cfg(test)]
mod opaque;
#[cfg(test)]
mod policies;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod sampled;
#[cfg(test)]
mod stories;
#[cfg(test)]
mod survey;
#[cfg(test)]
mod truth;
