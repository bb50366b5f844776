//! `GET /v1/bill-change`: why each tenant's bill changed from one period to another, in parts that sum to the change exactly. How a
//! change is taken apart is decided in `aliquot_core::bill_change`.

use aliquot_core::bill_change::BillChange;
use aliquot_core::cause::Cause;
use aliquot_core::time::EventTime;
use aliquot_query::{BillAsk, TenantBill};
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::path::{Parameter as Described, ParameterIn};

use crate::money::Dollars;
use crate::paging::{self, CURSOR, Cursor, LIMIT};
use crate::params::{Form, Parameter, Params};
use crate::problem::{Body, Problem};
use crate::series::Books;
use crate::stores;
use crate::time::{self, Period, time_of};

const PARAMETERS: &[Parameter] = &[
    Parameter { name: "from", about: "Start of the period after; without it, 24 hours before `to`", form: Form::Time },
    Parameter { name: "to", about: "End of the period after, which is not in it; without it, now", form: Form::Time },
    Parameter {
        name: "before_from",
        about: "Start of the period before; without it, as long before `before_to` as the period after is long",
        form: Form::Time,
    },
    Parameter {
        name: "before_to",
        about: "End of the period before, which is not in it; without it, `from`",
        form: Form::Time,
    },
    Parameter { name: "tenant", about: "Only this tenant", form: Form::Text },
    LIMIT,
    CURSOR,
];

/// The parameters in the OpenAPI document.
struct BillChangeParameters;

impl utoipa::IntoParams for BillChangeParameters {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Described> {
        PARAMETERS.iter().map(Parameter::described).collect()
    }
}

/// One page of bills.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BillChanges {
    /// The rows, by tenant; requests without a tenant come first.
    data: Vec<BillChangeRow>,
    /// The cursor of the next page; null on the last one.
    #[schema(required = true)]
    next_cursor: Option<String>,
    /// Start of the period after.
    #[schema(format = DateTime)]
    from: String,
    /// End of the period after, which is not in it.
    #[schema(format = DateTime)]
    to: String,
    /// Start of the period before.
    #[schema(format = DateTime)]
    before_from: String,
    /// End of the period before, which is not in it.
    #[schema(format = DateTime)]
    before_to: String,
}

/// The change of one tenant's bill. From `price_usd` to `residual_usd`, the parts sum to `change_usd` exactly. One factor after the
/// other goes from its value before to its value after, in the order of the members, and a part is what the bill changes meanwhile.
#[derive(Debug, Serialize, ToSchema)]
struct BillChangeRow {
    /// Who is billed; null = the node could not say.
    #[schema(required = true)]
    tenant: Option<String>,
    /// The bill before.
    before_usd: Dollars,
    /// The bill after.
    after_usd: Dollars,
    /// After less before.
    change_usd: Dollars,
    /// Costs per token, at the usage before.
    price_usd: Dollars,
    /// Requests of all models together.
    volume_usd: Dollars,
    /// Each model's share of them; a new model is here, and one that is gone.
    mix_usd: Dollars,
    /// Prompt tokens per request of each model.
    prompt_length_usd: Dollars,
    /// Each cause's share of the prompt tokens.
    hit_rate: Vec<CauseEffect>,
    /// Output tokens per request of each model.
    output_usd: Dollars,
    /// Everything else per request: fees, searches, media, GPU time that no cause carries.
    residual_usd: Dollars,
}

/// What the bill changes by one cause.
#[derive(Debug, Serialize, ToSchema)]
struct CauseEffect {
    /// Why tokens were not read from a cache; null = requests about which nobody asked why.
    #[schema(required = true, example = "evicted_neighbour")]
    cause: Option<&'static str>,
    /// The effect.
    cost_usd: Dollars,
}

/// What a cursor holds: the end of the period after, so that "now" stays what it was on the first page, and the last tenant.
#[derive(Debug, Serialize, Deserialize)]
struct Place {
    to_us: i64,
    tenant: Option<String>,
}

