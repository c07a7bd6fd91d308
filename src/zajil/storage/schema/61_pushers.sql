-- Where users want to be told of notifications while no client of theirs is looking.
CREATE TABLE IF NOT EXISTS pushers (
  pusher_nid       INTEGER PRIMARY KEY,
  user_id          TEXT NOT NULL,
  app_id           TEXT NOT NULL,
  pushkey          TEXT NOT NULL,
  device_id        TEXT NOT NULL,          -- whose log-out ends it
  json             BLOB NOT NULL,          -- as the client set it
  set_ts_ms        INTEGER NOT NULL,
  position         INTEGER NOT NULL,       -- of the log when it was first set: earlier events are not pushed
  failures         INTEGER NOT NULL DEFAULT 0,
  failing_since_ts_ms INTEGER,
  due_ts_ms        INTEGER                 -- when to send what waits; NULL: nothing waits
);
CREATE UNIQUE INDEX IF NOT EXISTS pushers_user ON pushers (user_id, app_id, pushkey);
CREATE INDEX IF NOT EXISTS pushers_key ON pushers (app_id, pushkey);
CREATE INDEX IF NOT EXISTS pushers_device ON pushers (user_id, device_id);
CREATE INDEX IF NOT EXISTS pushers_due ON pushers (due_ts_ms) WHERE due_ts_ms IS NOT NULL;

-- What waits to be pushed, in this order; event_nid 0 is a new number of unread messages alone.
CREATE TABLE IF NOT EXISTS push_queue (
  pusher_nid INTEGER NOT NULL,
  event_nid  INTEGER NOT NULL,
  PRIMARY KEY (pusher_nid, event_nid)
) WITHOUT ROWID;

-- How far the log has been put into the queue.
CREATE TABLE IF NOT EXISTS push_progress (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  reached  INTEGER NOT NULL
);
INSERT INTO push_progress (only_row, reached) VALUES (1, 0) ON CONFLICT (only_row) DO NOTHING;
