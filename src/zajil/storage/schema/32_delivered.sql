-- How far each user's devices have received a small room's messages. Written lazily: what is lost is found again when a device syncs.
CREATE TABLE IF NOT EXISTS delivered (
  room_nid INTEGER NOT NULL,
  user_id  TEXT NOT NULL,
  event_id TEXT NOT NULL,     -- the newest message of somebody else that has arrived
  position INTEGER NOT NULL,  -- its own
  ts_ms    INTEGER NOT NULL,
  noted_at INTEGER NOT NULL,  -- where the log stood when this was noted
  PRIMARY KEY (room_nid, user_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS delivered_noted ON delivered (room_nid, noted_at);
