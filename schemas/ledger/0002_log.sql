-- Which event log the positions of this ledger are positions of. One row, written when the first log is claimed.
--
-- Offsets mean nothing in another log: a topic that was recreated, or that got more partitions (which moves cache domains to
-- partitions that do not remember them), would be read wrongly without anybody noticing. So a log that is not the claimed one is
-- refused.
CREATE TABLE log (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    identity TEXT NOT NULL
);
