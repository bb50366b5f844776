-- Question: how much of each tenant's prompts came out of a prefix cache, minute by minute?
-- Grain: one row per minute and tenant that had a request.
-- Inputs: requests. Only requests whose reporters say anything about cache reads count as tokens: silence is not a miss.
-- param: from = '2000-01-01T00:00:00Z'   billing time from which rows count
-- param: to = '2200-01-01T00:00:00Z'     billing time before which rows count
-- Columns:
--   minute              start of the minute
--   tenant              who is billed; not known = the node could not say
--   requests            requests
--   silent_requests     requests whose reporters say nothing about cache reads; their tokens are left out
--   read_tokens         prompt tokens read from a cache: the numerator
--   write_tokens        prompt tokens written to a cache
--   uncached_tokens     prompt tokens neither read nor written
--   prompt_tokens       read + write + uncached: the denominator
--   hit_rate            read_tokens / prompt_tokens; never average it, sum numerator and denominator instead
-- Who acts: the engineer on call, to see when a cache began to thrash and for whom.
SELECT
    minute,
    tenant,
    requests,
    silent_requests,
    read_tokens,
    write_tokens,
    uncached_tokens,
    read_tokens + write_tokens + uncached_tokens AS prompt_tokens,
    CAST(read_tokens AS double) / nullif(read_tokens + write_tokens + uncached_tokens, 0) AS hit_rate
FROM (
    SELECT
        date_trunc('minute', time) AS minute,
        tenant,
        count(*) AS requests,
        count(*) FILTER (WHERE NOT cache_reported) AS silent_requests,
        coalesce(sum(cache_read_tokens) FILTER (WHERE cache_reported), 0) AS read_tokens,
        coalesce(sum(cache_write_5m_tokens + cache_write_1h_tokens + cache_write_other_tokens) FILTER (WHERE cache_reported), 0)
            AS write_tokens,
        coalesce(sum(uncached_tokens) FILTER (WHERE cache_reported), 0) AS uncached_tokens
    FROM requests
    WHERE time >= $from AND time < $to
    GROUP BY minute, tenant
)
ORDER BY minute, tenant NULLS FIRST
