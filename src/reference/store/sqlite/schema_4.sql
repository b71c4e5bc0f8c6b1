-- Rows that no query of open events finds, because their state or their due time is not a number. Only other programs
-- write such rows, and this index finds them without reading all rows.
CREATE INDEX jobs_unreadable ON jobs (seq)
    WHERE typeof(state) <> 'integer' OR state NOT BETWEEN 0 AND 5 OR typeof(due_ms) <> 'integer';
-- A clock that does not depend on the machine's wall clock: milliseconds since the machine was started, plus this
-- offset. Every process that has the file open uses it.
CREATE TABLE clock (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    boot      TEXT,             -- which start of the machine the offset belongs to
    offset_ms INTEGER NOT NULL,
    newest_ms INTEGER NOT NULL  -- the latest time that is known to have been reached
);
-- The length of the pause or lease that ends at due_ms: it cannot end later than that after now.
ALTER TABLE jobs ADD COLUMN span_ms INTEGER;
