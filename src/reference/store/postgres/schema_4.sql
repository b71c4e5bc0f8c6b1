-- Rows that no query of open events finds, because their state is not one of this version. Only other programs write such
-- rows, and this index finds them without reading all rows.
CREATE INDEX jobs_unreadable ON jobs (seq) WHERE state NOT BETWEEN 0 AND 5;
