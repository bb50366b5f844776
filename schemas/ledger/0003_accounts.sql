-- Totals by account: one row for all classes and prices of an hour, tenant, provider, model and price book, which is what a request
-- adds to. With a row per class and price a commit wrote some five times as many rows.
--
-- The classes are lines of text in `lines`, in the order of class name and price (unknown first):
--
--   class rate quantity cost
--
-- separated by one space, ended by a line feed: `cache_read 300000 12345 3703500000`. The rate is `?` where no price is known.
-- Numbers are decimal: the rate unsigned 64-bit, the quantity unsigned 128-bit, the cost signed 128-bit; rate and cost in
-- picodollars. Before the lines stands the version of this layout, `1`, on a line of its own.
CREATE TABLE accounts (
    -- The five columns after it, as bytes that sort as they do; see `total_key` of the table before.
    account_key BLOB    NOT NULL PRIMARY KEY,
    hour_us     BIGINT  NOT NULL, -- start of the hour
    tenant      TEXT,             -- NULL: the node could not say
    provider    TEXT    NOT NULL,
    model       TEXT    NOT NULL, -- the model it was priced as
    price_book  TEXT    NOT NULL,
    unpriced    INTEGER NOT NULL, -- 1: the rate of some line is unknown, 0: of none
    lines       TEXT    NOT NULL
) WITHOUT ROWID; -- the key once and not twice: a quarter less to write

-- What is in the table before. A key of an account is the key of each of its totals without class and price, which stand
-- between the model and the eight bytes of the book: the class and two zeros, then a zero, or a one and eight bytes of price.
INSERT INTO accounts (account_key, hour_us, tenant, provider, model, price_book, unpriced, lines)
SELECT
    CAST(substr(total_key, 1, length(total_key) - 8 - iif(rate_pico IS NULL, 1, 9) - length(class) - 2) || substr(total_key, -8)
        AS BLOB) AS account_key,
    hour_us, tenant, provider, model, price_book,
    max(rate_pico IS NULL),
    '1' || char(10) || group_concat(
        class || ' ' || COALESCE(rate_pico, '?') || ' ' || quantity || ' ' || cost_pico || char(10), '' ORDER BY total_key)
FROM totals
GROUP BY 1;

DROP TABLE totals;
ALTER TABLE accounts RENAME TO totals;

-- Unpriced usage is listed often and is rare, or should be.
CREATE INDEX totals_unpriced ON totals (account_key) WHERE unpriced = 1;
