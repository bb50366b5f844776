//! The functions `cause_cost` and `cause_tokens`: sums over the list that a row has in its column `causes`. A list is summed row by
//! row, without taking it apart into rows that would have to be put together again.
//!
//! | call | answer |
//! |---|---|
//! | `cause_cost(causes)` | what all parts cost, which is the request's cost; null = nobody asked why |
//! | `cause_cost(causes, 'hit')` | what the parts of that cause cost; 0 = there are none, null = nobody asked why |
//! | `cause_tokens(causes)`, `cause_tokens(causes, 'hit')` | the same of prompt tokens |

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Decimal128Array, ListArray, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Decimal128Type};
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

/// What is summed of each part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Summed {
    Cost,
    Tokens,
}

impl Summed {
    const fn function(self) -> &'static str {
        match self {
            Self::Cost => "cause_cost",
            Self::Tokens => "cause_tokens",
        }
    }

    const fn field(self) -> &'static str {
        match self {
            Self::Cost => "cost_usd",
            Self::Tokens => "tokens",
        }
    }

    const fn kind(self) -> DataType {
        match self {
            Self::Cost => DataType::Decimal128(38, 12),
            Self::Tokens => DataType::Decimal128(38, 0),
        }
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct CauseSum {
    summed: Summed,
    signature: Signature,
}

/// The functions.
pub(crate) fn functions() -> [ScalarUDF; 2] {
    [Summed::Cost, Summed::Tokens].map(|summed| {
        let signature = Signature::variadic_any(Volatility::Immutable);
        ScalarUDF::from(CauseSum { summed, signature })
    })
}

impl ScalarUDFImpl for CauseSum {
    fn name(&self) -> &str {
        self.summed.function()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, arguments: &[DataType]) -> Result<DataType> {
        match arguments {
            [DataType::List(_)] => Ok(self.summed.kind()),
            [DataType::List(_), name] if name.is_string() => Ok(self.summed.kind()),
            _ => Err(DataFusionError::Plan(format!(
                "{name} takes the column `causes` and, if only one cause is meant, its name: {name}(causes, 'evicted_neighbour')",
                name = self.name()
            ))),
        }
    }

    fn invoke_with_args(&self, call: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut arguments = call.args.iter().map(|argument| argument.to_array(call.number_rows));
        let lists = arguments.next().transpose()?.ok_or_else(|| broken("an argument"))?;
        let lists = lists.as_list_opt::<i32>().ok_or_else(|| broken("the list"))?;
        let names = arguments.next().transpose()?.map(|names| cast(&names, &DataType::Utf8)).transpose()?;
        let sums = self.sums(lists, names.as_ref().map(|names| names.as_string::<i32>()))?;
        Ok(ColumnarValue::Array(Arc::new(sums.with_data_type(self.summed.kind()))))
    }
}

impl CauseSum {
    fn sums(&self, lists: &ListArray, names: Option<&StringArray>) -> Result<Decimal128Array> {
        let parts = lists.values().as_struct_opt().ok_or_else(|| broken("a part"))?;
        let field = |name| parts.column_by_name(name).ok_or_else(|| broken(name));
        let amounts = cast(field(self.summed.field())?, &self.summed.kind())?;
        let amounts = amounts.as_primitive::<Decimal128Type>();
        let causes = names.map(|_| field("cause").and_then(|causes| Ok(cast(causes, &DataType::Utf8)?))).transpose()?;
        let causes = causes.as_ref().map(|causes| causes.as_string::<i32>());
        let is_meant = |row: usize, part: usize| match names.zip(causes) {
            Some((names, causes)) => names.is_valid(row) && causes.value(part) == names.value(row),
            None => true,
        };
        let sum = |row: usize| -> Result<Option<i128>> {
            if lists.is_null(row) {
                return Ok(None);
            }
            let bounds = lists.value_offsets().get(row..row.saturating_add(2)).unwrap_or_default();
            let [from, to] = bounds else { return Err(broken("the list")) };
            let place = |offset: &i32| usize::try_from(*offset).unwrap_or_default();
            let mut meant = (place(from)..place(to)).filter(|part| amounts.is_valid(*part) && is_meant(row, *part));
            let sum = meant.try_fold(0_i128, |sum, part| sum.checked_add(amounts.value(part)));
            sum.map(Some).ok_or_else(|| DataFusionError::Execution("a sum over causes leaves its range".to_owned()))
        };
        (0..lists.len()).map(sum).collect()
    }
}

fn broken(what: &str) -> DataFusionError {
    DataFusionError::Execution(format!("{what} of the column `causes` is not what this version writes"))
}
