-- Question: which models used how many tokens in each hour?
-- Grain: one row per hour of UTC, provider and model that had a request.
-- Inputs: requests.
-- param: from = '2000-01-01T00:00:00Z'   billing time from which rows count
-- param: to = '2200-01-01T00:00:00Z'     billing time before which rows count
-- Columns:
--   hour                 start of the hour
--   provider             who served it
--   model                the model it was priced as
--   requests             requests
--   uncached_tokens      prompt tokens neither read from nor written to a cache
--   cache_read_tokens    prompt tokens read from a cache
--   cache_write_tokens   prompt tokens written to a cache, whatever its lifetime
--   media_in_tokens      audio, image and video tokens in the prompt, cached or not
--   output_tokens        visible output tokens
--   reasoning_tokens     output tokens spent on reasoning
--   media_out_tokens     audio, image and video tokens in the output
-- Who acts: whoever plans capacity and commitments with providers.
SELECT
    date_trunc('hour', time) AS hour,
    provider,
    model,
    count(*) AS requests,
    sum(uncached_tokens) AS uncached_tokens,
    sum(cache_read_tokens) AS cache_read_tokens,
    sum(cache_write_5m_tokens + cache_write_1h_tokens + cache_write_other_tokens) AS cache_write_tokens,
    sum(audio_in_tokens + image_in_tokens + video_in_tokens + audio_cache_read_tokens + image_cache_read_tokens) AS media_in_tokens,
    sum(output_tokens) AS output_tokens,
    sum(reasoning_tokens) AS reasoning_tokens,
    sum(audio_out_tokens + image_out_tokens + video_out_tokens) AS media_out_tokens
FROM requests
WHERE time >= $from AND time < $to
GROUP BY hour, provider, model
ORDER BY hour, provider, model
