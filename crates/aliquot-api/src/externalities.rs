//! `GET /v1/externalities`: who did what to whom, as the ledger keeps it by the hour. One game and one harm at a time, because
//! neither can be added up over others.

use std::collections::{BTreeMap, BTreeSet};

use aliquot_core::cause::{Evidence, Game, Harm};
use aliquot_core::externality::Externality;
use aliquot_core::time::EventTime;
use aliquot_ledger::ExternalityFilter;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::path::{Parameter as Described, ParameterIn};

use crate::fits::{self, DomainFit};
use crate::hours::{self, Hourly, Reading, SUMS_PER_READ};
use crate::money::Dollars;
use crate::paging::{self, CURSOR, Cursor, LIMIT};
use crate::params::{Form, Parameter, Params};
use crate::problem::{Body, Problem};
use crate::series::Count;
use crate::stores;
use crate::time::{self, Period};

const GAMES: [(&str, Game); 2] = [("g1", Game::NeighboursAbsent), ("e", Game::Entitlements)];

const HARMS: [(&str, Harm); 3] = [("miss", Harm::Miss), ("wait", Harm::Wait), ("refusal", Harm::Refusal)];

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "from",
        about: "Start of the period, a whole hour; without it, 24 hours before `to`",
        form: Form::Time,
    },
    Parameter {
        name: "to",
        about: "End of the period, which is not in it, a whole hour; without it, the end of this hour",
        form: Form::Time,
    },
    Parameter {
        name: "game",
        about: "Which question the shares answer: `g1` compared with having the cache to oneself, `e` compared with neighbours that keep to their entitlement",
        form: Form::Choice(&["g1", "e"]),
    },
    Parameter {
        name: "harm",
        about: "What was done: a miss costs tokens and money, a wait microseconds, a refusal millionths of a request",
        form: Form::Choice(&["miss", "wait", "refusal"]),
    },
    Parameter { name: "domain", about: "Only in this cache domain", form: Form::Text },
    Parameter { name: "victim", about: "Only what was done to this tenant", form: Form::Text },
    Parameter { name: "culprit", about: "Only what this tenant did", form: Form::Text },
    LIMIT,
    CURSOR,
];

/// The parameters in the OpenAPI document.
struct ExternalityParameters;

impl utoipa::IntoParams for ExternalityParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Described> {
        PARAMETERS.iter().map(Parameter::described).collect()
    }
}

/// One page of the matrix.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Externalities {
    /// The rows, by victim, kind of culprit and culprit; unknown victims come first.
    data: Vec<ExternalityRow>,
    /// The cursor of the next page; null on the last one.
    #[schema(required = true)]
    next_cursor: Option<String>,
    /// Start of the period that was asked for.
    #[schema(format = DateTime)]
    from: String,
    /// End of the period, which is not in it.
    #[schema(format = DateTime)]
    to: String,
    /// Which question the shares answer.
    #[schema(example = "g1")]
    game: &'static str,
    /// What was done.
    #[schema(example = "miss")]
    harm: &'static str,
    /// How well the models of the caches fit in which it was done.
    fits: Vec<DomainFit>,
    /// Fits that did not find room; name a domain to see its own.
    fits_left_out: usize,
}

/// What one culprit did to one victim.
#[derive(Debug, Serialize, ToSchema)]
struct ExternalityRow {
    /// Whose requests suffered; null = the node could not say.
    #[schema(required = true)]
    victim: Option<String>,
    /// `tenant`; `no_tenant`: traffic without a tenant; `background`: traffic that nobody here can see.
    #[schema(example = "tenant")]
    culprit_kind: &'static str,
    /// The tenant who did it; null unless it is one.
    #[schema(required = true)]
    culprit: Option<String>,
    #[serde(flatten)]
    amounts: Amounts,
    /// The same by how sure it is, the surest first.
    evidence: Vec<EvidenceShare>,
}

/// The part of a row that is as sure as this.
#[derive(Debug, Serialize, ToSchema)]
struct EvidenceShare {
    /// `exact`, `modelled`, `inferred` or `unattributable`.
    #[schema(example = "modelled")]
    evidence: &'static str,
    #[serde(flatten)]
    amounts: Amounts,
}

/// Charges and credits, apart: one never hides the other.
#[derive(Debug, Serialize, ToSchema)]
struct Amounts {
    /// What was done, in the unit of the harm.
    quantity: Count,
    /// What was saved, in the same unit.
    credit_quantity: Count,
    /// What it cost the victim.
    charges_usd: Dollars,
    /// What it saved the victim.
    credits_usd: Dollars,
    /// What would not have been lost had this culprit alone been absent. Never billed, never added up over culprits.
    avoidable_usd: Dollars,
}

/// Victim, kind of culprit, culprit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Pair(Option<String>, String, Option<String>);

/// What a cursor holds: the end of the period, so that it stays what it was on the first page, and the last row.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    to_us: i64,
    pair: Pair,
}

