-- Control data: who is billed, by which contract, what is whose due in a cache, who may ask, and who changed what. Texts that are
-- checked elsewhere (currencies, time zones, bodies of contracts) are kept as they came.

CREATE TABLE tenants (
    tenant        TEXT   NOT NULL PRIMARY KEY, -- as events spell it
    name          TEXT   NOT NULL,
    currency      TEXT   NOT NULL,             -- ISO 4217
    time_zone     TEXT   NOT NULL,             -- IANA name; billing periods begin and end in it
    tax_id        TEXT,
    parent        TEXT   REFERENCES tenants (tenant), -- the account that gets the invoice; NULL: the tenant itself
    created_at_us BIGINT NOT NULL,
    changed_at_us BIGINT NOT NULL,
    ended_at_us   BIGINT                       -- NULL: goes on
);

-- A change is a new version; older ones stay, because invoices were made by them.
CREATE TABLE contracts (
    contract      TEXT   NOT NULL,
    version       BIGINT NOT NULL CHECK (version >= 1), -- the highest one holds
    tenant        TEXT   NOT NULL REFERENCES tenants (tenant),
    from_us       BIGINT NOT NULL,
    to_us         BIGINT,                      -- NULL: goes on
    body          TEXT   NOT NULL,             -- JSON
    changed_at_us BIGINT NOT NULL,
    PRIMARY KEY (contract, version),
    CHECK (to_us IS NULL OR from_us <= to_us)
);
CREATE INDEX contracts_tenant ON contracts (tenant);

CREATE TABLE entitlements (
    tenant    TEXT   NOT NULL REFERENCES tenants (tenant),
    domain    TEXT   NOT NULL,
    from_us   BIGINT NOT NULL,
    to_us     BIGINT,                          -- NULL: goes on
    blocks    BIGINT CHECK (blocks >= 0),
    share_ppm BIGINT CHECK (share_ppm BETWEEN 0 AND 1000000),
    PRIMARY KEY (tenant, domain, from_us),
    CHECK ((blocks IS NULL) <> (share_ppm IS NULL)),
    CHECK (to_us IS NULL OR from_us < to_us)
);

-- A key itself is kept nowhere.
CREATE TABLE api_keys (
    api_key         TEXT   NOT NULL PRIMARY KEY, -- what the key begins with, by which it is found
    hash            BLOB   NOT NULL,            -- SHA-256 of the key
    name            TEXT   NOT NULL,
    scopes          TEXT   NOT NULL,           -- words with spaces between them
    tenant          TEXT,                      -- NULL: every tenant
    created_at_us   BIGINT NOT NULL,
    expires_at_us   BIGINT,
    revoked_at_us   BIGINT,
    last_used_at_us BIGINT                     -- to about an hour
);

CREATE TABLE exchange_rates (
    base     TEXT   NOT NULL,                  -- ISO 4217
    quote    TEXT   NOT NULL,                  -- ISO 4217
    day      TEXT   NOT NULL,                  -- YYYY-MM-DD
    rate     TEXT   NOT NULL,                  -- units of `quote` for one of `base`, decimal
    source   TEXT   NOT NULL,
    PRIMARY KEY (base, quote, day)
);

CREATE TABLE audit_log (
    entry   BIGINT NOT NULL PRIMARY KEY,       -- counts from 1, without gaps
    at_us   BIGINT NOT NULL,
    actor   TEXT   NOT NULL,
    action  TEXT   NOT NULL,                   -- `add`, `change`, `end`, `revoke`
    kind    TEXT   NOT NULL,                   -- `tenant`, `contract`, `entitlement`, `key`, `exchange_rate`
    subject TEXT   NOT NULL,
    before  TEXT,                              -- JSON; NULL: there was nothing
    after   TEXT   NOT NULL                    -- JSON
);

-- Append only, also for whoever writes SQL by hand.
CREATE TRIGGER audit_log_is_never_changed BEFORE UPDATE ON audit_log
BEGIN SELECT RAISE(ABORT, 'the audit log is append only'); END;
CREATE TRIGGER audit_log_is_never_cut BEFORE DELETE ON audit_log
BEGIN SELECT RAISE(ABORT, 'the audit log is append only'); END;
