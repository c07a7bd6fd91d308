-- Which changes of the schema this database has been through (storage/schema/steps), and which versions of the program may still use it.
CREATE TABLE IF NOT EXISTS schema_state (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  version  INTEGER NOT NULL,  -- the highest step done
  minimum  INTEGER NOT NULL   -- programs that know fewer steps can no longer use this database
);
INSERT INTO schema_state (only_row, version, minimum) VALUES (1, 1, 1) ON CONFLICT (only_row) DO NOTHING;
CREATE TABLE IF NOT EXISTS schema_steps (
  number     INTEGER PRIMARY KEY,
  done_ts_ms INTEGER NOT NULL
);
-- Who serves on this database, with how many steps its program knows: nothing may go that a former version still reads.
CREATE TABLE IF NOT EXISTS schema_nodes (
  node       TEXT PRIMARY KEY,
  version    INTEGER NOT NULL,
  seen_ts_ms INTEGER NOT NULL
);
