-- Question: what did each GPU node cost, how much of it was idle time, and do the parts make the whole?
-- Grain: one row per day of UTC, node and type of GPU, the latest day first, within it the dearest idle time.
-- Inputs: capacity, requests. Lines of one policy are the whole cost; those of different policies are never added up. Requests and
--   intervals count on the day on which they end.
-- param: from = '2000-01-01T00:00:00Z'   end of interval or request from which rows count
-- param: to = '2200-01-01T00:00:00Z'     end of interval or request before which rows count
-- param: policy = 'none'                 who bears idle time that nobody reserved: `none` the platform, `pro_rata` tenants by use, `peak` tenants by their part in the peaks
-- Columns:
--   day                    the day
--   source                 the node
--   gpu_type               what GPUs
--   policy                 as asked
--   gpu_hours              hours of one GPU that were there
--   used_share             GPU time of the requests that ended in the intervals / what was there; above 1 = they began before
--   unpriced_hours         part of the hours: without a price, and so in no amount below
--   usd_per_hour           the price of an hour, on average; not known = none has a price
--   cost_usd               hours with a price x price
--   compute_usd            part of the cost: work for tenants, and for traffic without a tenant
--   reserved_idle_usd      part of the cost: reserved and not used, borne by the owner of the reservation
--   idle_usd               part of the cost: other idle time, whoever bears it
--   platform_usd           part of the idle time: borne by nobody but the platform
--   difference_usd         cost - all lines: 0 = the parts make the whole
--   charged_usd            what requests of the node were charged for GPU time and parts without a column of their own
--   charged_less_compute   charged_usd - compute_usd: requests that ended in no interval, or were scaled down to fit one
-- Who acts: whoever sizes the pool: fewer or other nodes where idle time costs more than compute; the operator, if a difference is not 0.
WITH intervals AS (
    SELECT date_trunc('day', time) AS day, source, gpu_type, sum(CAST(available_us AS decimal(30, 0))) AS available_us,
        sum(CAST(used_us AS decimal(30, 0))) AS used_us,
        coalesce(sum(CAST(available_us AS decimal(30, 0))) FILTER (WHERE cost_usd IS NULL), 0) AS unpriced_us,
        coalesce(sum(cost_usd), 0) AS cost_usd
    FROM capacity
    WHERE time >= $from AND time < $to
    GROUP BY day, source, gpu_type
),
lines AS (
    SELECT date_trunc('day', time) AS day, source, gpu_type, unnest(lines) AS line
    FROM capacity
    WHERE time >= $from AND time < $to
),
parts AS (
    SELECT day, source, gpu_type,
        coalesce(sum(line['cost_usd']) FILTER (WHERE line['kind'] = 'compute'), 0) AS compute_usd,
        coalesce(sum(line['cost_usd']) FILTER (WHERE line['kind'] = 'reserved_idle'), 0) AS reserved_idle_usd,
        coalesce(sum(line['cost_usd']) FILTER (WHERE line['kind'] = 'idle'), 0) AS idle_usd,
        coalesce(sum(line['cost_usd']) FILTER (WHERE line['bearer'] = 'platform'), 0) AS platform_usd,
        coalesce(sum(line['cost_usd']), 0) AS lines_usd
    FROM lines
    WHERE line['policy'] = $policy
    GROUP BY day, source, gpu_type
),
charged AS (
    SELECT date_trunc('day', time) AS day, source, sum(cost_other_usd) AS charged_usd
    FROM requests
    WHERE gpu_us > 0 AND time >= $from AND time < $to
    GROUP BY day, source
)
SELECT
    intervals.day AS day,
    intervals.source AS source,
    intervals.gpu_type AS gpu_type,
    $policy AS policy,
    CAST(available_us / 3600000000 AS decimal(38, 6)) AS gpu_hours,
    CAST(used_us AS double) / nullif(CAST(available_us AS double), 0) AS used_share,
    CAST(unpriced_us / 3600000000 AS decimal(38, 6)) AS unpriced_hours,
    CAST(cost_usd AS double) * 3600000000 / nullif(CAST(available_us - unpriced_us AS double), 0) AS usd_per_hour,
    cost_usd,
    coalesce(compute_usd, 0) AS compute_usd,
    coalesce(reserved_idle_usd, 0) AS reserved_idle_usd,
    coalesce(idle_usd, 0) AS idle_usd,
    coalesce(platform_usd, 0) AS platform_usd,
    cost_usd - coalesce(lines_usd, 0) AS difference_usd,
    coalesce(charged_usd, 0) AS charged_usd,
    coalesce(charged_usd, 0) - coalesce(compute_usd, 0) AS charged_less_compute
FROM intervals
LEFT JOIN parts ON parts.day = intervals.day AND parts.source = intervals.source AND parts.gpu_type = intervals.gpu_type
LEFT JOIN charged ON charged.day = intervals.day AND charged.source = intervals.source
ORDER BY day DESC, idle_usd DESC, source, gpu_type
