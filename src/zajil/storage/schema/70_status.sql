-- Incidents, each with its timeline in a JSON body; open ones are few.
CREATE TABLE IF NOT EXISTS incidents (
  incident_id   TEXT PRIMARY KEY,
  node          TEXT NOT NULL,      -- the machine that noticed it
  opened_ts_ms  INTEGER NOT NULL,
  closed_ts_ms  INTEGER,
  changed_ts_ms INTEGER NOT NULL,
  body          BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS incidents_changed ON incidents (changed_ts_ms);
CREATE INDEX IF NOT EXISTS incidents_open ON incidents (opened_ts_ms) WHERE closed_ts_ms IS NULL;

-- Which change of an incident was told through which channel: whoever gets the row in tells it, nobody does so twice.
CREATE TABLE IF NOT EXISTS incident_announcements (
  incident_id  TEXT NOT NULL,
  change       TEXT NOT NULL,
  channel      TEXT NOT NULL,
  claimed_ts_ms INTEGER NOT NULL,
  reached      TEXT NOT NULL DEFAULT '',  -- server notices go from user to user in order: the last who was told
  is_done      INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (incident_id, change, channel)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS incident_announcements_undone ON incident_announcements (channel, claimed_ts_ms) WHERE is_done = 0;

-- Cells of a minute (for a day) and of an hour (for ninety days), per node.
CREATE TABLE IF NOT EXISTS status_cells (
  length_ms   INTEGER NOT NULL,
  start_ts_ms INTEGER NOT NULL,
  node        TEXT NOT NULL,
  body        BLOB NOT NULL,
  PRIMARY KEY (length_ms, start_ts_ms, node)
) WITHOUT ROWID;

-- Who watches, and when last.
CREATE TABLE IF NOT EXISTS status_nodes (
  node       TEXT PRIMARY KEY,
  seen_ts_ms INTEGER NOT NULL
) WITHOUT ROWID;
