//! Who may ask: keys as bearer tokens, the scope that each route wants, and what a key of one tenant may see. Keys are made and
//! revoked elsewhere, and no key is ever logged.
//!
//! # Why is the tenant of a key written into the question?
//! The question's `tenant` is a predicate of the query's plan. Whatever is asked, rows of others are not read, so that none can be
//! left over by a filter that somebody forgot; and a cursor is of that tenant's question only.
//!
//! # Why whole hours?
//! Usage and costs by class show how much of a prompt came from a cache. By the minute, or in a period that holds one request,
//! that would tell a tenant whether a neighbour had used the same prefix before. What tells it of single requests or of neighbours
//! by name (hit rates, causes, externalities, changes of bills, streams, rejects) is not for such keys at all.

use aliquot_core::time::{EventTime, Micros};
use aliquot_ledger::{Key, Ledger, Scope};
use axum::extract::{Query, Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::problem::{Kind, Problem};
use crate::state::Clock;
use crate::{stores, time};

/// Who may ask.
#[derive(Clone, Debug)]
pub enum Access {
    /// Everybody, everything: for one machine, before there are keys.
    Open,
    /// Whoever has a key in this ledger.
    Keys(Ledger),
}

/// What a route wants of a key.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    access: Access,
    clock: Clock,
    scope: Scope,
    bound: Bound,
}

/// What a route has for keys that are bound to a tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bound {
    /// Nothing.
    Refused,
    /// The question of that tenant, by whole hours.
    Asks,
}

impl Guard {
    pub(crate) fn new(access: &Access, clock: &Clock, scope: Scope, bound: Bound) -> Self {
        Self { access: access.clone(), clock: clock.clone(), scope, bound }
    }

    /// The request as it may go on.
    async fn admit(&self, mut request: Request) -> Result<Request, Problem> {
        let Access::Keys(ledger) = &self.access else { return Ok(request) };
        let now = self.clock.now();
        let key = known(ledger, request.headers(), now).await?;
        if !key.scopes.contains(&self.scope) {
            let detail = format!("the key has not the scope `{}`; use one that has it", self.scope.name());
            return Err(Problem::new(Kind::Forbidden, detail));
        }
        if let Some(tenant) = &key.tenant {
            if self.bound == Bound::Refused {
                let detail = "this shows more than one tenant; it is not for keys that are bound to one";
                return Err(Problem::new(Kind::Forbidden, detail));
            }
            *request.uri_mut() = scoped(request.uri(), tenant, now)?;
        }
        if let Err(error) = ledger.note_use(&key, now).await {
            tracing::warn!(key.id, error = %error, "the time of a key's last use was not noted");
        }
        Ok(request)
    }
}

/// Lets the request through if its key may.
pub(crate) async fn check(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    match guard.admit(request).await {
        Ok(request) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// The key the request came with.
async fn known(ledger: &Ledger, headers: &HeaderMap, now: EventTime) -> Result<Key, Problem> {
    let unknown = |detail| Problem::new(Kind::Unauthorized, detail);
    let header = headers.get(header::AUTHORIZATION);
    let header = header.ok_or_else(|| unknown("send a key, as in `Authorization: Bearer KEY`"))?;
    let text = header.to_str().ok().and_then(|text| text.split_once(' '));
    let (_, text) = text
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .ok_or_else(|| unknown("the header `authorization` has another form than `Bearer KEY`"))?;
    let key = ledger.authenticate(text.trim(), now).await.map_err(stores::failed)?;
    key.ok_or_else(|| unknown("the key is not known, has expired or was revoked"))
}

/// The question, of that tenant only and by whole hours.
fn scoped(uri: &Uri, tenant: &str, now: EventTime) -> Result<Uri, Problem> {
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
        .map_err(|_| Problem::parameter("", "the query is not of the form name=value&name=value in UTF-8", []))?;
    let given = |name: &str| pairs.iter().any(|(given, _)| given == name);
    for (name, value) in &pairs {
        check_pair(name, value, tenant)?;
    }
    let mut query = uri.query().unwrap_or_default().to_owned();
    let mut add = |name: &str, value: &str| query.push_str(&format!("&{name}={}", encoded(value)));
    if !given("tenant") {
        add("tenant", tenant);
    }
    if given("cursor") && !(given("from") && given("to")) {
        let detail = "with a key that is bound to a tenant, give `from` and `to` with the cursor";
        return Err(Problem::parameter("cursor", detail, []));
    }
    if given("from") != given("to") {
        return Err(Problem::parameter("from", "with a key that is bound to a tenant, give both `from` and `to`", []));
    }
    if !given("from") {
        let end = EventTime(now.0.saturating_sub(now.0.rem_euclid(Micros::HOUR.0)).saturating_add(Micros::HOUR.0));
        add("from", &time::format(EventTime(end.0.saturating_sub(Micros::DAY.0))));
        add("to", &time::format(end));
    }
    let target = format!("{}?{}", uri.path(), query.trim_start_matches('&'));
    let target =
        target.parse::<PathAndQuery>().map_err(|error| Problem::internal(format!("scope a query: {error}")))?;
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(target);
    Uri::from_parts(parts).map_err(|error| Problem::internal(format!("scope a query: {error}")))
}

fn check_pair(name: &str, value: &str, tenant: &str) -> Result<(), Problem> {
    match name {
        "tenant" if value != tenant => Err(Problem::new(
            Kind::Forbidden,
            "the key is bound to another tenant; leave `tenant` out, or name its own",
        )),
        "bucket" if value == "minute" => {
            let detail = "with a key that is bound to a tenant, ask by the hour or longer";
            Err(Problem::parameter("bucket", detail, ["none", "hour", "day"]))
        }
        "from" | "to" => match time::parse(value) {
            // What cannot be read is refused where it is read.
            Some(time) if time.0.rem_euclid(Micros::HOUR.0) != 0 => {
                let detail = format!("with a key that is bound to a tenant, {name} must be a whole hour");
                Err(Problem::parameter(if name == "from" { "from" } else { "to" }, detail, []))
            }
            _ => Ok(()),
        },
        _ => Ok(()),
    }
}

/// The text as a value of a query.
fn encoded(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
