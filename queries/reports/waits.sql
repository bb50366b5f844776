-- Question: how long do a tenant's requests wait in a node's queue, and how much of that is the neighbours' doing?
-- Grain: one row per cache domain and tenant whose requests say how long they waited, the longest wait by neighbours first.
-- Inputs: requests, blame of waits. A request that no neighbour made wait counts with 0; what the model could not explain is in the
--   whole wait and in no neighbour's.
-- param: from = '2000-01-01T00:00:00Z'   billing time from which rows count
-- param: to = '2200-01-01T00:00:00Z'     billing time before which rows count
-- Columns:
--   domain              the cache domain
--   tenant              whose requests waited; not known = the node could not say
--   requests            those that say how long they waited
--   wait_us             how long they waited together
--   wait_p50_us         half of them waited no longer
--   wait_p99_us         99 of 100 waited no longer
--   neighbours_us       part of the whole wait: the neighbours' doing
--   neighbours_p50_us   half of the requests waited no longer for neighbours
--   neighbours_p99_us   99 of 100 waited no longer for neighbours
--   neighbours_share    neighbours_us / wait_us; not known = nobody waited
-- Who acts: the engineer on call: give a tenant that waits for its neighbours a node of its own, or limit those who `externality_matrix`
--   names for the harm `wait`.
WITH waited AS (
    SELECT "partition", "offset", "index", domain, tenant, queue_us
    FROM requests
    WHERE queue_us IS NOT NULL AND time >= $from AND time < $to
),
caused AS (
    SELECT "partition", "offset", "index", sum(quantity) AS caused_us
    FROM blame
    WHERE game = 'g1' AND harm = 'wait' AND time >= $from AND time < $to
    GROUP BY "partition", "offset", "index"
),
both_parts AS (
    SELECT domain, tenant, queue_us, coalesce(caused_us, 0) AS caused_us,
        row_number() OVER (PARTITION BY domain, tenant ORDER BY queue_us) AS queue_rank,
        row_number() OVER (PARTITION BY domain, tenant ORDER BY coalesce(caused_us, 0)) AS caused_rank,
        count(*) OVER (PARTITION BY domain, tenant) AS requests
    FROM waited
    LEFT JOIN caused USING ("partition", "offset", "index")
)
SELECT
    domain,
    tenant,
    count(*) AS requests,
    sum(queue_us) AS wait_us,
    min(queue_us) FILTER (WHERE queue_rank * 100 >= requests * 50) AS wait_p50_us,
    min(queue_us) FILTER (WHERE queue_rank * 100 >= requests * 99) AS wait_p99_us,
    sum(caused_us) AS neighbours_us,
    min(caused_us) FILTER (WHERE caused_rank * 100 >= requests * 50) AS neighbours_p50_us,
    min(caused_us) FILTER (WHERE caused_rank * 100 >= requests * 99) AS neighbours_p99_us,
    CAST(sum(caused_us) AS double) / nullif(CAST(sum(queue_us) AS double), 0) AS neighbours_share
FROM both_parts
GROUP BY domain, tenant
ORDER BY neighbours_us DESC, wait_us DESC, domain, tenant NULLS FIRST
