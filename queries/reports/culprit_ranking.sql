-- Question: who costs the others most, and what does everybody's traffic cost in all?
-- Grain: one row per tenant with traffic, one for requests without a tenant, one for traffic that we cannot see; the dearest first.
-- Inputs: requests, blame of one game and of misses, which alone have a cost.
-- param: from = '2000-01-01T00:00:00Z'   billing time from which rows count
-- param: to = '2200-01-01T00:00:00Z'     billing time before which rows count
-- param: game = 'g1'                     `g1` compared with having the cache to oneself, `e` with neighbours inside their entitlement
-- Columns:
--   culprit_kind      `tenant`, `no_tenant` or `background`
--   culprit           the tenant
--   charges_usd       what it cost others
--   credits_usd       what it saved others
--   victims           how many it cost anything, requests without a tenant counting as one
--   avoidable_usd     what others would not have lost had it alone been absent; never billed, never added up over culprits
--   incurred_usd      what its own requests cost
--   received_usd      how much of that is others' doing; negative = they saved it more than they cost it
--   unattributed_usd  how much of that has no evidence, contradicts the model, or is of requests about which nobody asked why
--   caused_usd        incurred - received - unattributed + charges - credits, as in `incurred_and_caused`
-- Who acts: the engineer who decides whom to give a cache of its own, and sales, before a price is agreed.
WITH misses AS (
    SELECT * FROM blame WHERE time >= $from AND time < $to AND game = $game AND harm = 'miss'
),
sides AS (
    SELECT
        CASE WHEN tenant IS NULL THEN 'no_tenant' ELSE 'tenant' END AS culprit_kind,
        tenant AS culprit,
        cost_usd AS incurred_usd,
        CAST(0 AS decimal(38, 12)) AS received_usd,
        coalesce(cause_cost(causes, 'no_evidence') + cause_cost(causes, 'model_conflict'), cost_usd) AS unattributed_usd,
        CAST(0 AS decimal(38, 12)) AS done_usd,
        CAST(0 AS decimal(38, 12)) AS avoidable_usd,
        CAST(NULL AS text) AS harmed
    FROM requests
    WHERE time >= $from AND time < $to
    UNION ALL
    SELECT CASE WHEN victim IS NULL THEN 'no_tenant' ELSE 'tenant' END, victim, 0, cost_usd, 0, 0, 0, NULL FROM misses
    UNION ALL
    SELECT culprit_kind, culprit, 0, 0, 0, cost_usd, avoidable_usd, coalesce('tenant ' || victim, 'no tenant') FROM misses
)
SELECT
    culprit_kind,
    culprit,
    coalesce(sum(done_usd) FILTER (WHERE done_usd > 0), 0) AS charges_usd,
    coalesce(-sum(done_usd) FILTER (WHERE done_usd < 0), 0) AS credits_usd,
    count(DISTINCT harmed) FILTER (WHERE done_usd > 0) AS victims,
    sum(avoidable_usd) AS avoidable_usd,
    sum(incurred_usd) AS incurred_usd,
    sum(received_usd) AS received_usd,
    sum(unattributed_usd) AS unattributed_usd,
    sum(incurred_usd) - sum(received_usd) - sum(unattributed_usd) + sum(done_usd) AS caused_usd
FROM sides
GROUP BY culprit_kind, culprit
ORDER BY charges_usd DESC, caused_usd DESC, culprit_kind, culprit
