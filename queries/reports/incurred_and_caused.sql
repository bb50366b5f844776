-- Question: what did everybody's requests cost, and what did everybody's traffic cost all together?
-- Grain: one row per tenant, one for requests without a tenant, one for traffic that we cannot see, one for what could not be
--   attributed, then one `total` row, in which both views are equal.
-- Inputs: requests, blame of one game and of misses, which alone have a cost.
-- param: from = '2000-01-01T00:00:00Z'   billing time from which rows count
-- param: to = '2200-01-01T00:00:00Z'     billing time before which rows count
-- param: game = 'g1'                     `g1` compared with having the cache to oneself, `e` with neighbours inside their entitlement
-- Columns:
--   line               `tenant`, `no_tenant`, `background`, `unattributed` or `total`
--   tenant             the tenant
--   incurred_usd       what the requests cost
--   received_usd       how much of it neighbours caused; negative = they saved more
--   unattributed_usd   how much of it has no evidence, contradicts the model, or is of requests about which nobody asked why
--   to_others_usd      what this traffic cost others, credits taken off
--   caused_usd         incurred - received - unattributed + to_others; in the row `unattributed`, all that is so
-- Who acts: finance: invoices go by the view that the contract names, and the total must be the same; a large `unattributed` is
--   to be explained before anybody is charged.
WITH misses AS (
    SELECT * FROM blame WHERE time >= $from AND time < $to AND game = $game AND harm = 'miss'
),
costs AS (
    SELECT
        tenant,
        cost_usd,
        coalesce(cause_cost(causes, 'no_evidence') + cause_cost(causes, 'model_conflict'), cost_usd) AS unproven_usd
    FROM requests
    WHERE time >= $from AND time < $to
),
lines AS (
    SELECT
        CASE WHEN tenant IS NULL THEN 'no_tenant' ELSE 'tenant' END AS line,
        tenant,
        cost_usd AS incurred_usd,
        CAST(0 AS decimal(38, 12)) AS received_usd,
        unproven_usd AS unattributed_usd,
        CAST(0 AS decimal(38, 12)) AS to_others_usd,
        CAST(0 AS decimal(38, 12)) AS left_usd
    FROM costs
    UNION ALL
    SELECT 'unattributed', NULL, 0, 0, 0, 0, unproven_usd FROM costs
    UNION ALL
    SELECT CASE WHEN victim IS NULL THEN 'no_tenant' ELSE 'tenant' END, victim, 0, cost_usd, 0, 0, 0 FROM misses
    UNION ALL
    SELECT culprit_kind, culprit, 0, 0, 0, cost_usd, 0 FROM misses
),
views AS (
    SELECT
        grouping(line) AS is_total,
        line,
        tenant,
        coalesce(sum(incurred_usd), 0) AS incurred_usd,
        coalesce(sum(received_usd), 0) AS received_usd,
        coalesce(sum(unattributed_usd), 0) AS unattributed_usd,
        coalesce(sum(to_others_usd), 0) AS to_others_usd,
        coalesce(sum(left_usd), 0) AS left_usd
    FROM lines
    GROUP BY GROUPING SETS ((line, tenant), ())
)
SELECT
    CASE WHEN is_total = 1 THEN 'total' ELSE line END AS line,
    tenant,
    incurred_usd,
    received_usd,
    unattributed_usd,
    to_others_usd,
    incurred_usd - received_usd - unattributed_usd + to_others_usd + left_usd AS caused_usd
FROM views
ORDER BY is_total, caused_usd DESC, line, tenant
