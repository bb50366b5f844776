//! What any back end must do. Names none: the target that includes this says where the ledgers are, by its `Store`.

mod attribution;
mod beside;
mod commits;
mod control;
pub(crate) mod fixture;
