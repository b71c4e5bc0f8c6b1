-- The oldest event that waits for another attempt is found without reading all of them. Those that are being worked on are
-- few, and new ones are due since they were accepted.
CREATE INDEX jobs_retrying ON jobs (accepted_ms) WHERE state = 1;

-- Where to find what each process has counted; owner 0 keeps what those have counted that are no longer there. A row of
-- counts changes with every commit, and as long as a transaction elsewhere (a backup, say) may still see its old versions,
-- whoever reads it passes by all of them. So a process moves on to a new page now and then, and leaves them behind.
CREATE TABLE counters (
    owner bigint PRIMARY KEY,
    page  bigint NOT NULL -- counts.owner
);
INSERT INTO counters SELECT DISTINCT owner, owner FROM counts;
INSERT INTO counters VALUES (0, 0) ON CONFLICT DO NOTHING;
