-- Question: what would it cost, or save, to give each tenant a cache of its own?
-- Grain: one row per tenant and cache domain, the dearest first.
-- Inputs: requests. What a request would have cost alone is known where the model of the domain's cache is; the rest stands apart.
-- param: from = '2000-01-01T00:00:00Z'   billing time from which rows count
-- param: to = '2200-01-01T00:00:00Z'     billing time before which rows count
-- Columns:
--   tenant           who is billed; not known = the node could not say
--   domain           the cache domain
--   requests         its requests there
--   known_requests   those of them of which it is known what they would have cost alone
--   cost_usd         what the known ones cost
--   standalone_usd   what the known ones would have cost alone
--   isolation_usd    standalone - cost: positive = isolation would cost that much, negative = it would save it
--   unknown_usd      what the others cost
-- Who acts: whoever decides about caches, salts and workspaces: isolate where it saves, and know the price where it is owed.
SELECT
    tenant,
    domain,
    count(*) AS requests,
    count(standalone_usd) AS known_requests,
    coalesce(sum(cost_usd) FILTER (WHERE standalone_usd IS NOT NULL), 0) AS cost_usd,
    coalesce(sum(standalone_usd), 0) AS standalone_usd,
    coalesce(sum(standalone_usd - cost_usd), 0) AS isolation_usd,
    coalesce(sum(cost_usd) FILTER (WHERE standalone_usd IS NULL), 0) AS unknown_usd
FROM requests
WHERE time >= $from AND time < $to
GROUP BY tenant, domain
ORDER BY isolation_usd DESC, tenant NULLS FIRST, domain
