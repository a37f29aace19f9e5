-- A job that is no longer defined keeps its row as long as its history: where it comes back, it goes on from there.

-- When it went; 0 = it is defined.
ALTER TABLE jobs ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;
CREATE INDEX jobs_gone ON jobs (gone) WHERE gone > 0;
