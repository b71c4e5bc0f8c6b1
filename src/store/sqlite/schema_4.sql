-- Rows that no query of open events finds, because their state or their due time is no number. There are none unless the
-- file was written by something else, and then they are found without reading all of them.
CREATE INDEX jobs_unreadable ON jobs (seq)
    WHERE typeof(state) <> 'integer' OR state NOT BETWEEN 0 AND 5 OR typeof(due_ms) <> 'integer';
-- Time that does not depend on what the machine's clock is set to: milliseconds since the machine was started, plus this
-- offset. Every process that has the file open goes by it.
CREATE TABLE clock (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    boot      TEXT,             -- which start of the machine the offset belongs to
    offset_ms INTEGER NOT NULL,
    newest_ms INTEGER NOT NULL  -- the latest time that is known to have been reached
);
-- How long the pause or the lease is that ends at due_ms: it cannot end later than that after now.
ALTER TABLE jobs ADD COLUMN span_ms INTEGER;
