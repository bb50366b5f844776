-- Question: do lake and ledger agree, to the picodollar?
-- Grain: one `difference` row per hour, tenant, provider, model, measure and class that differs, then one `total` row.
-- Inputs: requests, ledger_totals. Quantities are compared by class; the lake knows money by five parts, so the costs of the
--   ledger's classes are summed to these parts.
-- param: from = '2000-01-01T00:00:00Z'   hours from which amounts count; a full hour
-- param: to = '2200-01-01T00:00:00Z'     hours before which amounts count; a full hour
-- Columns:
--   line         `difference` or `total`
--   hour         start of the hour of UTC
--   tenant       who is billed; not known = the node could not say
--   provider     who served it
--   model        the model it was priced as
--   measure      `quantity` or `cost_usd`; in the total, `cost_usd`
--   class        the class of usage, or the part of the cost
--   lake         the amount in the lake; 0 = it has none
--   ledger       the amount in the ledger; 0 = it has none
--   difference   lake - ledger
--   compared     amounts that were compared
--   different    amounts that differ: 0 in the total = all equal
-- Who acts: the operator, on any `difference`: stop invoicing, keep both stores, and look at the offsets of that hour.
WITH lake_hours AS (
    SELECT
        date_trunc('hour', time) AS hour,
        tenant,
        provider,
        model,
        make_array(
            sum(CAST(uncached_tokens AS decimal(26, 0))), sum(CAST(cache_read_tokens AS decimal(26, 0))),
            sum(CAST(cache_write_5m_tokens AS decimal(26, 0))), sum(CAST(cache_write_1h_tokens AS decimal(26, 0))),
            sum(CAST(cache_write_other_tokens AS decimal(26, 0))), sum(CAST(audio_in_tokens AS decimal(26, 0))),
            sum(CAST(image_in_tokens AS decimal(26, 0))), sum(CAST(video_in_tokens AS decimal(26, 0))),
            sum(CAST(audio_cache_read_tokens AS decimal(26, 0))), sum(CAST(image_cache_read_tokens AS decimal(26, 0))),
            sum(CAST(output_tokens AS decimal(26, 0))), sum(CAST(reasoning_tokens AS decimal(26, 0))),
            sum(CAST(audio_out_tokens AS decimal(26, 0))), sum(CAST(image_out_tokens AS decimal(26, 0))),
            sum(CAST(video_out_tokens AS decimal(26, 0))), sum(CAST(web_searches AS decimal(26, 0))),
            sum(CAST(requests AS decimal(26, 0))), sum(CAST(gpu_us AS decimal(26, 0))),
            sum(CAST(cache_storage_token_hours AS decimal(26, 0)))
        ) AS quantities,
        make_array(
            sum(cost_uncached_usd), sum(cost_cache_read_usd), sum(cost_cache_write_usd), sum(cost_output_usd), sum(cost_other_usd)
        ) AS costs
    FROM requests
    WHERE time >= $from AND time < $to
    GROUP BY hour, tenant, provider, model
),
ledger_hours AS (
    SELECT
        *,
        CASE
            WHEN class = 'uncached' THEN 'uncached'
            WHEN class IN ('cache_read', 'audio_cache_read', 'image_cache_read') THEN 'cache_read'
            WHEN class IN ('cache_write_5m', 'cache_write_1h', 'cache_write_other') THEN 'cache_write'
            WHEN class IN ('output', 'reasoning', 'audio_out', 'image_out', 'video_out') THEN 'output'
            ELSE 'other'
        END AS part
    FROM ledger_totals
    WHERE hour >= $from AND hour < $to
),
amounts AS (
    SELECT
        hour, tenant, provider, model, 'quantity' AS measure,
        unnest(make_array(
            'uncached', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'cache_write_other', 'audio_in', 'image_in', 'video_in',
            'audio_cache_read', 'image_cache_read', 'output', 'reasoning', 'audio_out', 'image_out', 'video_out', 'web_searches',
            'requests', 'gpu_us', 'cache_storage_token_hours'
        )) AS class,
        CAST(unnest(quantities) AS decimal(38, 12)) AS lake,
        CAST(0 AS decimal(38, 12)) AS ledger
    FROM lake_hours
    UNION ALL
    SELECT
        hour, tenant, provider, model, 'cost_usd',
        unnest(make_array('uncached', 'cache_read', 'cache_write', 'output', 'other')),
        unnest(costs),
        CAST(0 AS decimal(38, 12))
    FROM lake_hours
    UNION ALL
    SELECT hour, tenant, provider, model, 'quantity', class, CAST(0 AS decimal(38, 12)), CAST(quantity AS decimal(38, 12))
    FROM ledger_hours
    UNION ALL
    SELECT hour, tenant, provider, model, 'cost_usd', part, CAST(0 AS decimal(38, 12)), cost_usd
    FROM ledger_hours
),
compared AS (
    SELECT hour, tenant, provider, model, measure, class, sum(lake) AS lake, sum(ledger) AS ledger
    FROM amounts
    GROUP BY hour, tenant, provider, model, measure, class
    HAVING sum(lake) <> 0 OR sum(ledger) <> 0
)
SELECT
    'difference' AS line, hour, tenant, provider, model, measure, class,
    lake, ledger, lake - ledger AS difference, 1 AS compared, 1 AS different
FROM compared
WHERE lake <> ledger
UNION ALL
SELECT
    'total', NULL, NULL, NULL, NULL, 'cost_usd', NULL,
    coalesce(sum(lake) FILTER (WHERE measure = 'cost_usd'), 0),
    coalesce(sum(ledger) FILTER (WHERE measure = 'cost_usd'), 0),
    coalesce(sum(lake - ledger) FILTER (WHERE measure = 'cost_usd'), 0),
    count(*),
    count(*) FILTER (WHERE lake <> ledger)
FROM compared
ORDER BY line, hour, tenant NULLS FIRST, provider, model, measure, class
