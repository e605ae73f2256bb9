-- Times are milliseconds since 1970, ids UUIDs of version 7, which sort by time.
-- Statuses: 0 PENDING, 1 PROCESSING, 2 PASSED, 3 FAILED, 4 CANCELLED.
--
-- No index covers a column that a claim or a PASSED changes, so that these write no index at all: what waits and what is
-- leased stands in tables of its own. Half of each page is left free for the newer versions of its rows.
CREATE TABLE submissions (
    id              uuid     NOT NULL PRIMARY KEY,
    -- The number of the claim that holds it, 0 if none does. Only the lease in force can settle the submission.
    fence           bigint   NOT NULL DEFAULT 0,
    created_at      bigint   NOT NULL,
    changed_at      bigint   NOT NULL,
    run_at          bigint   NOT NULL,
    series          integer  NOT NULL DEFAULT 1,
    begun           integer  NOT NULL DEFAULT 0,
    failures        integer  NOT NULL DEFAULT 0,
    losses          integer  NOT NULL DEFAULT 0,
    given_back      integer  NOT NULL DEFAULT 0,
    status          smallint NOT NULL DEFAULT 0,
    is_cached       boolean  NOT NULL DEFAULT false,
    started_at      bigint,
    processed_at    bigint,
    -- FAILED or CANCELLED, else NULL. A PASSED leaves it alone, which an index on the status would not do.
    unsuccessful    smallint GENERATED ALWAYS AS (CASE WHEN status >= 3 THEN status END) STORED,
    content         text     NOT NULL,
    reason          text,
    idempotency_key text
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);

CREATE UNIQUE INDEX submissions_idempotency_key ON submissions (idempotency_key) WHERE idempotency_key IS NOT NULL;
-- Lists of these statuses, and what a retry of all looks for.
CREATE INDEX submissions_unsuccessful ON submissions (unsuccessful, id) WHERE unsuccessful IS NOT NULL;

-- One row for each submission that is PENDING. Only the transaction that deletes it takes the submission out of PENDING.
CREATE TABLE waiting (
    run_at       bigint NOT NULL,
    id           uuid   NOT NULL,
    announced_at bigint,
    PRIMARY KEY (run_at, id)
) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);

-- One row for each claim that still holds a lease. The leases are those of its submissions that have its number as
-- their fence; `open` says how many these are.
CREATE TABLE claims (
    number     bigint  NOT NULL PRIMARY KEY,
    worker     uuid    NOT NULL,
    started_at bigint  NOT NULL,
    open       bigint  NOT NULL,
    ids        uuid[]  NOT NULL
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_cost_delay = 0);
-- Random bits do not compress.
ALTER TABLE claims ALTER COLUMN ids SET STORAGE EXTERNAL;
CREATE SEQUENCE claim_numbers;

CREATE TABLE workers (
    id          uuid    NOT NULL PRIMARY KEY,
    name        text    NOT NULL,
    concurrency integer NOT NULL,
    running     integer NOT NULL DEFAULT 0,
    started_at  bigint  NOT NULL,
    beat_at     bigint  NOT NULL
) WITH (fillfactor = 50);

-- A series that ended because its attempts were used up. It stays when the submission is tried again.
CREATE TABLE dead_letters (
    id       uuid    NOT NULL,
    series   integer NOT NULL,
    attempts integer NOT NULL,
    reason   text    NOT NULL,
    at       bigint  NOT NULL,
    PRIMARY KEY (id, series)
);

-- How many submissions are in each status, as the sums of all rows. A transaction adds its changes to one of them, so
-- that two seldom wait for the same one.
CREATE TABLE status_counts (
    slot         integer NOT NULL PRIMARY KEY,
    pending      bigint  NOT NULL DEFAULT 0,
    processing   bigint  NOT NULL DEFAULT 0,
    passed       bigint  NOT NULL DEFAULT 0,
    failed       bigint  NOT NULL DEFAULT 0,
    cancelled    bigint  NOT NULL DEFAULT 0,
    dead_letters bigint  NOT NULL DEFAULT 0
) WITH (fillfactor = 10);
INSERT INTO status_counts (slot) SELECT generate_series(0, 63);
