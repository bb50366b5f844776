-- Question: what was used for which there is no price?
-- Grain: one row per provider, model and reason, the most tokens first.
-- Inputs: requests.
-- param: from = '2000-01-01T00:00:00Z'   billing time from which rows count
-- param: to = '2200-01-01T00:00:00Z'     billing time before which rows count
-- Columns:
--   provider        who served it
--   model           the model that was to be priced
--   reason          why there is no price: unknown_provider, unknown_model, not_effective, unknown_class, too_fine
--   requests        requests of which at least a part has no price
--   tenants         how many known tenants they are of
--   tokens          text tokens of the prompts and outputs of these requests
--   gpu_us          GPU microseconds of these requests
--   priced_usd      what their priced parts cost; the rest is not known, and not zero
--   first_seen      billing time of the first
--   last_seen       billing time of the last
--   price_book      the price book that had no price for the last of them
-- Who acts: whoever keeps the price book: import a price (`aliquot price import`) or add an alias.
SELECT
    provider,
    model,
    unpriced AS reason,
    count(*) AS requests,
    count(DISTINCT tenant) AS tenants,
    sum(
        uncached_tokens + cache_read_tokens + cache_write_5m_tokens + cache_write_1h_tokens + cache_write_other_tokens
        + output_tokens + reasoning_tokens
    ) AS tokens,
    sum(gpu_us) AS gpu_us,
    sum(cost_usd) AS priced_usd,
    min(time) AS first_seen,
    max(time) AS last_seen,
    last_value(price_book ORDER BY time, price_book) AS price_book
FROM requests
WHERE unpriced IS NOT NULL AND time >= $from AND time < $to
GROUP BY provider, model, unpriced
ORDER BY tokens DESC, requests DESC, provider, model, reason
