-- Links that let whoever has them into a room (docs/decisions/invite-links.md). The token itself is kept nowhere.
CREATE TABLE IF NOT EXISTS invite_links (
  link_id       TEXT PRIMARY KEY,
  room_id       TEXT NOT NULL,
  maker         TEXT NOT NULL,     -- in whose name people are invited
  token_hash    BLOB NOT NULL,     -- SHA-256
  created_ts_ms INTEGER NOT NULL,
  expires_ts_ms INTEGER,           -- NULL: never
  uses_max      INTEGER,           -- NULL: no limit
  uses          INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS invite_links_by_room ON invite_links (room_id, created_ts_ms);
