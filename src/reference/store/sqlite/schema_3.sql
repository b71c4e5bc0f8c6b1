-- The oldest event that waits for another attempt is found without reading all of them. Those that are being worked on are
-- few, and new ones are due since they were accepted.
CREATE INDEX jobs_retrying ON jobs (accepted_ms) WHERE state = 1;