/// Explain how bills changed.
///
/// One row for each tenant with a request in either period.
#[utoipa::path(get, path = "/v1/bill-change", operation_id = "list_bill_changes", tag = "attribution", params(BillChangeParameters), responses(
    (status = 200, description = "one page of tenants", body = BillChanges),
    (status = 400, description = "a parameter or the cursor is not valid", body = Body<'static>, content_type = "application/problem+json"),
    (status = 422, description = "the question takes more time or memory than one may", body = Body<'static>, content_type = "application/problem+json"),
    (status = 503, description = "the lake cannot answer now, or too many ask", body = Body<'static>, content_type = "application/problem+json"),
))]
pub(crate) async fn list(State(books): State<Books>, uri: Uri) -> Result<Json<BillChanges>, Problem> {
    let params = Params::of(&uri, PARAMETERS)?;
    let limit = paging::limit(&params)?;
    let cursor: Option<Cursor<Place>> = Cursor::of(&params)?;
    let now = cursor.as_ref().map_or_else(|| books.clock.now(), |cursor| EventTime(cursor.after.to_us));
    let ask = ask(&params, now)?;
    let question = format!("bill-change {ask:?}");
    cursor.as_ref().map_or(Ok(()), |cursor| cursor.check(&question))?;
    let bills = books.engine.bill_change(&ask).await.map_err(stores::unanswered)?;
    let is_after = |tenant: &Option<String>| cursor.as_ref().is_none_or(|cursor| *tenant > cursor.after.tenant);
    let mut rest = bills.into_iter().filter(|(tenant, _)| is_after(tenant)).peekable();
    let page: Vec<TenantBill> = rest.by_ref().take(limit).collect();
    let place = |tenant: &Option<String>| Place { to_us: ask.to.0, tenant: tenant.clone() };
    let next_cursor = rest.peek().and(page.last()).map(|(tenant, _)| Cursor::new(&question, place(tenant)).encode());
    Ok(Json(BillChanges {
        data: page.into_iter().map(BillChangeRow::of).collect::<Result<_, _>>()?,
        next_cursor,
        from: time::format(ask.from),
        to: time::format(ask.to),
        before_from: time::format(ask.before_from),
        before_to: time::format(ask.before_to),
    }))
}

fn ask(params: &Params, now: EventTime) -> Result<BillAsk, Problem> {
    let Period { from, to } = Period::of(params, Period::day_before(now))?;
    let before_to = time_of(params, "before_to")?.unwrap_or(from);
    let length = to.0.saturating_sub(from.0);
    let before_from = time_of(params, "before_from")?.unwrap_or(EventTime(before_to.0.saturating_sub(length)));
    if before_from >= before_to {
        let (start, end) = (time::format(before_from), time::format(before_to));
        let detail = format!(
            "the period before is empty: before_from is {start}, before_to is {end}; it must begin before it ends"
        );
        return Err(Problem::parameter("before_from", detail, []));
    }
    let tenant = params.text("tenant").map(str::to_owned);
    if tenant.as_deref() == Some("") {
        return Err(Problem::parameter("tenant", "tenant is empty; name one, or leave tenant out", []));
    }
    Ok(BillAsk { from, to, before_from, before_to, tenant })
}

impl BillChangeRow {
    fn of((tenant, bill): TenantBill) -> Result<Self, Problem> {
        let BillChange { before, after, price, volume, mix, prompt_length, hit_rate, output, residual } = bill;
        let change = after.checked_sub(before);
        let change =
            change.ok_or_else(|| Problem::internal("the change of a bill leaves the range of money".to_owned()))?;
        let effect =
            |(cause, cost): (Option<Cause>, _)| CauseEffect { cause: cause.map(Cause::name), cost_usd: Dollars(cost) };
        Ok(Self {
            tenant,
            before_usd: Dollars(before),
            after_usd: Dollars(after),
            change_usd: Dollars(change),
            price_usd: Dollars(price),
            volume_usd: Dollars(volume),
            mix_usd: Dollars(mix),
            prompt_length_usd: Dollars(prompt_length),
            hit_rate: hit_rate.into_iter().map(effect).collect(),
            output_usd: Dollars(output),
            residual_usd: Dollars(residual),
        })
    }
}
