-- What attribution says, summed by UTC hour of the billing time, and how well its model fits. Amounts are decimal text, as in
-- `totals`, and so are the keys: one column of bytes that sorts as the columns after it do.

-- Who did what to whom.
CREATE TABLE externalities (
    externality_key BLOB   NOT NULL PRIMARY KEY, -- the nine columns after it
    hour_us         BIGINT NOT NULL, -- start of the hour
    domain          TEXT   NOT NULL, -- the cache domain
    game            TEXT   NOT NULL, -- `g1`, `e`: which question the shares answer; never added up over games
    harm            TEXT   NOT NULL, -- `miss`, `wait`, `refusal`
    cause           TEXT   NOT NULL,
    evidence        TEXT   NOT NULL,
    victim          TEXT,            -- NULL: the node could not say
    culprit_kind    TEXT   NOT NULL, -- `tenant`, `no_tenant`, `background`
    culprit         TEXT,            -- NULL unless the kind is `tenant`
    quantity        TEXT   NOT NULL, -- charges, in the unit of the harm, unsigned 128-bit
    credit_quantity TEXT   NOT NULL, -- credits, likewise
    charges_pico    TEXT   NOT NULL, -- what the culprit cost the victim, signed 128-bit and not negative
    credits_pico    TEXT   NOT NULL, -- what it saved the victim, likewise
    avoidable_pico  TEXT   NOT NULL  -- signed 128-bit; never billed, never added up over culprits
);

-- What prompts cost, by cause. Over all causes it is the cost of the requests of which somebody asked why.
CREATE TABLE causes (
    cause_key BLOB   NOT NULL PRIMARY KEY, -- the six columns after it
    hour_us   BIGINT NOT NULL, -- start of the hour
    domain    TEXT   NOT NULL, -- the cache domain
    tenant    TEXT,            -- NULL: the node could not say
    model     TEXT   NOT NULL, -- the model it was priced as
    cause     TEXT   NOT NULL,
    evidence  TEXT   NOT NULL,
    tokens    TEXT   NOT NULL, -- prompt tokens, unsigned 128-bit
    cost_pico TEXT   NOT NULL  -- what they cost beyond a cache read; of `hit` all the rest; signed 128-bit
);

-- How well the model of each cache fits what was observed of it. Replaced whenever it moves.
CREATE TABLE domain_fits (
    fit_key         BLOB    NOT NULL PRIMARY KEY, -- the three columns after it
    domain          TEXT    NOT NULL, -- the cache domain
    replica         TEXT,             -- NULL: the domain is one cache, or the events do not say
    partition       INTEGER NOT NULL, -- the partition the domain is on
    capacity_blocks BIGINT,           -- an unsigned 64-bit number, the same bits; NULL: not known
    evidence        TEXT    NOT NULL, -- how the capacity is known
    error_ppm       BIGINT,           -- re-uses that the model takes wrongly, in millionths; NULL: too few were seen
    tier            TEXT    NOT NULL, -- by which method misses are blamed
    next_offset     BIGINT  NOT NULL  -- the first offset of the partition that it has not seen
);
