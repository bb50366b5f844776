-- Question: what did each tenant cost on each day?
-- Grain: one row per calendar day of the time zone and tenant that had a request.
-- Inputs: requests.
-- param: from = '2000-01-01T00:00:00Z'   billing time from which rows count
-- param: to = '2200-01-01T00:00:00Z'     billing time before which rows count
-- param: time_zone = 'UTC'               whose calendar days
-- Columns:
--   day                 the calendar day
--   tenant              who is billed; not known = the node could not say
--   requests            requests, priced or not
--   unpriced_requests   requests of which at least a part has no price; that part is missing from the costs
--   cost_usd            what they cost
--   uncached_usd        part: prompt tokens that were not in a cache
--   cache_read_usd      part: cache reads
--   cache_write_usd     part: cache writes
--   output_usd          part: output
--   other_usd           part: media, searches, fees per call, GPU time
-- Who acts: finance, who holds it against the invoice; `unpriced_requests` above 0 must be priced first.
SELECT
    CAST(time AT TIME ZONE $time_zone AS date) AS day,
    tenant,
    count(*) AS requests,
    count(unpriced) AS unpriced_requests,
    sum(cost_usd) AS cost_usd,
    sum(cost_uncached_usd) AS uncached_usd,
    sum(cost_cache_read_usd) AS cache_read_usd,
    sum(cost_cache_write_usd) AS cache_write_usd,
    sum(cost_output_usd) AS output_usd,
    sum(cost_other_usd) AS other_usd
FROM requests
WHERE time >= $from AND time < $to
GROUP BY day, tenant
ORDER BY day, tenant NULLS FIRST
