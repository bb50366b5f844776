-- The first shape of the ledger. Forward only: a later shape is a later file, and this one never changes again.
--
-- Conventions
--   Times are BIGINT microseconds since 1970-01-01T00:00:00Z and end in `_us`.
--   Quantities and money have 128 bits, BIGINT has 64, floats lie and SQLite has no exact decimal: they are decimal text,
--   added by the program with overflow checks, never by SQL. `_pico` is picodollars (10^-12 USD).
--   Node epochs and sequence numbers are unsigned 64-bit numbers, kept as the BIGINT with the same bits, as in the lake.
--   A price book is named by 16 hexadecimal digits, as in the lake.
--   NULL means "not known", never zero.
--   BLOB is what PostgreSQL calls BYTEA.

-- How far each partition of the event log is in here, and what was counted on the way. Moves in the same transaction as
-- everything else, last of all sinks: the pipeline resumes from the minimum.
CREATE TABLE partitions (
    partition       INTEGER NOT NULL PRIMARY KEY,
    next_offset     BIGINT  NOT NULL CHECK (next_offset >= 0),     -- the first offset not held; it never goes back
    charged_count   BIGINT  NOT NULL CHECK (charged_count >= 0),   -- events that became charges, since offset 0
    duplicate_count BIGINT  NOT NULL CHECK (duplicate_count >= 0), -- events that were there already
    rejected_count  BIGINT  NOT NULL CHECK (rejected_count >= 0)   -- events or messages that were not accepted
);

-- What was used and what it cost, by UTC hour of the billing time, tenant, provider, model, class of usage, price and book.
CREATE TABLE totals (
    -- The seven columns after it, as bytes that sort as they do. One column, because SQL takes two NULLs for different and
    -- would keep two rows for one unknown tenant; and because a page of totals begins after a key.
    total_key  BLOB   NOT NULL PRIMARY KEY,
    hour_us    BIGINT NOT NULL, -- start of the hour
    tenant     TEXT,            -- NULL: the node could not say
    provider   TEXT   NOT NULL,
    model      TEXT   NOT NULL, -- the model it was priced as
    class      TEXT   NOT NULL, -- `uncached`, `cache_read`, ...
    rate_pico  TEXT,            -- price of one unit, unsigned 64-bit; NULL: no price is known, and the cost is no cost but a gap
    price_book TEXT   NOT NULL,
    quantity   TEXT   NOT NULL, -- tokens, searches, requests or GPU microseconds, unsigned 128-bit
    cost_pico  TEXT   NOT NULL  -- signed 128-bit
);

-- Unpriced usage is listed often and is rare, or should be.
CREATE INDEX totals_unpriced ON totals (total_key) WHERE rate_pico IS NULL;

-- How complete each stream of each node is.
CREATE TABLE streams (
    partition      INTEGER NOT NULL,
    source         TEXT    NOT NULL, -- the node or proxy
    node_epoch     BIGINT  NOT NULL,
    domain         TEXT    NOT NULL, -- the cache domain
    end_seq        BIGINT  NOT NULL, -- one past the highest number seen
    received_count BIGINT  NOT NULL, -- how many different numbers arrived
    PRIMARY KEY (partition, source, node_epoch, domain)
);

-- The numbers that are missing below the end of a stream, as runs. Empty when nothing is missing; a late event closes its gap.
CREATE TABLE gaps (
    partition  INTEGER NOT NULL,
    source     TEXT    NOT NULL,
    node_epoch BIGINT  NOT NULL,
    domain     TEXT    NOT NULL,
    from_seq   BIGINT  NOT NULL, -- the first missing number
    to_seq     BIGINT  NOT NULL, -- one past the last missing number
    PRIMARY KEY (partition, source, node_epoch, domain, from_seq),
    FOREIGN KEY (partition, source, node_epoch, domain) REFERENCES streams (partition, source, node_epoch, domain)
);

-- What a partition's fold remembers, from which a restart resumes. The newest few are kept, in case the newest does not read.
CREATE TABLE snapshots (
    partition   INTEGER NOT NULL REFERENCES partitions (partition),
    next_offset BIGINT  NOT NULL, -- the first offset that is not in the state
    state       BLOB    NOT NULL, -- as the wire's snapshot codec writes it: versioned and checksummed
    PRIMARY KEY (partition, next_offset)
);

-- Every price book that was ever imported: a row of totals names the one that priced it.
CREATE TABLE price_books (
    price_book     TEXT   NOT NULL PRIMARY KEY,
    put_number     BIGINT NOT NULL UNIQUE, -- counts the imports; the highest is the current book
    source         TEXT   NOT NULL,        -- where it came from, for people
    imported_at_us BIGINT NOT NULL,        -- when it was first imported
    body           BLOB   NOT NULL         -- as the wire's price book codec writes it
);

-- Which book rates which part of a partition: from an offset up to the next row's. Durable before the book is first used, so
-- that a replay rates old offsets as before. No foreign key: book 0 is the empty book that nobody imported.
CREATE TABLE activations (
    partition   INTEGER NOT NULL,
    from_offset BIGINT  NOT NULL,
    price_book  TEXT    NOT NULL,
    PRIMARY KEY (partition, from_offset)
);
