-- The log's epoch, the next local number, and on SQLite the log's last position and the number of commits.
CREATE TABLE IF NOT EXISTS log_head (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  epoch    INTEGER NOT NULL,
  position INTEGER NOT NULL,
  next_id  INTEGER NOT NULL,
  commits  INTEGER NOT NULL DEFAULT 0
);
INSERT INTO log_head (only_row, epoch, position, next_id) VALUES (1, 1, 0, 1) ON CONFLICT (only_row) DO NOTHING;

-- On PostgreSQL: what each commit appended to the log. A counter row would slow down under one long snapshot, such as a dump; these rows only grow at
-- their end, where the newest is found at once. `touches` tells other processes what to look at again, as JSON; `previous` shows them gaps.
-- only: postgres
CREATE TABLE IF NOT EXISTS log_commits (
  position BIGINT PRIMARY KEY,
  previous BIGINT NOT NULL,
  touches  BYTEA NOT NULL
);
-- The lock under which positions are taken, and in the same round trip what was committed after `seen`. A volatile function looks anew after the lock.
-- only: postgres
CREATE OR REPLACE FUNCTION zajil_lock_log(seen BIGINT) RETURNS SETOF log_commits LANGUAGE plpgsql VOLATILE AS
  $$ BEGIN PERFORM pg_advisory_xact_lock(8053188610); RETURN QUERY SELECT * FROM log_commits c WHERE c.position > seen ORDER BY c.position; END $$;

-- On SQLite: what commits touched while two processes served side by side, as JSON, by the number of the commit. Otherwise nothing is written here.
-- only: sqlite
CREATE TABLE IF NOT EXISTS log_touches (
  commits INTEGER PRIMARY KEY,
  touches BLOB NOT NULL
);
