-- Question: do lake and ledger agree about causes and blame, to the picodollar, and do the parts make the whole?
-- Grain: one `difference` row per sum and amount that differs, one `request` row per hour, domain and tenant with requests whose
--   parts do not sum to their costs, one `blame` row per hour, domain and victim where blame does not sum to what neighbours caused,
--   then one `total` row.
-- Inputs: requests, blame, ledger_causes, ledger_externalities. Of blame against causes, game `g1` and cause `evicted_neighbour`: by
--   its definition all of such a miss is the neighbours'.
-- param: from = '2000-01-01T00:00:00Z'   hours from which amounts count; a full hour
-- param: to = '2200-01-01T00:00:00Z'     hours before which amounts count; a full hour
-- Columns:
--   line         `difference`, `request`, `blame` or `total`
--   hour         start of the hour of UTC
--   domain       the cache domain
--   tenant       who is billed, or the victim; not known = the node could not say
--   what         the rest of the sum's key: model or game, harm and culprit; cause and evidence
--   amount       what is compared; in the total the whole cost, incurred and caused
--   lake         how much the lake has; of a request its cost, of blame what neighbours caused, in the total what was incurred
--   ledger       how much the ledger has; of a request the sum of its parts, of blame its sum, in the total what was caused
--   difference   lake - ledger
--   compared     sums that were compared
--   different    sums, requests and victims that differ: 0 in the total = everything agrees
-- Who acts: the operator, on any row but the total: charge nobody for a neighbour's doing, keep both stores, look at that hour.
WITH parts AS (
    SELECT date_bin(INTERVAL '1 hour', time) AS hour, domain, tenant, model, unnest(causes) AS part
    FROM requests
    WHERE time >= $from AND time < $to
),
amounts AS (
    SELECT hour, domain, tenant, what, unnest(make_array('tokens', 'cost_usd')) AS amount, unnest(amounts) AS lake,
        CAST(0 AS decimal(38, 12)) AS ledger
    FROM (
        SELECT hour, domain, tenant, concat_ws(' ', model, part['cause'], part['evidence']) AS what,
            make_array(sum(CAST(part['tokens'] AS decimal(38, 12))), sum(part['cost_usd'])) AS amounts
        FROM parts
        GROUP BY hour, domain, tenant, what
    )
    UNION ALL
    SELECT hour, domain, tenant, concat_ws(' ', model, cause, evidence), unnest(make_array('tokens', 'cost_usd')),
        CAST(0 AS decimal(38, 12)), unnest(make_array(CAST(tokens AS decimal(38, 12)), cost_usd))
    FROM ledger_causes
    WHERE hour >= $from AND hour < $to
    UNION ALL
    SELECT hour, domain, victim, what,
        unnest(make_array('quantity', 'credit_quantity', 'charges_usd', 'credits_usd', 'avoidable_usd')), unnest(amounts),
        CAST(0 AS decimal(38, 12))
    FROM (
        SELECT date_bin(INTERVAL '1 hour', time) AS hour, domain, victim,
            concat_ws(' ', game, harm, culprit_kind, culprit, cause, evidence) AS what,
            make_array(
                coalesce(sum(CAST(quantity AS decimal(38, 12))) FILTER (WHERE quantity > 0), 0),
                coalesce(-sum(CAST(quantity AS decimal(38, 12))) FILTER (WHERE quantity < 0), 0),
                coalesce(sum(cost_usd) FILTER (WHERE cost_usd > 0), 0),
                coalesce(-sum(cost_usd) FILTER (WHERE cost_usd < 0), 0),
                sum(avoidable_usd)
            ) AS amounts
        FROM blame
        WHERE time >= $from AND time < $to
        GROUP BY hour, domain, victim, what
    )
    UNION ALL
    SELECT hour, domain, victim, concat_ws(' ', game, harm, culprit_kind, culprit, cause, evidence),
        unnest(make_array('quantity', 'credit_quantity', 'charges_usd', 'credits_usd', 'avoidable_usd')),
        CAST(0 AS decimal(38, 12)),
        unnest(make_array(
            CAST(quantity AS decimal(38, 12)), CAST(credit_quantity AS decimal(38, 12)), charges_usd, credits_usd, avoidable_usd
        ))
    FROM ledger_externalities
    WHERE hour >= $from AND hour < $to
),
sums AS (
    SELECT 'difference' AS line, hour, domain, tenant, what, amount, sum(lake) AS lake, sum(ledger) AS ledger, 1 AS compared,
        CASE WHEN sum(lake) <> sum(ledger) THEN 1 ELSE 0 END AS different
    FROM amounts
    GROUP BY hour, domain, tenant, what, amount
    HAVING sum(lake) <> 0 OR sum(ledger) <> 0
),
requests_apart AS (
    SELECT 'request' AS line, date_bin(INTERVAL '1 hour', time) AS hour, domain, tenant, 'sum of the parts' AS what,
        'cost_usd' AS amount, sum(cost_usd) AS lake, sum(cause_cost(causes)) AS ledger, 0 AS compared, count(*) AS different
    FROM requests
    WHERE cause_cost(causes) <> cost_usd AND time >= $from AND time < $to
    GROUP BY hour, domain, tenant
),
neighbours AS (
    SELECT "partition", "offset", "index", date_bin(INTERVAL '1 hour', time) AS hour, domain, tenant,
        cause_cost(causes, 'evicted_neighbour') AS caused_usd, CAST(0 AS decimal(38, 12)) AS blamed_usd
    FROM requests
    WHERE cause_cost(causes, 'evicted_neighbour') <> 0 AND time >= $from AND time < $to
    UNION ALL
    SELECT "partition", "offset", "index", date_bin(INTERVAL '1 hour', time), domain, victim, 0, cost_usd
    FROM blame
    WHERE game = 'g1' AND harm = 'miss' AND cause = 'evicted_neighbour' AND time >= $from AND time < $to
),
blame_apart AS (
    SELECT 'blame' AS line, hour, domain, tenant, 'evicted_neighbour' AS what, 'cost_usd' AS amount, sum(caused_usd) AS lake,
        sum(blamed_usd) AS ledger, 0 AS compared, count(*) AS different
    FROM (
        SELECT hour, domain, tenant, sum(caused_usd) AS caused_usd, sum(blamed_usd) AS blamed_usd
        FROM neighbours
        GROUP BY "partition", "offset", "index", hour, domain, tenant
        HAVING sum(caused_usd) <> sum(blamed_usd)
    )
    GROUP BY hour, domain, tenant
),
lines AS (
    -- Differences and total in one pass: the empty grouping set is the total. In the caused view, what neighbours caused leaves the
    -- victim's line and what they are blamed for comes to theirs: the views differ by what no blame, or no part, stands against.
    SELECT
        grouping(line) = 1 AS is_total,
        line,
        hour,
        domain,
        tenant,
        what,
        amount,
        sum(lake) AS lake,
        sum(ledger) AS ledger,
        sum(ledger - lake) FILTER (WHERE line = 'blame') AS moved_usd,
        sum(compared) AS compared,
        sum(different) AS different
    FROM (SELECT * FROM sums UNION ALL SELECT * FROM requests_apart UNION ALL SELECT * FROM blame_apart)
    GROUP BY GROUPING SETS ((line, hour, domain, tenant, what, amount), ())
),
incurred AS (
    SELECT coalesce(sum(cost_usd), 0) AS incurred_usd FROM requests WHERE time >= $from AND time < $to
)
SELECT
    CASE WHEN is_total THEN 'total' ELSE line END AS line,
    hour,
    domain,
    tenant,
    what,
    CASE WHEN is_total THEN 'cost_usd' ELSE amount END AS amount,
    CASE WHEN is_total THEN incurred_usd ELSE lake END AS lake,
    CASE WHEN is_total THEN incurred_usd + coalesce(moved_usd, 0) ELSE ledger END AS ledger,
    CASE WHEN is_total THEN -coalesce(moved_usd, 0) ELSE lake - ledger END AS difference,
    coalesce(compared, 0) AS compared,
    coalesce(different, 0) AS different
FROM lines CROSS JOIN incurred
WHERE is_total OR different > 0
ORDER BY is_total, line, hour, domain, tenant NULLS FIRST, what, amount
