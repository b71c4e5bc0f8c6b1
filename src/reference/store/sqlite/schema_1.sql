-- One row for each accepted event, for ever: its id is what makes a repeated request harmless.
-- The rows lie in order of acceptance, so that accepting appends; only the unique index is hit at random.
CREATE TABLE jobs (
    seq          INTEGER PRIMARY KEY,
    event_id     BLOB    NOT NULL UNIQUE, -- 16 bytes
    fingerprint  BLOB    NOT NULL,        -- SHA-256 of the body
    promise      INTEGER NOT NULL,        -- what the client was told: 0 = 202, 1 = 200
    state        INTEGER NOT NULL,        -- 0 queued, 1 retrying, 2 working, 3 failed, 4 dead, 5 processed
    due_ms       INTEGER NOT NULL,        -- when it may be claimed: since it came, the next retry, the end of the lease
    accepted_ms  INTEGER NOT NULL,
    processed_ms INTEGER,
    attempts     INTEGER NOT NULL,        -- attempts begun; the fencing token of the latest
    owner        INTEGER,                 -- the process that holds the lease
    run          INTEGER, -- runs.id
    payload      BLOB                     -- moves to events with the first attempt
);
-- What is still to be done, in the order in which it may be.
CREATE INDEX jobs_open ON jobs (state, due_ms) WHERE state < 5;
CREATE INDEX jobs_by_run ON jobs (run) WHERE run IS NOT NULL;

CREATE TABLE runs (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

-- First effect: the event itself.
CREATE TABLE events (
    event_id    BLOB    PRIMARY KEY,
    payload     BLOB    NOT NULL,
    inserted_ms INTEGER NOT NULL
) WITHOUT ROWID;

-- Every try of every effect, never changed: what really happened, duplicates included.
CREATE TABLE effects (
    job     INTEGER NOT NULL, -- jobs.seq
    effect  TEXT    NOT NULL, -- insert, notify
    attempt INTEGER NOT NULL,
    outcome TEXT    NOT NULL, -- insert: inserted, present, failed; notify: started, sent, failed, unknown
    at_ms   INTEGER NOT NULL,
    detail  TEXT,
    PRIMARY KEY (job, effect, attempt, outcome)
) WITHOUT ROWID;
CREATE TRIGGER effects_are_never_changed BEFORE UPDATE ON effects
    BEGIN SELECT RAISE(ABORT, 'the effect log is append-only'); END;
CREATE TRIGGER effects_are_never_removed BEFORE DELETE ON effects
    BEGIN SELECT RAISE(ABORT, 'the effect log is append-only'); END;
