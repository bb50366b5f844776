-- Question: who did what to whom, and what did it cost?
-- Grain: one row per victim and culprit, the dearest first.
-- Inputs: blame, of one game and one harm: games answer different questions about the same cost and are never added up.
-- param: from = '2000-01-01T00:00:00Z'   billing time from which rows count
-- param: to = '2200-01-01T00:00:00Z'     billing time before which rows count
-- param: game = 'g1'                     `g1` compared with having the cache to oneself, `e` with neighbours inside their entitlement
-- param: harm = 'miss'                   `miss`, `wait` or `refusal`
-- Columns:
--   game                 as asked
--   victim               whose requests suffered; not known = the node could not say
--   culprit_kind         `tenant`, `no_tenant`: traffic without a tenant, `background`: traffic that we cannot see
--   culprit              the tenant who did it
--   quantity             what was done, in tokens, microseconds, or millionths of a request
--   credit_quantity      what the culprit saved the victim, in the same unit
--   charges_usd          what the culprit cost the victim
--   credits_usd          what it saved the victim; kept apart, because one must not hide the other
--   net_usd              charges - credits
--   avoidable_usd        what would not have been lost had this culprit alone been absent; never billed, never added up
--   exact_usd            part of the charges: by the engine's own report
--   modelled_usd         part of the charges: by the model of the cache, its capacity known
--   inferred_usd         part of the charges: by the model, its capacity estimated
--   unattributable_usd   part of the charges: not enough is known
-- Who acts: the engineer who separates noisy neighbours, and whoever charges them: only with the game that the contract names.
SELECT
    $game AS game,
    victim,
    culprit_kind,
    culprit,
    coalesce(sum(CAST(quantity AS decimal(38, 0))) FILTER (WHERE quantity > 0), 0) AS quantity,
    coalesce(-sum(CAST(quantity AS decimal(38, 0))) FILTER (WHERE quantity < 0), 0) AS credit_quantity,
    coalesce(sum(cost_usd) FILTER (WHERE cost_usd > 0), 0) AS charges_usd,
    coalesce(-sum(cost_usd) FILTER (WHERE cost_usd < 0), 0) AS credits_usd,
    sum(cost_usd) AS net_usd,
    sum(avoidable_usd) AS avoidable_usd,
    coalesce(sum(cost_usd) FILTER (WHERE cost_usd > 0 AND evidence = 'exact'), 0) AS exact_usd,
    coalesce(sum(cost_usd) FILTER (WHERE cost_usd > 0 AND evidence = 'modelled'), 0) AS modelled_usd,
    coalesce(sum(cost_usd) FILTER (WHERE cost_usd > 0 AND evidence = 'inferred'), 0) AS inferred_usd,
    coalesce(sum(cost_usd) FILTER (WHERE cost_usd > 0 AND evidence = 'unattributable'), 0) AS unattributable_usd
FROM blame
WHERE time >= $from AND time < $to AND game = $game AND harm = $harm
GROUP BY victim, culprit_kind, culprit
ORDER BY charges_usd DESC, quantity DESC, victim NULLS FIRST, culprit_kind, culprit
