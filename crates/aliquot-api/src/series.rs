//! What `/v1/usage`, `/v1/costs` and `/v1/hit-rates` have in common: rows by bucket and group, and the page around them. What a
//! row says beside its name is for the three.

use serde::Serialize;
use utoipa::ToSchema;

use crate::question::{Dimension, Question, RowKey};
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
    /// The zone whose days are meant.
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

impl Scope {
    pub(crate) fn of(question: &Question, key: &RowKey) -> Self {
        let Period { from, to } = question.run_of(key);
        let mut scope = Self { start: time::format(from), end: time::format(to), ..Self::default() };
        for (dimension, name) in question.group_by.iter().zip(&key.groups) {
            let place = match dimension {
                Dimension::Tenant => &mut scope.tenant,
                Dimension::Model => &mut scope.model,
                Dimension::Provider => &mut scope.provider,
                Dimension::Domain => &mut scope.domain,
                Dimension::Feature => &mut scope.feature,
            };
            *place = Some(name.clone());
        }
        scope
    }
}

impl<R> Page<R> {
    /// The page of `rows`, of which there is one more than asked for if another page follows.
    pub(crate) fn of<T>(
        question: &Question,
        mut rows: Vec<T>,
        key_of: impl Fn(&T) -> RowKey,
        row_of: impl Fn(Scope, T) -> R,
    ) -> Self {
        let has_more = rows.len() > question.limit;
        rows.truncate(question.limit);
        let next_cursor = rows.last().filter(|_| has_more).map(|row| question.cursor_after(key_of(row)));
        Self {
            data: rows.into_iter().map(|row| row_of(Scope::of(question, &key_of(&row)), row)).collect(),
            next_cursor,
            from: time::format(question.period.from),
            to: time::format(question.period.to),
            time_zone: question.zone.name(),
        }
    }
}