/// What was done, by pair and evidence.
type Matrix = BTreeMap<Pair, (&'static str, BTreeMap<Evidence, Externality>)>;

/// List who did what to whom.
///
/// One row for each victim and culprit, summed over the period. Two games answer different questions about the same cost and are
/// never added up; nor are `avoidable_usd` of several culprits.
#[utoipa::path(get, path = "/v1/externalities", operation_id = "list_externalities", tag = "attribution", params(ExternalityParameters), responses(
    (status = 200, description = "one page of the matrix", body = Externalities),
    (status = 400, description = "a parameter or the cursor is not valid", body = Body<'static>, content_type = "application/problem+json"),
    (status = 422, description = "the answer is made of more hourly sums than one may be", body = Body<'static>, content_type = "application/problem+json"),
    (status = 503, description = "the ledger cannot answer now, or too many ask", body = Body<'static>, content_type = "application/problem+json"),
))]
pub(crate) async fn list(State(hourly): State<Hourly>, uri: Uri) -> Result<Json<Externalities>, Problem> {
    let params = Params::of(&uri, PARAMETERS)?;
    let limit = paging::limit(&params)?;
    let cursor: Option<Cursor<Place>> = Cursor::of(&params)?;
    let now = cursor.as_ref().map_or_else(|| hourly.clock.now(), |cursor| EventTime(cursor.after.to_us));
    let period = hours::period(&params, now)?;
    let filter = filter(&params)?;
    let question = format!("externalities {period:?} {filter:?}");
    cursor.as_ref().map_or(Ok(()), |cursor| cursor.check(&question))?;
    let (matrix, domains) = matrix(&hourly, period, &filter).await?;
    let (fits, fits_left_out) = fits::of(&hourly.ledger, filter.domain.as_deref(), &domains).await?;
    let is_after = |pair: &Pair| cursor.as_ref().is_none_or(|cursor| *pair > cursor.after.pair);
    let mut rest = matrix.into_iter().filter(|(pair, _)| is_after(pair)).peekable();
    let page: Vec<_> = rest.by_ref().take(limit).collect();
    let place = |pair: &Pair| Place { to_us: period.to.0, pair: pair.clone() };
    let next_cursor = rest.peek().and(page.last()).map(|(pair, _)| Cursor::new(&question, place(pair)).encode());
    Ok(Json(Externalities {
        data: page.into_iter().map(|(pair, (kind, sums))| ExternalityRow::of(pair, kind, sums)).collect(),
        next_cursor,
        from: time::format(period.from),
        to: time::format(period.to),
        game: filter.game.map_or("", Game::name),
        harm: filter.harm.map_or("", Harm::name),
        fits,
        fits_left_out,
    }))
}

fn filter(params: &Params) -> Result<ExternalityFilter, Problem> {
    let text = |name| params.text(name).map(str::to_owned);
    Ok(ExternalityFilter {
        game: Some(params.choice("game", &GAMES)?.unwrap_or(Game::NeighboursAbsent)),
        harm: Some(params.choice("harm", &HARMS)?.unwrap_or(Harm::Miss)),
        domain: text("domain"),
        victim: text("victim"),
        culprit: text("culprit"),
    })
}

/// The matrix of the period, and the domains it is about.
async fn matrix(
    hourly: &Hourly,
    Period { from, to }: Period,
    filter: &ExternalityFilter,
) -> Result<(Matrix, BTreeSet<String>), Problem> {
    let (mut matrix, mut domains) = (Matrix::new(), BTreeSet::new());
    let (mut reading, mut last) = (Reading::default(), None);
    loop {
        let read = hourly.ledger.externalities(Some(from), Some(to), filter, last.as_ref(), SUMS_PER_READ);
        let page = read.await.map_err(stores::failed)?;
        let goes_on = reading.goes_on_after(page.len())?;
        for (key, sum) in page {
            let kind = key.culprit.kind();
            let pair = Pair(key.victim.clone(), kind.to_owned(), key.culprit.as_ref().tenant().cloned());
            let (_, sums) = matrix.entry(pair).or_insert_with(|| (kind, BTreeMap::new()));
            let total = sums.entry(key.evidence).or_default();
            *total = total.plus(sum);
            if !domains.contains(&key.domain) {
                domains.insert(key.domain.clone());
            }
            last = Some(key);
        }
        if !goes_on {
            return Ok((matrix, domains));
        }
    }
}

impl ExternalityRow {
    fn of(Pair(victim, _, culprit): Pair, culprit_kind: &'static str, sums: BTreeMap<Evidence, Externality>) -> Self {
        let whole = sums.values().fold(Externality::default(), |whole, sum| whole.plus(*sum));
        let share = |(evidence, sum): (Evidence, Externality)| EvidenceShare {
            evidence: evidence.name(),
            amounts: Amounts::from(sum),
        };
        let evidence = sums.into_iter().map(share).collect();
        Self { victim, culprit_kind, culprit, amounts: Amounts::from(whole), evidence }
    }
}

impl From<Externality> for Amounts {
    fn from(sum: Externality) -> Self {
        Self {
            quantity: Count(sum.quantity),
            credit_quantity: Count(sum.credit_quantity),
            charges_usd: Dollars(sum.charges),
            credits_usd: Dollars(sum.credits),
            avoidable_usd: Dollars(sum.avoidable),
        }
    }
}
