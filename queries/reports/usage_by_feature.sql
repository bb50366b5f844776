-- Question: what does each feature of each tenant use, and what does it cost?
-- Grain: one row per tenant and feature that had a request.
-- Inputs: requests.
-- param: from = '2000-01-01T00:00:00Z'   billing time from which rows count
-- param: to = '2200-01-01T00:00:00Z'     billing time before which rows count
-- Columns:
--   tenant              who is billed; not known = the node could not say
--   feature             the customer's feature; not known = not reported
--   requests            requests, priced or not
--   prompt_tokens       text tokens in the prompts, whether read from a cache, written to one, or neither
--   output_tokens       visible and reasoning tokens
--   unpriced_requests   requests of which at least a part has no price; that part is missing from the cost
--   cost_usd            what they cost
-- Who acts: product, who weighs the cost of a feature against what it earns.
SELECT
    tenant,
    feature,
    count(*) AS requests,
    sum(uncached_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens + cache_write_other_tokens) AS prompt_tokens,
    sum(output_tokens + reasoning_tokens) AS output_tokens,
    count(unpriced) AS unpriced_requests,
    sum(cost_usd) AS cost_usd
FROM requests
WHERE time >= $from AND time < $to
GROUP BY tenant, feature
ORDER BY cost_usd DESC, tenant NULLS FIRST, feature NULLS FIRST
