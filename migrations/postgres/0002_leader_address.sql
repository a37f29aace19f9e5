-- How a standby reaches the leader: the address that the leader gives for itself, and a secret of its process with which
-- another scheduler of this store proves that it is one. Whoever can read this row can read and write everything anyway.
ALTER TABLE leader ADD COLUMN address text NOT NULL DEFAULT '', ADD COLUMN peer_secret text NOT NULL DEFAULT '';
