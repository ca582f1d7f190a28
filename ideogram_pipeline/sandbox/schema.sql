-- Everything the sandbox knows. What a job is doing is not stored: it follows from the clock.
BEGIN IMMEDIATE;

-- One row: the team's purse. The balance is opening + purchased - charged + refunds that are due.
CREATE TABLE IF NOT EXISTS account (
    only            INTEGER PRIMARY KEY CHECK (only = 1),
    opening         INTEGER NOT NULL,
    purchased       INTEGER NOT NULL DEFAULT 0,
    charged         INTEGER NOT NULL DEFAULT 0,
    clock_offset_ms INTEGER NOT NULL DEFAULT 0,
    peak_in_flight  INTEGER NOT NULL DEFAULT 0
);

-- Its whole life is decided at submission: when it starts, when it ends, and how.
CREATE TABLE IF NOT EXISTS jobs (
    id              TEXT PRIMARY KEY,
    user            TEXT NOT NULL,
    idempotency_key TEXT,
    input           TEXT NOT NULL,    -- the body as submitted, without the webhook fields
    charge          INTEGER NOT NULL, -- credits
    refund          INTEGER NOT NULL, -- credits that come back at finished_ms
    fate            TEXT NOT NULL,    -- COMPLETED, FAILED or CANCELLED
    error           TEXT,
    shape           TEXT NOT NULL,    -- of `result`: images or string
    created_ms      INTEGER NOT NULL,
    started_ms      INTEGER NOT NULL,
    finished_ms     INTEGER NOT NULL,
    result_ms       INTEGER NOT NULL, -- when `result` has its URL
    reference       TEXT,             -- SHA-256 of an uploaded input; null: another host's URL
    image           TEXT,
    mask            TEXT,
    webhook_status  TEXT,
    purged          INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS jobs_of_user ON jobs (user, created_ms, id);
CREATE INDEX IF NOT EXISTS jobs_of_team ON jobs (created_ms, id);
CREATE INDEX IF NOT EXISTS jobs_unfinished ON jobs (finished_ms);
CREATE INDEX IF NOT EXISTS jobs_refunded ON jobs (finished_ms, refund) WHERE refund > 0;

CREATE TABLE IF NOT EXISTS idempotency (
    user       TEXT NOT NULL,
    key        TEXT NOT NULL,
    body       TEXT NOT NULL, -- SHA-256 of the canonical body
    job_id     TEXT NOT NULL,
    created_ms INTEGER NOT NULL,
    PRIMARY KEY (user, key)
) WITHOUT ROWID;

-- For the truth: every submission that named a key, whatever became of it.
CREATE TABLE IF NOT EXISTS keys_seen (
    key         TEXT PRIMARY KEY,
    submissions INTEGER NOT NULL DEFAULT 0,
    jobs        INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS uploads (
    id           TEXT PRIMARY KEY,
    sha256       TEXT NOT NULL,
    content_type TEXT NOT NULL,
    byte_size    INTEGER NOT NULL,
    expires_ms   INTEGER NOT NULL
) WITHOUT ROWID;

-- Uploaded bytes by content: a job keeps its inputs when the upload has expired.
CREATE TABLE IF NOT EXISTS blobs (
    sha256  TEXT PRIMARY KEY,
    content BLOB NOT NULL
);

CREATE TABLE IF NOT EXISTS requests (
    route  TEXT NOT NULL,
    status TEXT NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (route, status)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS script (
    position INTEGER PRIMARY KEY,
    fault    TEXT NOT NULL,
    route    TEXT,
    times    INTEGER NOT NULL,
    after    INTEGER NOT NULL,
    seconds  REAL,
    error    TEXT
);

COMMIT;
