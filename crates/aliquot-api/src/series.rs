//! What `/v1/usage`, `/v1/costs` and `/v1/hit-rates` have in common: the question put to the engine, and the page and the rows'
//! names around the amounts. What the amounts are is for the three.

use aliquot_query::{Amounts, Dimension, Engine, Measure, Row};
use axum::Json;
use axum::http::Uri;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};

use crate::problem::Problem;
use crate::question::Question;
use crate::state::Clock;
use crate::stores;
use crate::time::{self, Period};

/// One page of a series.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<R> {
    /// The rows, by time and then by group; unknown groups come first.
    data: Vec<R>,
    /// The cursor of the next page; null on the last one.
    #[schema(required = true)]
    next_cursor: Option<String>,
    /// Start of the period that was asked for.
    #[schema(format = DateTime)]
    from: String,
    /// End of the period, which is not in it.
    #[schema(format = DateTime)]
    to: String,
    /// The zone whose clock is meant.
    #[schema(example = "Europe/Berlin")]
    time_zone: &'static str,
}

/// What a row is about: a run of time and the groups that were asked for.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct Scope {
    /// Start of the run of time, not before the period's.
    #[schema(format = DateTime)]
    start: String,
    /// End of the run of time, not after the period's.
    #[schema(format = DateTime)]
    end: String,
    /// With `group_by=tenant`: who is billed; null = the node could not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    tenant: Option<Option<String>>,
    /// With `group_by=model`: the model it was priced as.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    model: Option<Option<String>>,
    /// With `group_by=provider`: who served it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    provider: Option<Option<String>>,
    /// With `group_by=domain`: the cache domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    domain: Option<Option<String>>,
    /// With `group_by=feature`: the customer's feature; null = none was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    feature: Option<Option<String>>,
}

/// A sum of counts: a JSON integer as far as every reader takes it exactly, which is up to 2⁵³, and a string of digits beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) u128);

impl Count {
    const INTEGER_MAX: u64 = 1 << 53;
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match u64::try_from(self.0) {
            Ok(count) if count <= Self::INTEGER_MAX => serializer.serialize_u64(count),
            _ => serializer.collect_str(&self.0),
        }
    }
}

impl utoipa::PartialSchema for Count {
    fn schema() -> RefOr<Schema> {
        let either = SchemaType::from_iter([Type::Integer, Type::String]);
        let about =
            "A count: an integer up to 2^53, and a string of digits beyond, where readers of JSON would round it";
        ObjectBuilder::new().schema_type(either).description(Some(about)).into()
    }
}

impl ToSchema for Count {}

impl Scope {
    fn of(question: &Question, row: &Row) -> Self {
        let groups = question.ask.group_by.iter().copied().zip(row.dimensions.iter().cloned());
        Self::over(question.run_from(row.start), groups)
    }

    /// This run of time and these groups.
    pub(crate) fn over(
        Period { from, to }: Period,
        groups: impl IntoIterator<Item = (Dimension, Option<String>)>,
    ) -> Self {
        let mut scope = Self { start: time::format(from), end: time::format(to), ..Self::default() };
        for (dimension, name) in groups {
            let place = match dimension {
                Dimension::Tenant => &mut scope.tenant,
                Dimension::Model => &mut scope.model,
                Dimension::Provider => &mut scope.provider,
                Dimension::Domain => &mut scope.domain,
                Dimension::Feature => &mut scope.feature,
            };
            *place = Some(name);
        }
        scope
    }
}

/// The lake as the series are read from it.
#[derive(Clone, Debug)]
pub(crate) struct Books {
    pub(crate) engine: Engine,
    pub(crate) clock: Clock,
}

impl Books {
    /// The page of `measure` that `uri` asks for, each row made from its name and its amounts; amounts of another measure make
    /// no row, and the engine answers with none.
    pub(crate) async fn page<R>(
        &self,
        uri: &Uri,
        measure: Measure,
        row_of: impl Fn(Scope, Amounts) -> Option<R>,
    ) -> Result<Json<Page<R>>, Problem> {
        let question = Question::of(uri, measure, self.clock.now())?;
        let page = self.engine.series(&question.ask).await.map_err(stores::unanswered)?;
        let Period { from, to } = question.period();
        Ok(Json(Page {
            data: page.rows.into_iter().filter_map(|row| row_of(Scope::of(&question, &row), row.amounts)).collect(),
            next_cursor: page.next.map(|row| question.cursor_after(&row)),
            from: time::format(from),
            to: time::format(to),
            time_zone: question.zone.name(),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_integers_as_far_as_every_reader_takes_them_exactly() {
        let text = |count| serde_json::to_string(&Count(count)).unwrap();
        assert_eq!(text(0), "0");
        assert_eq!(text(1 << 53), "9007199254740992");
        assert_eq!(text((1 << 53) + 1), "\"9007199254740993\"");
        assert_eq!(text(u128::MAX), "\"340282366920938463463374607431768211455\"");
    }
}
