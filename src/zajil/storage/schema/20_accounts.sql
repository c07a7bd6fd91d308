-- Accounts of this server. A deactivated account keeps its row, so that its ID is never given to somebody else.
CREATE TABLE IF NOT EXISTS accounts (
  user_id        TEXT PRIMARY KEY,
  password_hash  TEXT,                         -- argon2id; NULL: no log-in with a password
  created_ts_ms  INTEGER NOT NULL,
  is_guest       INTEGER NOT NULL DEFAULT 0,
  is_admin       INTEGER NOT NULL DEFAULT 0,
  is_locked      INTEGER NOT NULL DEFAULT 0,
  is_suspended   INTEGER NOT NULL DEFAULT 0,
  is_deactivated INTEGER NOT NULL DEFAULT 0,
  erased_position INTEGER                      -- where in the log the owner asked for erasure
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS accounts_admin ON accounts (user_id) WHERE is_admin = 1;

CREATE TABLE IF NOT EXISTS devices (
  user_id         TEXT NOT NULL,
  device_id       TEXT NOT NULL,
  display_name    TEXT,
  created_ts_ms   INTEGER NOT NULL,
  last_seen_ts_ms INTEGER,                     -- coarse, written off the path of requests
  last_seen_ip    TEXT,                        -- the network, not the address
  PRIMARY KEY (user_id, device_id)
) WITHOUT ROWID;

-- Tokens are kept as SHA-256 only: whoever reads the database cannot use them.
CREATE TABLE IF NOT EXISTS access_tokens (
  token_hash     BLOB PRIMARY KEY,
  token_id       INTEGER NOT NULL,
  user_id        TEXT NOT NULL,
  device_id      TEXT NOT NULL,
  created_ts_ms  INTEGER NOT NULL,
  expires_ts_ms  INTEGER,                      -- NULL: until log-out
  refreshed_from BLOB                          -- hash of the refresh token that dies when this one is first used
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS access_tokens_device ON access_tokens (user_id, device_id);

CREATE TABLE IF NOT EXISTS refresh_tokens (
  token_hash     BLOB PRIMARY KEY,
  user_id        TEXT NOT NULL,
  device_id      TEXT NOT NULL,
  created_ts_ms  INTEGER NOT NULL,
  refreshed_from BLOB                          -- hash of its predecessor, as above
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refresh_tokens_device ON refresh_tokens (user_id, device_id);

-- One-time tokens for m.login.token.
CREATE TABLE IF NOT EXISTS login_tokens (
  token_hash    BLOB PRIMARY KEY,
  user_id       TEXT NOT NULL,
  expires_ts_ms INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS login_tokens_expiry ON login_tokens (expires_ts_ms);

CREATE TABLE IF NOT EXISTS registration_tokens (
  token         TEXT PRIMARY KEY,
  uses_max      INTEGER,                       -- NULL: any number
  uses          INTEGER NOT NULL DEFAULT 0,
  expires_ts_ms INTEGER,
  grants_admin  INTEGER NOT NULL DEFAULT 0,
  created_ts_ms INTEGER NOT NULL
) WITHOUT ROWID;

-- Tokens with which an administrator lets somebody choose a new password.
CREATE TABLE IF NOT EXISTS password_reset_tokens (
  token_hash    BLOB PRIMARY KEY,
  user_id       TEXT NOT NULL,
  expires_ts_ms INTEGER NOT NULL
) WITHOUT ROWID;

-- Completed stages of user-interactive authentication that needs more of them.
CREATE TABLE IF NOT EXISTS interactive_auth_stages (
  session_id    TEXT NOT NULL,
  stage         TEXT NOT NULL,
  result        TEXT NOT NULL,
  expires_ts_ms INTEGER NOT NULL,
  PRIMARY KEY (session_id, stage)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS interactive_auth_stages_expiry ON interactive_auth_stages (expires_ts_ms);

-- Random keys that every process of the server shares.
CREATE TABLE IF NOT EXISTS server_secrets (
  name   TEXT PRIMARY KEY,
  secret BLOB NOT NULL
) WITHOUT ROWID;
