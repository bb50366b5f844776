//! Blame as columns of the table `blame`, one row per culprit and request that suffered. It lays out; who did what was decided
//! before.

use std::sync::Arc;

use aliquot_core::blame::Blame;
use aliquot_core::cause::{Game, Harm};
use aliquot_core::charge::{Charge, Charges, Symbol};
use aliquot_core::time::EventTime;
use arrow::array::{
    Decimal128Builder, Int32Builder, Int64Builder, RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use arrow::error::ArrowError;

use crate::causes::{cause_names, evidence_names, spelled};
use crate::columns::{Columns, money_builder, time_builder};
use crate::requests::{Picked, by_day as requests_by_day, named};

/// Who a culprit can be, in the order of [`kind_of`].
const KINDS: [&str; 3] = ["tenant", "no_tenant", "background"];

/// Sorts the requests with blame for which `keep` holds into files, as [`crate::requests`] does.
pub(crate) fn by_day(charges: &Charges, keep: impl Fn(&Charge) -> bool) -> Vec<(i32, Picked)> {
    requests_by_day(charges, |charge| !charges.blames(charge).is_empty() && keep(charge))
}

/// The blame of the picked requests as columns, in the picked order.
pub(crate) fn to_batch(charges: &Charges, picked: &[usize]) -> Result<RecordBatch, ArrowError> {
    let mut builders = Builders::new(picked.len());
    for charge in picked.iter().filter_map(|place| charges.rows().get(*place)) {
        for blame in charges.blames(charge) {
            builders.push(charges, charge, blame);
        }
    }
    builders.finish(charges)
}

struct Builders {
    partition: Int32Builder,
    offset: Int64Builder,
    index: Int64Builder,
    time: TimestampMicrosecondBuilder,
    id: StringBuilder,
    domain: Int32Builder,
    model: Int32Builder,
    victim: Int32Builder,
    game: Int32Builder,
    harm: Int32Builder,
    cause: Int32Builder,
    evidence: Int32Builder,
    culprit_kind: Int32Builder,
    culprit: Int32Builder,
    quantity: Int64Builder,
    cost: Decimal128Builder,
    avoidable: Decimal128Builder,
}

impl Builders {
    fn new(rows: usize) -> Self {
        let int = || Int32Builder::with_capacity(rows);
        let long = || Int64Builder::with_capacity(rows);
        Self {
            partition: int(),
            offset: long(),
            index: long(),
            time: time_builder(rows),
            id: StringBuilder::new(),
            domain: int(),
            model: int(),
            victim: int(),
            game: int(),
            harm: int(),
            cause: int(),
            evidence: int(),
            culprit_kind: int(),
            culprit: int(),
            quantity: long(),
            cost: money_builder(rows),
            avoidable: money_builder(rows),
        }
    }

    fn push(&mut self, charges: &Charges, charge: &Charge, blame: &Blame<Symbol>) {
        let key = |symbol: Symbol| symbol.number().cast_signed();
        let EventTime(time) = charge.time;
        self.partition.append_value(charge.place.partition.0);
        self.offset.append_value(charge.place.offset.0);
        self.index.append_value(i64::from(charge.place.index));
        self.time.append_value(time);
        self.id.append_value(charges.id(charge));
        self.domain.append_value(key(charge.domain));
        self.model.append_value(key(charge.model));
        self.victim.append_option(charge.tenant.map(key));
        self.game.append_value(blame.game as i32);
        self.harm.append_value(blame.harm as i32);
        self.cause.append_value(blame.cause as i32);
        self.evidence.append_value(blame.evidence as i32);
        self.culprit_kind.append_option(kind_of(blame));
        self.culprit.append_option(blame.culprit.tenant().map(key));
        self.quantity.append_value(blame.quantity);
        self.cost.append_value(blame.cost.pico());
        self.avoidable.append_value(blame.avoidable.pico());
    }

    fn finish(mut self, charges: &Charges) -> Result<RecordBatch, ArrowError> {
        let text = named(charges);
        let mut columns = Columns::default();
        columns.required("partition", Arc::new(self.partition.finish()));
        columns.required("offset", Arc::new(self.offset.finish()));
        columns.required("index", Arc::new(self.index.finish()));
        columns.required("time", Arc::new(self.time.finish()));
        columns.required("id", Arc::new(self.id.finish()));
        columns.required("domain", text(self.domain.finish())?);
        columns.required("model", text(self.model.finish())?);
        columns.optional("victim", text(self.victim.finish())?);
        columns.required("game", spelled(self.game.finish(), Game::ALL.map(Game::name))?);
        columns.required("harm", spelled(self.harm.finish(), Harm::ALL.map(Harm::name))?);
        columns.required("cause", cause_names(self.cause.finish())?);
        columns.required("evidence", evidence_names(self.evidence.finish())?);
        columns.required("culprit_kind", spelled(self.culprit_kind.finish(), KINDS)?);
        columns.optional("culprit", text(self.culprit.finish())?);
        columns.required("quantity", Arc::new(self.quantity.finish()));
        columns.required("cost_usd", Arc::new(self.cost.finish()));
        columns.required("avoidable_usd", Arc::new(self.avoidable.finish()));
        columns.finish()
    }
}

/// The place in [`KINDS`] of the culprit's kind.
fn kind_of(blame: &Blame<Symbol>) -> Option<i32> {
    let kind = blame.culprit.kind();
    KINDS.iter().zip(0..).find(|(name, _)| **name == kind).map(|(_, place)| place)
}
