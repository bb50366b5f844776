-- Question: whose requests were refused for want of a shared limit, and who had used it up?
-- Grain: one row per victim, culprit and evidence, the most refusals first.
-- Inputs: blame of refusals, requests. A refusal is shared out over those who used the limit up, so that shares are fractions; what
--   is missing to the victim's refused requests is its own doing, or could not be told.
-- param: from = '2000-01-01T00:00:00Z'   billing time from which rows count
-- param: to = '2200-01-01T00:00:00Z'     billing time before which rows count
-- param: game = 'g1'                     `g1` compared with having the limit to oneself, `e` with neighbours inside their entitlement
-- Columns:
--   victim           whose requests were refused; not known = the node could not say
--   culprit_kind     `tenant`, `no_tenant` or `background`: other organisations at the provider
--   culprit          the tenant who had used the limit up
--   evidence         how sure
--   refusals         refused requests for which the culprit is to blame
--   victim_refused   all requests of the victim that were answered with status 429
--   share            refusals / victim_refused; not known = no answer with that status was reported
-- Who acts: the owner of the key: give the culprit a key or a quota of its own.
WITH refusals AS (
    SELECT victim, culprit_kind, culprit, evidence, sum(CAST(quantity AS decimal(30, 0))) AS millionths
    FROM blame
    WHERE time >= $from AND time < $to AND game = $game AND harm = 'refusal'
    GROUP BY victim, culprit_kind, culprit, evidence
),
refused AS (
    SELECT tenant, count(*) AS victim_refused
    FROM requests
    WHERE http_status = 429 AND time >= $from AND time < $to
    GROUP BY tenant
)
SELECT
    victim,
    culprit_kind,
    culprit,
    evidence,
    CAST(millionths * 0.000001 AS decimal(38, 6)) AS refusals,
    coalesce(victim_refused, 0) AS victim_refused,
    CAST(millionths AS double) / 1000000 / victim_refused AS share
FROM refusals
LEFT JOIN refused ON tenant IS NOT DISTINCT FROM victim
ORDER BY refusals DESC, victim NULLS FIRST, culprit_kind, culprit, evidence
