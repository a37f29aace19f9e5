-- The first schema. Instants are microseconds since 1970 (UTC); ids of executions are 32 hex digits.
-- Bodies are JSON as the program writes them; the columns beside them are what is searched by.

-- 'crtw': tells a file of ours from another program's.
PRAGMA application_id = 1668445303;

CREATE TABLE meta (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The jobs that are defined now.
CREATE TABLE jobs (
    id      TEXT    NOT NULL PRIMARY KEY,
    source  TEXT    NOT NULL,
    version INTEGER NOT NULL,
    state   TEXT    NOT NULL
) STRICT;

-- Every definition there ever was. A row is never changed, and stays when its job goes.
CREATE TABLE job_versions (
    job_id  TEXT    NOT NULL,
    version INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    by      TEXT    NOT NULL,
    body    TEXT    NOT NULL,
    PRIMARY KEY (job_id, version)
) STRICT;

-- What executions are searched by: narrow rows in the order of their ids, which is that of their
-- creation, so that a filter that no index knows reads little.
CREATE TABLE executions (
    id          TEXT    NOT NULL PRIMARY KEY,
    job_id      TEXT    NOT NULL,
    job_version INTEGER NOT NULL,
    state       TEXT    NOT NULL,
    trigger     TEXT    NOT NULL,
    fire_time   INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    started_at  INTEGER,
    finished_at INTEGER,
    worker_id   TEXT,
    -- The last 8 digits of the id, read backwards: an end of any length is a range of numbers.
    tail        INTEGER NOT NULL,
    -- The reason as filters see it: in lower case, and not all of a very long one.
    said        TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

-- The promise that a fire time is claimed at most once, kept by the database itself.
CREATE UNIQUE INDEX executions_fire_once ON executions (job_id, fire_time)
    WHERE trigger IN ('schedule', 'catch_up');
CREATE INDEX executions_by_job ON executions (job_id, id);
-- Serves the live ones too: they are those in four of the nine states.
CREATE INDEX executions_by_state ON executions (state, id);
CREATE INDEX executions_by_creation ON executions (created_at, state);
CREATE INDEX executions_by_tail ON executions (tail);

-- The executions themselves.
CREATE TABLE execution_bodies (
    id   TEXT NOT NULL PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE events (
    seq  INTEGER PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

-- Ranges of fire times that did not become executions.
CREATE TABLE ledger (
    job_id TEXT    NOT NULL,
    first  INTEGER NOT NULL,
    last   INTEGER NOT NULL,
    body   TEXT    NOT NULL,
    PRIMARY KEY (job_id, first)
) STRICT, WITHOUT ROWID;
