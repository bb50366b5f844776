-- Question: what did each tenant use and pay, and how did its hit rate differ, before a moment and from it on?
-- Grain: one row per tenant.
-- Inputs: requests. Hit rates count only requests whose reporters say anything about cache reads.
-- param: from = '2000-01-01T00:00:00Z'    billing time from which rows count
-- param: to = '2200-01-01T00:00:00Z'      billing time before which rows count
-- param: split = '2026-11-17T09:47:00Z'   the moment
-- Columns:
--   tenant                 who is billed; not known = the node could not say
--   requests               requests charged
--   uncached_tokens        prompt tokens neither read from nor written to a cache
--   cache_read_tokens      prompt tokens read from a cache
--   cache_write_tokens     prompt tokens written to a cache, of any lifetime
--   output_tokens          visible output and reasoning
--   before_read_tokens     prompt tokens read from a cache before the moment
--   before_prompt_tokens   prompt tokens read, written and uncached, before
--   after_read_tokens      the same, from the moment on
--   after_prompt_tokens    the same, from the moment on
--   before_usd             cost before the moment
--   after_usd              cost from the moment on
--   cost_usd               their sum
-- Who acts: whoever explains a change of the bill: tenants whose rate fell without a change of their own have a noisy neighbour.
SELECT
    tenant,
    count(*) AS requests,
    sum(uncached_tokens) AS uncached_tokens,
    sum(cache_read_tokens) AS cache_read_tokens,
    sum(written_tokens) AS cache_write_tokens,
    sum(output_tokens + reasoning_tokens) AS output_tokens,
    coalesce(sum(cache_read_tokens) FILTER (WHERE cache_reported AND time < $split), 0) AS before_read_tokens,
    coalesce(sum(prompt_tokens) FILTER (WHERE cache_reported AND time < $split), 0) AS before_prompt_tokens,
    coalesce(sum(cache_read_tokens) FILTER (WHERE cache_reported AND time >= $split), 0) AS after_read_tokens,
    coalesce(sum(prompt_tokens) FILTER (WHERE cache_reported AND time >= $split), 0) AS after_prompt_tokens,
    coalesce(sum(cost_usd) FILTER (WHERE time < $split), 0) AS before_usd,
    coalesce(sum(cost_usd) FILTER (WHERE time >= $split), 0) AS after_usd,
    sum(cost_usd) AS cost_usd
FROM (
    SELECT
        *,
        cache_write_5m_tokens + cache_write_1h_tokens + cache_write_other_tokens AS written_tokens,
        cache_read_tokens + uncached_tokens + cache_write_5m_tokens + cache_write_1h_tokens + cache_write_other_tokens AS prompt_tokens
    FROM requests
    WHERE time >= $from AND time < $to
)
GROUP BY tenant
ORDER BY cost_usd DESC, tenant NULLS FIRST
