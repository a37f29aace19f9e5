-- A job that is no longer defined keeps its row as long as its history: where it comes back, it goes on from there.
ALTER TABLE jobs ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;
