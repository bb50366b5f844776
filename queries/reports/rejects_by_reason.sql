-- Question: what was not accepted, and why?
-- Grain: one row per reason, detail and content type.
-- Inputs: rejects.
-- param: from = '2000-01-01T00:00:00Z'   arrival from which messages count
-- param: to = '2200-01-01T00:00:00Z'     arrival before which messages count
-- Columns:
--   reason         why, one of a closed list
--   detail         what in particular: a field's name
--   content_type   what the messages claimed to be
--   events         messages, or events of batch messages, that were not accepted
--   first_seen     arrival of the first
--   last_seen      arrival of the last
-- Who acts: the owner of the emitter; the raw bytes stand in the table `rejects`.
SELECT
    reason,
    detail,
    content_type,
    count(*) AS events,
    min(received_at) AS first_seen,
    max(received_at) AS last_seen
FROM rejects
WHERE received_at >= $from AND received_at < $to
GROUP BY reason, detail, content_type
ORDER BY events DESC, reason, detail, content_type
