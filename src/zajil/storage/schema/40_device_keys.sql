-- What devices publish about themselves for end-to-end encryption. Nothing here is secret.
CREATE TABLE IF NOT EXISTS device_keys (
  user_id   TEXT NOT NULL,
  device_id TEXT NOT NULL,
  json      BLOB NOT NULL,            -- canonical JSON as uploaded, without `unsigned`
  PRIMARY KEY (user_id, device_id)
) WITHOUT ROWID;

-- Unclaimed one-time keys, handed out in the order of their upload.
CREATE TABLE IF NOT EXISTS one_time_keys (
  user_id      TEXT NOT NULL,
  device_id    TEXT NOT NULL,
  algorithm    TEXT NOT NULL,
  upload_order INTEGER NOT NULL,
  key_id       TEXT NOT NULL,
  json         BLOB NOT NULL,
  PRIMARY KEY (user_id, device_id, algorithm, upload_order)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS one_time_keys_id ON one_time_keys (user_id, device_id, algorithm, key_id);

-- The last keys that were handed out: a device that repeats an upload whose answer it lost must not bring them back.
CREATE TABLE IF NOT EXISTS claimed_one_time_keys (
  user_id     TEXT NOT NULL,
  device_id   TEXT NOT NULL,
  algorithm   TEXT NOT NULL,
  key_id      TEXT NOT NULL,
  digest      BLOB NOT NULL,          -- of the key without its signatures
  claim_order INTEGER NOT NULL,
  PRIMARY KEY (user_id, device_id, algorithm, key_id)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS fallback_keys (
  user_id   TEXT NOT NULL,
  device_id TEXT NOT NULL,
  algorithm TEXT NOT NULL,
  key_id    TEXT NOT NULL,
  json      BLOB NOT NULL,
  is_used   INTEGER NOT NULL,
  PRIMARY KEY (user_id, device_id, algorithm)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS key_count_changes (
  user_id   TEXT NOT NULL,
  device_id TEXT NOT NULL,
  position  INTEGER NOT NULL,         -- in the log, of the last change of the device's one-time or fallback keys
  PRIMARY KEY (user_id, device_id)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS cross_signing_keys (
  user_id    TEXT NOT NULL,
  usage      TEXT NOT NULL,           -- master, self_signing, user_signing
  public_key TEXT NOT NULL,
  json       BLOB NOT NULL,
  PRIMARY KEY (user_id, usage)
) WITHOUT ROWID;

-- Signatures that were added to somebody's device key or cross-signing key after its upload.
CREATE TABLE IF NOT EXISTS key_signatures (
  target_user_id TEXT NOT NULL,
  target_key_id  TEXT NOT NULL,       -- device ID or public key
  signer_user_id TEXT NOT NULL,
  signer_key_id  TEXT NOT NULL,       -- algorithm:ID
  signature      TEXT NOT NULL,
  PRIMARY KEY (target_user_id, target_key_id, signer_user_id, signer_key_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS key_signatures_signer ON key_signatures (signer_user_id, signer_key_id);

-- The last change of each user's devices or cross-signing keys.
CREATE TABLE IF NOT EXISTS device_list_changes (
  user_id  TEXT PRIMARY KEY,
  position INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS device_list_changes_position ON device_list_changes (position);

-- The last time that somebody signed another user's master key, which only the signer gets to see.
CREATE TABLE IF NOT EXISTS signature_changes (
  signer_user_id TEXT NOT NULL,
  target_user_id TEXT NOT NULL,
  position       INTEGER NOT NULL,
  PRIMARY KEY (signer_user_id, target_user_id)
) WITHOUT ROWID;

-- Who came or went lately in a room: whose devices its members have to know about.
CREATE INDEX IF NOT EXISTS memberships_position ON memberships (room_nid, position);
