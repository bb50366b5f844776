-- Counts of events that are no requests: nodes' intervals and caches' changes. They have no row in the lake, so the count is all
-- that says how many there were.
ALTER TABLE partitions ADD COLUMN report_count BIGINT NOT NULL DEFAULT 0 CHECK (report_count >= 0);
