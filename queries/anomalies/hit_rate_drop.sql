-- Question: where did the prefix-cache hit rate fall, since when, from what to what, and what does it cost?
-- Grain: one row per scope whose hit rate fell by at least `min_drop_points` at some minute: the whole fleet, each cache domain,
--   each tenant. The row is the minute with the largest fall.
-- Inputs: requests. Only those whose reporters say anything about cache reads: silence is not a miss.
--   For each minute, `before` is the `window` before it, and `after` is the minute and the `window` that follows it; rates are
--   sums over sums, so a busy minute weighs more than an idle one.
-- param: from = '2000-01-01T00:00:00Z'   billing time from which rows count
-- param: to = '2200-01-01T00:00:00Z'     billing time before which rows count
-- param: window = '10 minutes'           how far to look on either side
-- param: min_tokens = 100000             smallest volume of prompt tokens on either side; below it a rate is chance
-- param: min_drop_points = 10            smallest fall, in percentage points
-- Columns:
--   scope                  `fleet`, `domain` or `tenant`
--   name                   the domain or tenant; not known = the fleet, or requests without a tenant
--   since                  the first minute of the low rate
--   before_hit_rate        before_read_tokens / before_prompt_tokens
--   after_hit_rate         after_read_tokens / after_prompt_tokens
--   drop_points            the fall in percentage points
--   before_read_tokens     prompt tokens read from a cache, before
--   before_prompt_tokens   prompt tokens read, written and uncached, before
--   after_read_tokens      the same, after
--   after_prompt_tokens    the same, after
--   lost_tokens            tokens that the old rate would have read from a cache and that were not, after
--   extra_usd_per_hour     what the fall costs in an hour at that pace: for each model, the prompts of the `after` side at what a
--                          prompt token then cost, less the same at what one cost before; GPU time counts whole, so that where
--                          nodes are paid by time it is an estimate; not known = no model was priced on both sides
-- Who acts: the engineer on call: look at what changed at `since`; tenants in one domain that fell together have a common cause.
WITH reported AS (
    SELECT
        *,
        cache_read_tokens + uncached_tokens + cache_write_5m_tokens + cache_write_1h_tokens + cache_write_other_tokens AS prompt_tokens
    FROM requests
    WHERE cache_reported AND time >= $from AND time < $to
),
minutes AS (
    SELECT
        date_trunc('minute', time) AS minute,
        CASE WHEN grouping(domain) = 0 THEN 'domain' WHEN grouping(tenant) = 0 THEN 'tenant' ELSE 'fleet' END AS scope,
        coalesce(domain, tenant) AS name,
        sum(cache_read_tokens) AS read_tokens,
        sum(prompt_tokens) AS prompt_tokens
    FROM reported
    GROUP BY GROUPING SETS ((date_trunc('minute', time)), (date_trunc('minute', time), domain), (date_trunc('minute', time), tenant))
),
sides AS (
    SELECT
        scope,
        name,
        minute,
        sum(read_tokens) OVER before AS before_read_tokens,
        sum(prompt_tokens) OVER before AS before_prompt_tokens,
        sum(read_tokens) OVER after AS after_read_tokens,
        sum(prompt_tokens) OVER after AS after_prompt_tokens,
        max(minute) OVER after AS after_last_minute
    FROM minutes
    WINDOW
        before AS (PARTITION BY scope, name ORDER BY minute RANGE BETWEEN INTERVAL $window PRECEDING AND INTERVAL '1 minute' PRECEDING),
        after AS (PARTITION BY scope, name ORDER BY minute RANGE BETWEEN CURRENT ROW AND INTERVAL $window FOLLOWING)
),
rates AS (
    SELECT
        *,
        CAST(before_read_tokens AS double) / before_prompt_tokens AS before_hit_rate,
        CAST(after_read_tokens AS double) / after_prompt_tokens AS after_hit_rate,
        (date_part('epoch', after_last_minute) - date_part('epoch', minute)) / 60 + 1 AS after_minutes
    FROM sides
    WHERE before_prompt_tokens >= $min_tokens AND after_prompt_tokens >= $min_tokens
),
falls AS (
    SELECT
        *,
        CAST(round(before_hit_rate * after_prompt_tokens) AS bigint) - after_read_tokens AS lost_tokens,
        row_number() OVER (PARTITION BY scope, name ORDER BY before_hit_rate - after_hit_rate DESC, minute) AS place
    FROM rates
    WHERE (before_hit_rate - after_hit_rate) * 100 >= $min_drop_points
),
model_minutes AS (
    SELECT
        date_trunc('minute', time) AS minute,
        domain,
        tenant,
        provider,
        model,
        sum(prompt_tokens) AS prompt_tokens,
        sum(cost_usd - cost_output_usd) AS prompt_usd
    FROM reported
    WHERE unpriced IS NULL
    GROUP BY date_trunc('minute', time), domain, tenant, provider, model
),
model_sides AS (
    SELECT
        falls.scope,
        falls.name,
        provider,
        model,
        sum(m.prompt_tokens) FILTER (WHERE m.minute < falls.minute) AS before_tokens,
        sum(m.prompt_usd) FILTER (WHERE m.minute < falls.minute) AS before_usd,
        sum(m.prompt_tokens) FILTER (WHERE m.minute >= falls.minute) AS after_tokens,
        sum(m.prompt_usd) FILTER (WHERE m.minute >= falls.minute) AS after_usd
    FROM falls
    JOIN model_minutes AS m ON m.minute >= falls.minute - INTERVAL $window AND m.minute <= falls.minute + INTERVAL $window
    WHERE
        place = 1
        AND CASE falls.scope WHEN 'fleet' THEN true WHEN 'domain' THEN m.domain = falls.name
            ELSE m.tenant IS NOT DISTINCT FROM falls.name END
    GROUP BY falls.scope, falls.name, provider, model
),
extra AS (
    SELECT scope, name, sum(after_usd - before_usd / before_tokens * after_tokens) AS usd
    FROM model_sides
    WHERE before_tokens > 0 AND after_tokens > 0
    GROUP BY scope, name
)
SELECT
    falls.scope,
    falls.name,
    minute AS since,
    before_hit_rate,
    after_hit_rate,
    (before_hit_rate - after_hit_rate) * 100 AS drop_points,
    before_read_tokens,
    before_prompt_tokens,
    after_read_tokens,
    after_prompt_tokens,
    lost_tokens,
    CAST(extra.usd * 60 / CAST(after_minutes AS bigint) AS decimal(38, 12)) AS extra_usd_per_hour
FROM falls
LEFT JOIN extra ON extra.scope = falls.scope AND extra.name IS NOT DISTINCT FROM falls.name
WHERE place = 1
ORDER BY lost_tokens DESC, scope, name NULLS FIRST
