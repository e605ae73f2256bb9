-- Times are milliseconds since 1970, ids UUIDs of version 7 as 16 bytes, which sort by time.
-- Statuses: 0 PENDING, 1 PROCESSING, 2 PASSED, 3 FAILED, 4 CANCELLED.
CREATE TABLE submissions (
    id              BLOB    NOT NULL PRIMARY KEY,
    status          INTEGER NOT NULL DEFAULT 0,
    -- Changes whenever a lease begins or ends, so that only the lease in force can settle the submission.
    fence           INTEGER NOT NULL DEFAULT 0,
    worker          BLOB,
    series          INTEGER NOT NULL DEFAULT 1,
    begun           INTEGER NOT NULL DEFAULT 0,
    failures        INTEGER NOT NULL DEFAULT 0,
    losses          INTEGER NOT NULL DEFAULT 0,
    given_back      INTEGER NOT NULL DEFAULT 0,
    is_cached       INTEGER NOT NULL DEFAULT 0,
    created_at      INTEGER NOT NULL,
    changed_at      INTEGER NOT NULL,
    run_at          INTEGER NOT NULL,
    announced_at    INTEGER,
    started_at      INTEGER,
    processed_at    INTEGER,
    -- Texts come last: what is before them is read without following a long text through its pages.
    reason          TEXT,
    idempotency_key TEXT,
    content         TEXT    NOT NULL
) WITHOUT ROWID;

-- What may be claimed, the longest waiting first.
CREATE INDEX submissions_pending ON submissions (run_at, id) WHERE status = 0;
-- What a worker holds.
CREATE INDEX submissions_leased ON submissions (worker, started_at) WHERE status = 1;
-- Lists of statuses that are rare, and what a retry of all looks for.
CREATE INDEX submissions_unsuccessful ON submissions (status, id) WHERE status >= 3;
CREATE UNIQUE INDEX submissions_idempotency_key ON submissions (idempotency_key) WHERE idempotency_key IS NOT NULL;

CREATE TABLE workers (
    id          BLOB    NOT NULL PRIMARY KEY,
    name        TEXT    NOT NULL,
    concurrency INTEGER NOT NULL,
    running     INTEGER NOT NULL DEFAULT 0,
    started_at  INTEGER NOT NULL,
    beat_at     INTEGER NOT NULL
) WITHOUT ROWID;

-- A series that ended because its attempts were used up. It stays when the submission is tried again.
CREATE TABLE dead_letters (
    id       BLOB    NOT NULL,
    series   INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    reason   TEXT    NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (id, series)
) WITHOUT ROWID;

-- How many submissions are in each status: one row, changed in the transactions that change statuses.
CREATE TABLE status_counts (
    pending      INTEGER NOT NULL DEFAULT 0,
    processing   INTEGER NOT NULL DEFAULT 0,
    passed       INTEGER NOT NULL DEFAULT 0,
    failed       INTEGER NOT NULL DEFAULT 0,
    cancelled    INTEGER NOT NULL DEFAULT 0,
    dead_letters INTEGER NOT NULL DEFAULT 0
);
INSERT INTO status_counts DEFAULT VALUES;
