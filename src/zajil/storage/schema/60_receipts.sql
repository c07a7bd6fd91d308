-- Read receipts: one per room, user, type and thread; a newer one takes the place of the older (invariant 7).
CREATE TABLE IF NOT EXISTS receipts (
  room_nid      INTEGER NOT NULL,
  user_id       TEXT NOT NULL,
  receipt_type  TEXT NOT NULL,   -- m.read, m.read.private
  thread_id     TEXT NOT NULL,   -- '' unthreaded, 'main', or the thread root's event ID
  event_id      TEXT NOT NULL,
  history       INTEGER NOT NULL, -- the event's place in the room's history
  history_minor INTEGER NOT NULL,
  ts_ms         INTEGER NOT NULL,
  position      INTEGER NOT NULL, -- of the receipt, in the log
  PRIMARY KEY (room_nid, user_id, receipt_type, thread_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS receipts_position ON receipts (room_nid, position);
CREATE INDEX IF NOT EXISTS receipts_history ON receipts (room_nid, history);
CREATE INDEX IF NOT EXISTS receipts_user ON receipts (user_id, position);

-- How far a user's unread events in a room were counted, and what the count was. Lost rows cost only time: the events are counted again.
CREATE TABLE IF NOT EXISTS unread_checkpoints (
  user_id    TEXT NOT NULL,
  room_nid   INTEGER NOT NULL,
  counted_to INTEGER NOT NULL,   -- position in the log
  body       BLOB NOT NULL,      -- JSON: what was read then, and the counts by thread
  PRIMARY KEY (user_id, room_nid)
) WITHOUT ROWID;

-- What a user changed in the predefined push rules; no row for those who changed nothing.
CREATE TABLE IF NOT EXISTS push_rules (
  user_id TEXT PRIMARY KEY,
  stored  BLOB NOT NULL
) WITHOUT ROWID;
