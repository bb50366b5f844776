-- Question: why did each tenant's bill change from one period to another?
-- Grain: one row per tenant and effect, in this order: `before`, the effects, `after`. The effects sum to after - before exactly.
-- Inputs: requests.
--   The cost of a model is taken apart as requests x (prompt tokens per request x (read + share of each cause x its extra) + output
--   tokens per request x price + other), where `read` is what a prompt token costs however it came about and `extra` what a token
--   of a cause costs beyond that. One factor after the other goes from before to after, and an effect is what the bill changes
--   while its factor does:
--     price           costs per token, at the usage before
--     volume          requests of all models together, the mix as before, prices as after
--     mix             each model's share of them
--     prompt_length   prompt tokens per request of each model
--     hit_rate        each cause's share of the prompt tokens, cause by cause; `not_asked`: tokens not read from a cache, of requests
--                     about which nobody asked why
--     output          output tokens per request of each model
--     residual        everything else per request: fees, searches, media, GPU time that no cause carries
--   What has no value on one side keeps that of the other, so a new model is mix and a bill that begins or ends is volume.
--   A price is what a token cost on average: another tier or region of a model is a change of price.
-- param: before_from = '2000-01-01T00:00:00Z'   billing time from which rows count as before
-- param: before_to = '2026-11-17T09:47:00Z'     billing time before which rows count as before
-- param: from = '2026-11-17T09:47:00Z'          billing time from which rows count as after
-- param: to = '2200-01-01T00:00:00Z'            billing time before which rows count as after
-- param: tenant = ''                            only this tenant; empty = every one
-- Columns:
--   tenant     who is billed; not known = the node could not say
--   line       counts the rows of a tenant
--   effect     as said above, `before` or `after`
--   cause      of `hit_rate`: which
--   cost_usd   the bill, or what the effect changes it by
-- Who acts: finance and the tenant's owner: a rise by `volume` is growth, one by `hit_rate` and `evicted_neighbour` is somebody else's doing.
WITH periods AS (
    SELECT false AS is_after, * FROM requests WHERE time >= $before_from AND time < $before_to
    UNION ALL
    SELECT true AS is_after, * FROM requests WHERE time >= $from AND time < $to
),
amounts AS (
    SELECT
        tenant,
        provider,
        model,
        is_after,
        unnest(make_array(
            named_struct('component', 'requests', 'quantity', CAST(1 AS decimal(38, 0)), 'cost_usd', cost_usd),
            named_struct(
                'component', 'prompt',
                'quantity', coalesce(cause_tokens(causes), CAST(
                    uncached_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens + cache_write_other_tokens
                    AS decimal(38, 0)
                )),
                'cost_usd', CAST(cost_uncached_usd + cost_cache_read_usd + cost_cache_write_usd AS decimal(38, 12))
            ),
            named_struct(
                'component', 'output',
                'quantity', CAST(output_tokens + reasoning_tokens AS decimal(38, 0)),
                'cost_usd', cost_output_usd
            ),
            named_struct(
                'component', 'not_asked',
                'quantity', CASE WHEN causes IS NULL THEN CAST(
                    uncached_tokens + cache_write_5m_tokens + cache_write_1h_tokens + cache_write_other_tokens
                    AS decimal(38, 0)
                ) ELSE CAST(0 AS decimal(38, 0)) END,
                'cost_usd', CASE WHEN causes IS NULL THEN CAST(cost_uncached_usd + cost_cache_write_usd AS decimal(38, 12))
                    ELSE CAST(0 AS decimal(38, 12)) END
            )
        )) AS amount
    FROM periods
    WHERE $tenant = '' OR tenant = $tenant
    UNION ALL
    SELECT
        tenant,
        provider,
        model,
        is_after,
        named_struct('component', part['cause'], 'quantity', CAST(part['tokens'] AS decimal(38, 0)), 'cost_usd', part['cost_usd'])
    FROM (SELECT tenant, provider, model, is_after, unnest(causes) AS part FROM periods WHERE $tenant = '' OR tenant = $tenant)
    WHERE part['cause'] <> 'hit'
),
components AS (
    SELECT
        tenant,
        provider,
        model,
        is_after,
        amount['component'] AS component,
        sum(amount['quantity']) AS quantity,
        sum(amount['cost_usd']) AS cost_usd
    FROM amounts
    GROUP BY tenant, provider, model, is_after, component
    HAVING sum(amount['quantity']) <> 0 OR sum(amount['cost_usd']) <> 0
),
bills AS (
    SELECT
        tenant,
        bill_effects(array_agg(named_struct(
            'provider', provider, 'model', model, 'is_after', is_after, 'component', component,
            'quantity', quantity, 'cost_usd', cost_usd
        ))) AS effects
    FROM components
    GROUP BY tenant
)
SELECT
    tenant,
    effect['line'] AS line,
    effect['effect'] AS effect,
    effect['cause'] AS cause,
    effect['cost_usd'] AS cost_usd
FROM (SELECT tenant, unnest(effects) AS effect FROM bills)
ORDER BY tenant NULLS FIRST, line
