CREATE TABLE IF NOT EXISTS key_backups (
  user_id   TEXT NOT NULL,
  version   INTEGER NOT NULL,
  algorithm TEXT NOT NULL,
  auth_data BLOB NOT NULL,
  etag      INTEGER NOT NULL,         -- changes with every change of its keys
  key_count INTEGER NOT NULL,
  bytes     INTEGER NOT NULL,         -- of the session data of all its keys
  PRIMARY KEY (user_id, version)
) WITHOUT ROWID;

-- The last version a user's backups have had, so that no number comes twice and a deleted backup is known to have existed.
CREATE TABLE IF NOT EXISTS key_backup_versions (
  user_id      TEXT PRIMARY KEY,
  last_version INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS key_backup_sessions (
  user_id             TEXT NOT NULL,
  version             INTEGER NOT NULL,
  room_id             TEXT NOT NULL,
  session_id          TEXT NOT NULL,
  first_message_index INTEGER NOT NULL,
  forwarded_count     INTEGER NOT NULL,
  is_verified         INTEGER NOT NULL,
  session_data        BLOB NOT NULL,  -- JSON, encrypted for the owner
  PRIMARY KEY (user_id, version, room_id, session_id)
) WITHOUT ROWID;
