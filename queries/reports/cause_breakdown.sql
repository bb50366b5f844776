-- Question: why did each tenant's prompts cost what they cost?
-- Grain: one row per tenant, cause and evidence. The rows of a tenant sum to its cost.
-- Inputs: requests. Money of a cause is what its tokens cost beyond a cache read; `hit` carries all the rest: reads, output, fees.
-- param: from = '2000-01-01T00:00:00Z'   billing time from which rows count
-- param: to = '2200-01-01T00:00:00Z'     billing time before which rows count
-- Columns:
--   tenant     who is billed; not known = the node could not say
--   cause      why, one of a closed list; `not_asked` = requests about which nobody asked, with all that they cost
--   evidence   how sure: `exact`, `modelled`, `inferred`, `unattributable`; not known = nobody asked
--   tokens     prompt tokens
--   cost_usd   as said above
--   share      cost_usd / the tenant's cost
-- Who acts: product and engineering: `prefix_changed` and `ttl_expired` are the tenant's own to mend, `evicted_neighbour` is not.
WITH lines AS (
    SELECT
        tenant,
        part['cause'] AS cause,
        part['evidence'] AS evidence,
        CAST(part['tokens'] AS decimal(38, 0)) AS tokens,
        part['cost_usd'] AS cost_usd
    FROM (SELECT tenant, unnest(causes) AS part FROM requests WHERE time >= $from AND time < $to)
    UNION ALL
    SELECT
        tenant,
        'not_asked',
        NULL,
        CAST(
            uncached_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens + cache_write_other_tokens
            AS decimal(38, 0)
        ),
        cost_usd
    FROM requests
    WHERE causes IS NULL AND time >= $from AND time < $to
),
sums AS (
    SELECT tenant, cause, evidence, sum(tokens) AS tokens, sum(cost_usd) AS cost_usd
    FROM lines
    GROUP BY tenant, cause, evidence
)
SELECT
    tenant,
    cause,
    evidence,
    tokens,
    cost_usd,
    CAST(cost_usd AS double) / nullif(CAST(sum(cost_usd) OVER (PARTITION BY tenant) AS double), 0) AS share
FROM sums
ORDER BY tenant NULLS FIRST, cost_usd DESC, cause, evidence
