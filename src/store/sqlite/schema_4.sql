-- Rows that no query of open events finds, because their state or their due time is no number. There are none unless the
-- file was written by something else, and then they are found without reading all of them.
CREATE INDEX jobs_unreadable ON jobs (seq)
    WHERE typeof(state) <> 'integer' OR state NOT BETWEEN 0 AND 5 OR typeof(due_ms) <> 'integer';
