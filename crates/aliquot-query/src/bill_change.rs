//! The change of a bill: the function `bill_effects`, by which a query takes it apart, and the typed answer of
//! `reports/bill_change`. The parts are those of [`aliquot_core::bill_change`]; here they are only carried to it and back.

use std::collections::BTreeMap;
use std::sync::Arc;

use aliquot_core::bill_change::{Amount, BillChange, Periods, bill_change};
use aliquot_core::cause::Cause;
use aliquot_core::money::Usd;
use aliquot_core::time::EventTime;
use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Int32Array, ListArray, RecordBatch, StringArray, StructArray,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Field, Fields, Int32Type};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

use crate::engine::Engine;
use crate::error::Error;
use crate::named::named_queries;

/// What a function of DataFusion answers.
type Answered<T> = Result<T, DataFusionError>;

const FUNCTION: &str = "bill_effects";

/// The name of the cause of requests about which nobody asked why.
const NOT_ASKED: &str = "not_asked";

/// The function, which takes a list of `provider`, `model`, `is_after`, `component`, `quantity` and `cost_usd`, and answers with a
/// list of `line`, `effect`, `cause` and `cost_usd`.
pub(crate) fn function() -> ScalarUDF {
    ScalarUDF::from(BillEffects { signature: Signature::any(1, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct BillEffects {
    signature: Signature,
}

impl ScalarUDFImpl for BillEffects {
    fn name(&self) -> &'static str {
        FUNCTION
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Answered<DataType> {
        match arguments {
            [DataType::List(_)] => Ok(DataType::List(Arc::new(element()))),
            _ => Err(DataFusionError::Plan(format!("{FUNCTION} takes the list that `reports/bill_change` makes"))),
        }
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Answered<ColumnarValue> {
        let lists = call.args.first().map(|argument| argument.to_array(call.number_rows)).transpose()?;
        let lists = lists.as_ref().and_then(|lists| lists.as_list_opt::<i32>()).ok_or_else(|| broken("the list"))?;
        let mut lines = Lines::default();
        for list in lists.iter() {
            let models = list.map(|list| models(list.as_ref())).transpose()?.unwrap_or_default();
            let change = bill_change(&models).ok_or_else(|| {
                DataFusionError::Execution("an amount of the bill leaves its range; ask for shorter periods".to_owned())
            })?;
            lines.push(&change);
        }
        lines.finish()
    }
}

/// The element of the answer.
fn element() -> Field {
    Field::new("item", DataType::Struct(fields()), true)
}

fn fields() -> Fields {
    Fields::from(vec![
        Field::new("line", DataType::Int32, false),
        Field::new("effect", DataType::Utf8, false),
        Field::new("cause", DataType::Utf8, true),
        Field::new("cost_usd", DataType::Decimal128(38, 12), false),
    ])
}

/// The lines of the answers, one list after the other.
#[derive(Default)]
struct Lines {
    lengths: Vec<usize>,
    line: Vec<i32>,
    effect: Vec<&'static str>,
    cause: Vec<Option<&'static str>>,
    cost: Vec<i128>,
}

impl Lines {
    fn push(&mut self, change: &BillChange) {
        let first = [
            ("before", change.before),
            ("price", change.price),
            ("volume", change.volume),
            ("mix", change.mix),
            ("prompt_length", change.prompt_length),
        ];
        let last = [("output", change.output), ("residual", change.residual), ("after", change.after)];
        let plain = |(effect, cost)| (effect, None, cost);
        let causes = change.hit_rate.iter().map(|(cause, cost)| ("hit_rate", Some(cause_name(*cause)), *cost));
        let lines = first.into_iter().map(plain).chain(causes).chain(last.into_iter().map(plain));
        let before = self.line.len();
        for ((effect, cause, cost), line) in lines.zip(1..) {
            self.line.push(line);
            self.effect.push(effect);
            self.cause.push(cause);
            self.cost.push(cost.pico());
        }
        self.lengths.push(self.line.len().saturating_sub(before));
    }

    fn finish(self) -> Answered<ColumnarValue> {
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int32Array::from(self.line)),
            Arc::new(StringArray::from(self.effect)),
            Arc::new(StringArray::from(self.cause)),
            Arc::new(Decimal128Array::from(self.cost).with_precision_and_scale(38, 12)?),
        ];
        let lines = StructArray::try_new(fields(), columns, None)?;
        let offsets = OffsetBuffer::from_lengths(self.lengths);
        Ok(ColumnarValue::Array(Arc::new(ListArray::try_new(Arc::new(element()), offsets, Arc::new(lines), None)?)))
    }
}

/// Which bills are compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillAsk {
    /// The period after, from this billing time on.
    pub from: EventTime,
    /// Until just before this one.
    pub to: EventTime,
    /// The period before, from this billing time on.
    pub before_from: EventTime,
    /// Until just before this one.
    pub before_to: EventTime,
    /// Only this tenant.
    pub tenant: Option<String>,
}

/// A tenant and the change of its bill; `None` = no tenant known.
pub type TenantBill = (Option<String>, BillChange);

impl Engine {
    /// The change of each tenant's bill, as `reports/bill_change` that comes with the program has it, by tenant, unknown first.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn bill_change(&self, ask: &BillAsk) -> Result<Vec<TenantBill>, Error> {
        let query = named_queries().iter().find(|query| query.name == "reports/bill_change");
        let sql = query.map(|query| query.sql.as_ref()).unwrap_or_default();
        let bounds =
            [("from", ask.from), ("to", ask.to), ("before_from", ask.before_from), ("before_to", ask.before_to)];
        let mut params: Vec<_> = bounds
            .map(|(name, time)| Ok((name.to_owned(), time_text(time)?)))
            .into_iter()
            .collect::<Result<_, Error>>()?;
        params.extend(ask.tenant.iter().map(|tenant| ("tenant".to_owned(), tenant.clone())));
        let answer = self.sql(sql, &params).await?;
        let mut bills: Vec<TenantBill> = Vec::new();
        for batch in &answer.batches {
            read_bills(batch, &mut bills)?;
        }
        Ok(bills)
    }
}

fn time_text(EventTime(micros): EventTime) -> Result<String, Error> {
    let time = chrono::DateTime::from_timestamp_micros(micros);
    let time = time.ok_or_else(|| Error::Ask("a time lies outside the years of the calendar".to_owned()))?;
    Ok(time.to_rfc3339_opts(chrono::SecondsFormat::Micros, true))
}

/// Reads the lines of one batch, whose first may go on with the last bill.
fn read_bills(batch: &RecordBatch, bills: &mut Vec<TenantBill>) -> Result<(), Error> {
    let odd = || Error::Sql("the answer of `reports/bill_change` is not what this version reads".to_owned());
    let column = |name| batch.column_by_name(name).ok_or_else(odd);
    let text = |name| column(name).and_then(|array| array.as_string_opt::<i32>().ok_or_else(odd));
    let (tenants, effects, causes) = (text("tenant")?, text("effect")?, text("cause")?);
    let costs = column("cost_usd")?.as_primitive_opt::<Decimal128Type>().ok_or_else(odd)?;
    let lines = column("line")?.as_primitive_opt::<Int32Type>().ok_or_else(odd)?;
    for row in 0..batch.num_rows() {
        if lines.value(row) == 1 {
            let tenant = tenants.is_valid(row).then(|| tenants.value(row).to_owned());
            bills.push((tenant, BillChange::default()));
        }
        let (_, change) = bills.last_mut().ok_or_else(odd)?;
        let effect = match effects.value(row) {
            "before" => &mut change.before,
            "price" => &mut change.price,
            "volume" => &mut change.volume,
            "mix" => &mut change.mix,
            "prompt_length" => &mut change.prompt_length,
            "hit_rate" if causes.value(row) == NOT_ASKED => change.hit_rate.entry(None).or_default(),
            "hit_rate" => {
                let cause = Cause::from_name(causes.value(row)).ok_or_else(odd)?;
                change.hit_rate.entry(Some(cause)).or_default()
            }
            "output" => &mut change.output,
            "residual" => &mut change.residual,
            "after" => &mut change.after,
            _ => return Err(odd()),
        };
        *effect = Usd::from_pico(costs.value(row));
    }
    Ok(())
}

/// A model of a provider.
type Model = (String, String);

/// The amounts of a list, by model and period.
fn models(list: &dyn Array) -> Answered<BTreeMap<Model, Periods>> {
    let rows = list.as_struct_opt().ok_or_else(|| broken("an element"))?;
    let column =
        |name, kind| Ok::<_, DataFusionError>(cast(rows.column_by_name(name).ok_or_else(|| broken(name))?, &kind)?);
    let [provider, model, component] =
        [column("provider", DataType::Utf8)?, column("model", DataType::Utf8)?, column("component", DataType::Utf8)?];
    let [provider, model, component] = [&provider, &model, &component].map(|texts| texts.as_string::<i32>());
    let is_after = column("is_after", DataType::Boolean)?;
    let quantity = column("quantity", DataType::Decimal128(38, 0))?;
    let cost = column("cost_usd", DataType::Decimal128(38, 12))?;
    let mut models = BTreeMap::<Model, Periods>::new();
    for row in 0..rows.len() {
        let number = |array: &ArrayRef| match array.is_valid(row) {
            true => array.as_primitive::<Decimal128Type>().value(row),
            false => 0,
        };
        let quantity = u64::try_from(number(&quantity)).map_err(|_| broken("a quantity"))?;
        let amount = Amount { quantity, cost: Usd::from_pico(number(&cost)) };
        let periods = models.entry((provider.value(row).to_owned(), model.value(row).to_owned())).or_default();
        let reported = if is_after.as_boolean().value(row) { &mut periods.after } else { &mut periods.before };
        match component.value(row) {
            "requests" => reported.requests = amount,
            "prompt" => reported.prompt = amount,
            "output" => reported.output = amount,
            cause => {
                let cause = if cause == NOT_ASKED { None } else { Some(named_cause(cause)?) };
                reported.causes.insert(cause, amount);
            }
        }
    }
    Ok(models)
}

fn cause_name(cause: Option<Cause>) -> &'static str {
    cause.map_or(NOT_ASKED, Cause::name)
}

fn named_cause(name: &str) -> Answered<Cause> {
    Cause::from_name(name).ok_or_else(|| broken("a component"))
}

fn broken(what: &str) -> DataFusionError {
    DataFusionError::Execution(format!("{what} of {FUNCTION} is not what `reports/bill_change` makes"))
}
