-- What operators ordered for workers, which failures are still to be told, and what retention finds its
-- rows by: never by a scan of the history.

-- Only workers with an order have a row.
CREATE TABLE workers (
    id   TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Executions whose on_failure has not ended.
CREATE TABLE notices (
    execution_id TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

-- How many executions each job has: which jobs have too many is seen without counting them.
CREATE TABLE execution_counts (
    job_id TEXT    NOT NULL PRIMARY KEY,
    count  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO execution_counts SELECT job_id, count(*) FROM executions GROUP BY job_id;
CREATE TRIGGER executions_counted AFTER INSERT ON executions BEGIN
    INSERT INTO execution_counts (job_id, count) VALUES (NEW.job_id, 1)
        ON CONFLICT (job_id) DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER executions_uncounted AFTER DELETE ON executions BEGIN
    UPDATE execution_counts SET count = count - 1 WHERE job_id = OLD.job_id;
END;

-- The newest failure of a job is never deleted.
CREATE INDEX executions_failed ON executions (job_id, id) WHERE state IN ('failed', 'timed_out');
CREATE INDEX ledger_by_end ON ledger (last);
