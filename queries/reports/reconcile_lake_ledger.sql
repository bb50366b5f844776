-- Question: do lake and ledger agree, to the picodollar?
-- Grain: one `difference` row per hour, tenant, provider, model and amount that differs, then one `total` row.
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
--   amount       what is compared: the quantity of a class (`cache_read`) or the cost of a part (`cache_read_usd`); in the total,
--                the whole cost (`cost_usd`)
--   lake         how much of it the lake has; 0 = none
--   ledger       how much of it the ledger has; 0 = none
--   difference   lake - ledger
--   compared     amounts that were compared
--   different    amounts that differ: 0 in the total = all equal
-- Who acts: the operator, on any `difference`: stop invoicing, keep both stores, and look at the offsets of that hour.
WITH lake_hours AS (
    -- A sum of quantities past 2^63 would wrap, and would be reported as a difference: nothing wraps to the right amount.
    SELECT
        date_bin(INTERVAL '1 hour', time) AS hour,
        tenant,
        provider,
        model,
        make_array(
            sum(uncached_tokens), sum(cache_read_tokens), sum(cache_write_5m_tokens), sum(cache_write_1h_tokens),
            sum(cache_write_other_tokens), sum(audio_in_tokens), sum(image_in_tokens), sum(video_in_tokens),
            sum(audio_cache_read_tokens), sum(image_cache_read_tokens), sum(output_tokens), sum(reasoning_tokens),
            sum(audio_out_tokens), sum(image_out_tokens), sum(video_out_tokens), sum(web_searches), sum(requests), sum(gpu_us),
            sum(cache_storage_token_hours)
        ) AS quantities,
        make_array(
            sum(cost_uncached_usd), sum(cost_cache_read_usd), sum(cost_cache_write_usd), sum(cost_output_usd), sum(cost_other_usd)
        ) AS costs
    FROM requests
    WHERE time >= $from AND time < $to
    GROUP BY hour, tenant, provider, model
),
amounts AS (
    SELECT
        hour,
        tenant,
        provider,
        model,
        unnest(make_array(
            'uncached', 'cache_read', 'cache_write_5m', 'cache_write_1h', 'cache_write_other', 'audio_in', 'image_in', 'video_in',
            'audio_cache_read', 'image_cache_read', 'output', 'reasoning', 'audio_out', 'image_out', 'video_out', 'web_searches',
            'requests', 'gpu_us', 'cache_storage_token_hours', 'uncached_usd', 'cache_read_usd', 'cache_write_usd', 'output_usd', 'other_usd'
        )) AS amount,
        unnest(array_concat(arrow_cast(quantities, 'List(Decimal128(38, 12))'), costs)) AS lake,
        CAST(0 AS decimal(38, 12)) AS ledger
    FROM lake_hours
    UNION ALL
    SELECT hour, tenant, provider, model, class, CAST(0 AS decimal(38, 12)), CAST(quantity AS decimal(38, 12))
    FROM ledger_totals
    WHERE hour >= $from AND hour < $to
    UNION ALL
    SELECT
        hour,
        tenant,
        provider,
        model,
        CASE
            WHEN class = 'uncached' THEN 'uncached_usd'
            WHEN class IN ('cache_read', 'audio_cache_read', 'image_cache_read') THEN 'cache_read_usd'
            WHEN class IN ('cache_write_5m', 'cache_write_1h', 'cache_write_other') THEN 'cache_write_usd'
            WHEN class IN ('output', 'reasoning', 'audio_out', 'image_out', 'video_out') THEN 'output_usd'
            ELSE 'other_usd'
        END,
        CAST(0 AS decimal(38, 12)),
        cost_usd
    FROM ledger_totals
    WHERE hour >= $from AND hour < $to
),
sides AS (
    SELECT hour, tenant, provider, model, amount, sum(lake) AS lake, sum(ledger) AS ledger
    FROM amounts
    GROUP BY hour, tenant, provider, model, amount
    HAVING sum(lake) <> 0 OR sum(ledger) <> 0
),
lines AS (
    -- Differences and total in one pass over the lake: the empty grouping set is the total.
    SELECT
        grouping(amount) = 1 AS is_total,
        hour,
        tenant,
        provider,
        model,
        amount,
        sum(lake) AS lake,
        sum(ledger) AS ledger,
        sum(lake) FILTER (WHERE amount LIKE '%\_usd') AS lake_usd,
        sum(ledger) FILTER (WHERE amount LIKE '%\_usd') AS ledger_usd,
        count(*) AS compared,
        count(*) FILTER (WHERE lake <> ledger) AS different
    FROM sides
    GROUP BY GROUPING SETS ((hour, tenant, provider, model, amount), ())
)
SELECT
    CASE WHEN is_total THEN 'total' ELSE 'difference' END AS line,
    hour,
    tenant,
    provider,
    model,
    CASE WHEN is_total THEN 'cost_usd' ELSE amount END AS amount,
    CASE WHEN is_total THEN coalesce(lake_usd, 0) ELSE lake END AS lake,
    CASE WHEN is_total THEN coalesce(ledger_usd, 0) ELSE ledger END AS ledger,
    CASE WHEN is_total THEN coalesce(lake_usd - ledger_usd, 0) ELSE lake - ledger END AS difference,
    compared,
    different
FROM lines
WHERE is_total OR different > 0
ORDER BY line, hour, tenant NULLS FIRST, provider, model, amount
