-- The offset of this server's clock. A process that sees the clock jump moves the offset by the same amount, so that
-- leases and pauses keep their length.
CREATE TABLE a7probe_clock (
    one       boolean PRIMARY KEY DEFAULT true CHECK (one),
    offset_ms bigint  NOT NULL,
    newest_ms bigint  NOT NULL -- the latest time that was reached when a process ended
);
INSERT INTO a7probe_clock (offset_ms, newest_ms) VALUES (0, 0);

-- The length of the pause or lease that ends at due_ms: it cannot end later than that after now.
ALTER TABLE jobs ADD COLUMN span_ms bigint;

-- Whether the process listens. Then it may be notified of new events, and claims them.
ALTER TABLE counters ADD COLUMN claims boolean NOT NULL DEFAULT false;
