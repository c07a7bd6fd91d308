-- The media repository: uploads of local users, copies of other servers' media, and pictures of URL previews. The bytes lie in the media store.
CREATE TABLE IF NOT EXISTS media (
  media_nid      INTEGER PRIMARY KEY,
  server_name    TEXT NOT NULL,
  media_id       TEXT NOT NULL,
  uploader       TEXT,              -- user ID; NULL for what this server fetched itself
  created_ts_ms  INTEGER NOT NULL,
  expires_ts_ms  INTEGER,           -- of an mxc URI that is still unused, and of pictures of URL previews
  used_ts_ms     INTEGER,           -- last download of another server's media, to the day
  storage_key    TEXT,              -- NULL until the content has been uploaded
  size           INTEGER NOT NULL,  -- bytes
  content_type   TEXT NOT NULL,
  file_name      TEXT,
  UNIQUE (server_name, media_id)
);
CREATE INDEX IF NOT EXISTS media_pending ON media (uploader, expires_ts_ms) WHERE storage_key IS NULL;
CREATE INDEX IF NOT EXISTS media_uploader ON media (uploader, media_nid) WHERE uploader IS NOT NULL;
CREATE INDEX IF NOT EXISTS media_expiry ON media (expires_ts_ms) WHERE expires_ts_ms IS NOT NULL;
CREATE INDEX IF NOT EXISTS media_unused ON media (used_ts_ms) WHERE used_ts_ms IS NOT NULL;
CREATE INDEX IF NOT EXISTS media_remote_size ON media (used_ts_ms, size, media_nid) WHERE used_ts_ms IS NOT NULL;

-- Thumbnails made so far. An empty storage key says that the original is no larger and is served instead.
CREATE TABLE IF NOT EXISTS media_thumbnails (
  media_nid    INTEGER NOT NULL,
  width        INTEGER NOT NULL,
  height       INTEGER NOT NULL,
  crops        INTEGER NOT NULL,
  animated     INTEGER NOT NULL,
  storage_key  TEXT NOT NULL,
  size         INTEGER NOT NULL,
  content_type TEXT NOT NULL,
  PRIMARY KEY (media_nid, width, height, crops, animated)
) WITHOUT ROWID;

-- Bytes a user has stored, for the quota.
CREATE TABLE IF NOT EXISTS media_usage (
  user_id TEXT PRIMARY KEY,
  bytes   INTEGER NOT NULL
) WITHOUT ROWID;

-- Objects of the media store that no row above points at: being written now (until their row is), or to be deleted after `due_ts_ms`.
CREATE TABLE IF NOT EXISTS media_garbage (
  storage_key TEXT PRIMARY KEY,
  due_ts_ms   INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS media_garbage_due ON media_garbage (due_ts_ms);

CREATE TABLE IF NOT EXISTS url_previews (
  url           TEXT PRIMARY KEY,
  expires_ts_ms INTEGER NOT NULL,
  json          BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS url_previews_expiry ON url_previews (expires_ts_ms);
