-- Account data; room_id is empty for the global kind.
CREATE TABLE IF NOT EXISTS account_data (
  user_id  TEXT NOT NULL,
  room_id  TEXT NOT NULL,
  type     TEXT NOT NULL,
  content  BLOB NOT NULL,
  position INTEGER NOT NULL,
  PRIMARY KEY (user_id, room_id, type)
);
CREATE INDEX IF NOT EXISTS account_data_position ON account_data (user_id, position);

-- Filters are named by their content, so the same filter stored twice is one row.
CREATE TABLE IF NOT EXISTS filters (
  user_id       TEXT NOT NULL,
  filter_id     TEXT NOT NULL,
  json          BLOB NOT NULL,
  created_ts_ms INTEGER NOT NULL,
  PRIMARY KEY (user_id, filter_id)
);

CREATE TABLE IF NOT EXISTS profiles (
  user_id      TEXT PRIMARY KEY,
  display_name TEXT,
  avatar_url   TEXT,
  fields       BLOB NOT NULL,      -- JSON object of all other fields
  position     INTEGER NOT NULL    -- of the last change
);
-- The words by which a user is found in the user directory, normalised.
CREATE TABLE IF NOT EXISTS user_directory_words (
  word    TEXT NOT NULL,
  user_id TEXT NOT NULL,
  PRIMARY KEY (word, user_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS user_directory_words_user ON user_directory_words (user_id);

CREATE TABLE IF NOT EXISTS openid_tokens (
  token_hash    BLOB PRIMARY KEY,
  user_id       TEXT NOT NULL,
  expires_ts_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS openid_tokens_expiry ON openid_tokens (expires_ts_ms);

CREATE TABLE IF NOT EXISTS reports (
  report_id      INTEGER PRIMARY KEY,
  reporter       TEXT NOT NULL,
  user_id        TEXT,             -- who is reported: a user,
  room_id        TEXT,             -- or a room,
  event_id       TEXT,             -- or an event in it
  reason         TEXT NOT NULL,
  created_ts_ms  INTEGER NOT NULL,
  resolved_ts_ms INTEGER
);
CREATE INDEX IF NOT EXISTS reports_open ON reports (report_id) WHERE resolved_ts_ms IS NULL;
CREATE INDEX IF NOT EXISTS reports_reporter ON reports (reporter, created_ts_ms);

-- What remains to be done for an account after a change of it: survives a restart, and is safe to do twice.
CREATE TABLE IF NOT EXISTS account_tasks (
  user_id TEXT NOT NULL,
  task    TEXT NOT NULL,           -- propagate_profile, leave_rooms
  version INTEGER NOT NULL,        -- position of the change; a later one asks for another run
  PRIMARY KEY (user_id, task)
);
