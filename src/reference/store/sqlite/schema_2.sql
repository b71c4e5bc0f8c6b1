-- Several processes: who is there, and what each has counted.
ALTER TABLE jobs ADD COLUMN base INTEGER NOT NULL DEFAULT 0; -- attempts before the latest replay: the budget starts there
ALTER TABLE jobs ADD COLUMN swept_ms INTEGER;                -- when it was last handed to a broker again

-- Events by state, as the sum over all processes of what each has changed; state −1 counts commits.
CREATE TABLE counts (
    owner INTEGER NOT NULL,
    state INTEGER NOT NULL,
    n     INTEGER NOT NULL,
    PRIMARY KEY (owner, state)
) WITHOUT ROWID;
INSERT INTO counts SELECT 0, state, count(*) FROM jobs GROUP BY state;

-- What each process that works on the store last said of itself.
CREATE TABLE processes (
    owner          INTEGER PRIMARY KEY,
    seen_ms        INTEGER NOT NULL,
    role           TEXT    NOT NULL,
    host           TEXT    NOT NULL,
    pid            INTEGER NOT NULL,
    in_flight      INTEGER NOT NULL,
    attempts       INTEGER NOT NULL,
    processed      INTEGER NOT NULL,
    retries        INTEGER NOT NULL,
    dead           INTEGER NOT NULL,
    breaker        TEXT    NOT NULL,
    breaker_reason TEXT
);
