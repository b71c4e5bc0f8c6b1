-- The same tables as in SQLite; src/reference/store/sqlite/schema_1.sql says more about each. Times are milliseconds since the Unix
-- epoch by the clock of this server.
CREATE TABLE jobs (
    seq          bigint   GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id     uuid     NOT NULL UNIQUE,
    fingerprint  bytea    NOT NULL,           -- SHA-256 of the body
    promise      smallint NOT NULL,           -- what the client was told: 0 = 202, 1 = 200
    state        smallint NOT NULL,           -- 0 queued, 1 retrying, 2 working, 3 failed, 4 dead, 5 processed
    due_ms       bigint   NOT NULL,           -- when it may be claimed: since it came, the next retry, the end of the lease
    accepted_ms  bigint   NOT NULL,
    processed_ms bigint,
    attempts     integer  NOT NULL,           -- attempts begun; the fencing token of the latest
    base         integer  NOT NULL DEFAULT 0, -- attempts before the latest replay: the budget starts there
    owner        bigint,                      -- the process that holds the lease
    run          bigint,                      -- runs.id
    swept_ms     bigint,                      -- when it was last handed to a broker again
    payload      bytea                        -- moves to events with the first attempt
);
CREATE INDEX jobs_open ON jobs (state, due_ms, seq) WHERE state < 5;
CREATE INDEX jobs_by_run ON jobs (run, seq) WHERE run IS NOT NULL;

CREATE TABLE runs (
    id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text   NOT NULL UNIQUE
);

-- First effect: the event itself.
CREATE TABLE events (
    event_id    uuid   PRIMARY KEY,
    payload     bytea  NOT NULL,
    inserted_ms bigint NOT NULL
);

-- Every try of every effect, never changed: what really happened, duplicates included.
CREATE TABLE effects (
    job     bigint  NOT NULL, -- jobs.seq
    effect  text    NOT NULL, -- insert, notify
    attempt integer NOT NULL,
    outcome text    NOT NULL, -- insert: inserted, present, failed; notify: started, sent, failed, unknown
    at_ms   bigint  NOT NULL,
    detail  text,
    PRIMARY KEY (job, effect, attempt, outcome)
);
CREATE FUNCTION effects_are_append_only() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN RAISE EXCEPTION 'the effect log is append-only'; END $$;
CREATE TRIGGER effects_are_never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON effects
    FOR EACH STATEMENT EXECUTE FUNCTION effects_are_append_only();

-- Events by state, as the sum over all processes of what each has changed; state −1 counts commits.
CREATE TABLE counts (
    owner bigint   NOT NULL,
    state smallint NOT NULL,
    n     bigint   NOT NULL,
    PRIMARY KEY (owner, state)
) WITH (fillfactor = 50);

-- What each process that works on the store last said of itself.
CREATE TABLE processes (
    owner          bigint  PRIMARY KEY,
    seen_ms        bigint  NOT NULL,
    role           text    NOT NULL,
    host           text    NOT NULL,
    pid            bigint  NOT NULL,
    in_flight      bigint  NOT NULL,
    attempts       bigint  NOT NULL,
    processed      bigint  NOT NULL,
    retries        bigint  NOT NULL,
    dead           bigint  NOT NULL,
    breaker        text    NOT NULL,
    breaker_reason text
);
