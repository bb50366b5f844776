-- Question: when did a tenant cost its neighbours more of the cache than it used itself?
-- Grain: one row per run of time, cache domain and tenant that cost others anything, the latest first.
-- Inputs: blame of one game and of misses, requests. A charge counts when the victim's request ended, which is after the eviction.
-- param: from = '2000-01-01T00:00:00Z'   billing time from which rows count
-- param: to = '2200-01-01T00:00:00Z'     billing time before which rows count
-- param: bucket = 'hour'                 the run of time: `minute` or `hour`
-- param: game = 'g1'                     `g1` compared with having the cache to oneself, `e` with neighbours inside their entitlement
-- param: short_tokens = 1                output tokens up to which a request only fills the cache
-- param: flood_ratio = 1                 harm ratio from which a flood is suspected
-- param: flood_short_share = 0.5         share of short requests from which a flood is suspected
-- Columns:
--   start             start of the run of time
--   domain            the cache domain
--   culprit           the tenant
--   charged_tokens    tokens that others had to compute or pay again because of it
--   charges_usd       what that cost them
--   victims           how many others, requests without a tenant counting as one
--   reused_tokens     tokens that it read from the cache itself, of requests whose reporters say so
--   harm_ratio        charged_tokens / reused_tokens; not known = it read nothing
--   requests          its own requests
--   short_requests    those of them with an output of at most `short_tokens`
--   is_flood          whether both the ratio and the share of short requests suggest that the cache is filled on purpose
-- Who acts: the engineer on call: on `is_flood`, ask the tenant and limit it; otherwise give it a cache of its own.
WITH harm AS (
    SELECT
        date_trunc($bucket, time) AS start,
        domain,
        culprit,
        sum(CAST(quantity AS decimal(38, 0))) AS charged_tokens,
        sum(cost_usd) AS charges_usd,
        count(DISTINCT victim) + count(DISTINCT victim IS NULL) FILTER (WHERE victim IS NULL) AS victims
    FROM blame
    WHERE
        time >= $from AND time < $to AND game = $game AND harm = 'miss' AND culprit_kind = 'tenant' AND quantity > 0
    GROUP BY start, domain, culprit
),
own AS (
    SELECT
        date_trunc($bucket, time) AS start,
        domain,
        tenant,
        sum(CAST(cache_read_tokens AS decimal(38, 0))) FILTER (WHERE cache_reported) AS reused_tokens,
        count(*) AS requests,
        count(*) FILTER (WHERE output_tokens + reasoning_tokens <= $short_tokens) AS short_requests
    FROM requests
    WHERE time >= $from AND time < $to
    GROUP BY start, domain, tenant
),
both_sides AS (
    SELECT
        harm.start,
        harm.domain,
        culprit,
        charged_tokens,
        charges_usd,
        victims,
        coalesce(reused_tokens, 0) AS reused_tokens,
        coalesce(requests, 0) AS requests,
        coalesce(short_requests, 0) AS short_requests
    FROM harm
    LEFT JOIN own ON own.start = harm.start AND own.domain = harm.domain AND own.tenant = harm.culprit
)
SELECT
    start,
    domain,
    culprit,
    charged_tokens,
    charges_usd,
    victims,
    reused_tokens,
    CAST(charged_tokens AS double) / nullif(CAST(reused_tokens AS double), 0) AS harm_ratio,
    requests,
    short_requests,
    requests > 0
        AND charged_tokens >= $flood_ratio * reused_tokens
        AND short_requests >= $flood_short_share * requests AS is_flood
FROM both_sides
ORDER BY start DESC, charges_usd DESC, domain, culprit
