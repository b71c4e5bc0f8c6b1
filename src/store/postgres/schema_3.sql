-- What to add to this server's clock. A process that sees it jump moves the offset by as much, so that leases and pauses
-- last as long as they would have.
CREATE TABLE a7probe_clock (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    offset_ms bigint  NOT NULL,
    newest_ms bigint  NOT NULL -- the latest time that was reached when a process ended
);
INSERT INTO a7probe_clock (offset_ms, newest_ms) VALUES (0, 0);

-- How long the pause or the lease is that ends at due_ms: it cannot end later than that after now.
ALTER TABLE jobs ADD COLUMN span_ms bigint;

-- Does the process listen? Then it may be told of new events, and claims them.
ALTER TABLE counters ADD COLUMN claims boolean NOT NULL DEFAULT false;
