-- The first schema, for PostgreSQL 14 and newer, no extension. Every name is found through search_path: the schema is the
-- user's to name. Instants are microseconds since 1970 (UTC), except those of leases, which are the database's own clock.
-- Bodies are JSON as the program writes them, kept as text: PostgreSQL's own JSON types change it. Texts are in the order
-- of their bytes, which is the program's.

-- Values are JSON strings: a text of PostgreSQL cannot hold a NUL.
CREATE TABLE meta (
    key   text COLLATE "C" PRIMARY KEY,
    value text NOT NULL
);

-- The fence. Written by a take-over alone; every commit of a leader holds FOR SHARE on its row until it is over, so a
-- take-over waits for a commit that is under way, and a commit of a deposed leader finds no row. Renewals never touch it.
CREATE TABLE epoch (
    one           bool PRIMARY KEY DEFAULT true CHECK (one),
    epoch         bigint NOT NULL,
    -- A failover that loses data gives the same number again; never the same token.
    token         uuid NOT NULL,
    -- Who may still hold a commit open: it is ended where it keeps a take-over waiting.
    backend_pid   int,
    backend_start timestamptz
);
INSERT INTO epoch (epoch, token) VALUES (0, gen_random_uuid());

-- The lease, renewed every second: a row of its own, so no renewal waits for a commit, and room beside it (HOT).
CREATE TABLE leader (
    one     bool PRIMARY KEY DEFAULT true CHECK (one),
    epoch   bigint NOT NULL,
    expires timestamptz NOT NULL,
    host    text NOT NULL,
    pid     bigint NOT NULL,
    version text NOT NULL
) WITH (fillfactor = 10);
INSERT INTO leader (epoch, expires, host, pid, version) VALUES (0, '-infinity', '', 0, '');

CREATE TABLE jobs (
    id         text COLLATE "C" PRIMARY KEY,
    source     text NOT NULL,
    version    bigint NOT NULL,
    state      text NOT NULL,
    -- When it was removed; 0 = it is defined.
    removed_at bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 70);
CREATE INDEX jobs_removed ON jobs (removed_at) WHERE removed_at > 0;

-- Every definition there ever was. A row is never changed, and stays when its job is removed.
CREATE TABLE job_versions (
    job_id  text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    at      bigint NOT NULL,
    by      text NOT NULL,
    body    text NOT NULL,
    PRIMARY KEY (job_id, version)
);

-- Executions that are not final. Nothing but the primary key is an index, so each change of state is a HOT update; a
-- final one is moved to `executions` once. What turns over fast is vacuumed early.
CREATE TABLE live (
    id            uuid PRIMARY KEY,
    job_id        text COLLATE "C" NOT NULL,
    job_version   bigint NOT NULL,
    state         text COLLATE "C" NOT NULL,
    trigger       text COLLATE "C" NOT NULL,
    fire_time     bigint NOT NULL,
    created_at    bigint NOT NULL,
    started_at    bigint,
    finished_at   bigint,
    worker_id     text COLLATE "C",
    -- The last 8 digits of the id, read backwards: an end of any length is a range of numbers.
    tail          bigint NOT NULL,
    -- The reason as filters see it: in lower case, and not all of a very long one.
    reason_folded text COLLATE "C" NOT NULL,
    body          text NOT NULL
) WITH (
    fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000
);

-- The history.
CREATE TABLE executions (LIKE live INCLUDING DEFAULTS, PRIMARY KEY (id));
CREATE INDEX executions_by_job ON executions (job_id, id);
CREATE INDEX executions_by_state ON executions (state, id);
CREATE INDEX executions_by_creation ON executions (created_at, state);
CREATE INDEX executions_by_tail ON executions (tail);
-- The newest failure of a job is never deleted.
CREATE INDEX executions_failed ON executions (job_id, id) WHERE state IN ('failed', 'timed_out');

-- The promise that a fire time is claimed at most once, over live and final ones.
CREATE TABLE fired (
    job_id    text COLLATE "C" NOT NULL,
    fire_time bigint NOT NULL,
    execution uuid NOT NULL,
    PRIMARY KEY (job_id, fire_time)
);

CREATE TABLE events (
    seq  bigint PRIMARY KEY,
    body text NOT NULL
);

-- Ranges of fire times that did not become executions.
CREATE TABLE ledger (
    job_id text COLLATE "C" NOT NULL,
    first  bigint NOT NULL,
    last   bigint NOT NULL,
    body   text NOT NULL,
    PRIMARY KEY (job_id, first)
);
CREATE INDEX ledger_by_end ON ledger (last);

-- Executions whose on_failure has not ended.
CREATE TABLE notices (execution_id uuid PRIMARY KEY);

-- How many executions each job has, live ones too: which jobs have too many is seen without counting them.
CREATE TABLE execution_counts (
    job_id text COLLATE "C" PRIMARY KEY,
    count  bigint NOT NULL
) WITH (fillfactor = 50);

-- What operators set for workers; only workers with such a setting have a row.
CREATE TABLE worker_overrides (
    id   text COLLATE "C" PRIMARY KEY,
    body text NOT NULL
);
