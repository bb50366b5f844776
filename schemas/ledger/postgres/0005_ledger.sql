-- The ledger for PostgreSQL, as of schema 5; what each table and column means is in ../README.md and in the files beside it for
-- SQLite, which came there step by step. Forward only: a later shape is a later file with the same number in both directories.
--
-- Where it differs: BLOB is BYTEA, and texts that are sorted or keys compare by their bytes, as in SQLite.

CREATE TABLE partitions (
    partition       INTEGER NOT NULL PRIMARY KEY,
    next_offset     BIGINT  NOT NULL CHECK (next_offset >= 0),
    charged_count   BIGINT  NOT NULL CHECK (charged_count >= 0),
    duplicate_count BIGINT  NOT NULL CHECK (duplicate_count >= 0),
    rejected_count  BIGINT  NOT NULL CHECK (rejected_count >= 0),
    report_count    BIGINT  NOT NULL DEFAULT 0 CHECK (report_count >= 0)
);

CREATE TABLE streams (
    partition      INTEGER NOT NULL,
    source         TEXT    COLLATE "C" NOT NULL,
    node_epoch     BIGINT  NOT NULL,
    domain         TEXT    COLLATE "C" NOT NULL,
    end_seq        BIGINT  NOT NULL,
    received_count BIGINT  NOT NULL,
    PRIMARY KEY (partition, source, node_epoch, domain)
);

CREATE TABLE gaps (
    partition  INTEGER NOT NULL,
    source     TEXT    COLLATE "C" NOT NULL,
    node_epoch BIGINT  NOT NULL,
    domain     TEXT    COLLATE "C" NOT NULL,
    from_seq   BIGINT  NOT NULL,
    to_seq     BIGINT  NOT NULL,
    PRIMARY KEY (partition, source, node_epoch, domain, from_seq),
    FOREIGN KEY (partition, source, node_epoch, domain) REFERENCES streams (partition, source, node_epoch, domain)
);

CREATE TABLE snapshots (
    partition   INTEGER NOT NULL REFERENCES partitions (partition),
    next_offset BIGINT  NOT NULL,
    state       BYTEA   NOT NULL,
    PRIMARY KEY (partition, next_offset)
);

CREATE TABLE price_books (
    price_book     TEXT   NOT NULL PRIMARY KEY,
    put_number     BIGINT NOT NULL UNIQUE,
    source         TEXT   NOT NULL,
    imported_at_us BIGINT NOT NULL,
    body           BYTEA  NOT NULL
);

CREATE TABLE activations (
    partition   INTEGER NOT NULL,
    from_offset BIGINT  NOT NULL,
    price_book  TEXT    NOT NULL,
    PRIMARY KEY (partition, from_offset)
);

CREATE TABLE log (
    only_row INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
    identity TEXT    NOT NULL
);

CREATE TABLE totals (
    account_key BYTEA   NOT NULL PRIMARY KEY,
    hour_us     BIGINT  NOT NULL,
    tenant      TEXT,
    provider    TEXT    NOT NULL,
    model       TEXT    NOT NULL,
    price_book  TEXT    NOT NULL,
    unpriced    INTEGER NOT NULL,
    lines       TEXT    NOT NULL
);

CREATE INDEX totals_unpriced ON totals (account_key) WHERE unpriced = 1;

CREATE TABLE externalities (
    externality_key BYTEA  NOT NULL PRIMARY KEY,
    hour_us         BIGINT NOT NULL,
    domain          TEXT   NOT NULL,
    game            TEXT   NOT NULL,
    harm            TEXT   NOT NULL,
    cause           TEXT   NOT NULL,
    evidence        TEXT   NOT NULL,
    victim          TEXT,
    culprit_kind    TEXT   NOT NULL,
    culprit         TEXT,
    quantity        TEXT   NOT NULL,
    credit_quantity TEXT   NOT NULL,
    charges_pico    TEXT   NOT NULL,
    credits_pico    TEXT   NOT NULL,
    avoidable_pico  TEXT   NOT NULL
);

CREATE TABLE causes (
    cause_key BYTEA  NOT NULL PRIMARY KEY,
    hour_us   BIGINT NOT NULL,
    domain    TEXT   NOT NULL,
    tenant    TEXT,
    model     TEXT   NOT NULL,
    cause     TEXT   NOT NULL,
    evidence  TEXT   NOT NULL,
    tokens    TEXT   NOT NULL,
    cost_pico TEXT   NOT NULL
);

CREATE TABLE domain_fits (
    fit_key         BYTEA   NOT NULL PRIMARY KEY,
    domain          TEXT    NOT NULL,
    replica         TEXT,
    partition       INTEGER NOT NULL,
    capacity_blocks BIGINT,
    evidence        TEXT    NOT NULL,
    error_ppm       BIGINT,
    tier            TEXT    NOT NULL,
    next_offset     BIGINT  NOT NULL
);
