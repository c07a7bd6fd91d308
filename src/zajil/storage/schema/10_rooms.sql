-- A room's head: everything an append compares and swaps (DESIGN §3), in one row.
CREATE TABLE IF NOT EXISTS rooms (
  room_nid      INTEGER PRIMARY KEY,
  room_id       TEXT NOT NULL UNIQUE,
  room_version  TEXT NOT NULL,
  creator       TEXT NOT NULL,
  created_ts_ms INTEGER NOT NULL,
  head_version  INTEGER NOT NULL,   -- changes with every append
  extremities   BLOB NOT NULL,      -- JSON list of the forward extremities' event IDs
  depth         INTEGER NOT NULL,
  snapshot_id   INTEGER NOT NULL,   -- the state after the extremities; see state_snapshots
  joined_count  INTEGER NOT NULL,
  invited_count INTEGER NOT NULL,
  is_public     INTEGER NOT NULL DEFAULT 0,
  partial_state INTEGER NOT NULL DEFAULT 0,
  blocked_reason TEXT
);
CREATE INDEX IF NOT EXISTS rooms_public ON rooms (joined_count, room_id) WHERE is_public = 1;

-- Every event this server knows. `history` orders a room's messages, apart from DAG depth and from the log: live events stand at their own position,
-- events fetched later stand before the one they lead to, with a negative history_minor. Outliers have no place in it.
CREATE TABLE IF NOT EXISTS events (
  event_nid     INTEGER PRIMARY KEY,  -- order of local arrival
  event_id      TEXT NOT NULL UNIQUE,
  room_nid      INTEGER NOT NULL,
  position      INTEGER,              -- in the log; NULL when never announced (outlier, rejected, soft-failed, backfilled)
  history       INTEGER,
  history_minor INTEGER NOT NULL DEFAULT 0,
  depth         INTEGER NOT NULL,
  origin_server_ts INTEGER NOT NULL,
  type          TEXT NOT NULL,
  state_key     TEXT,
  sender        TEXT NOT NULL,
  flags         INTEGER NOT NULL DEFAULT 0,  -- 1 outlier, 2 rejected, 4 soft-failed, 8 has relations
  rejection     TEXT,
  redacted_by   TEXT,                 -- event ID of the redaction in force
  replaces_nid  INTEGER,              -- the state event that stood under this key before
  device_id     TEXT,                 -- the local device that sent it, and under which transaction ID
  txn_id        TEXT,
  json          BLOB NOT NULL         -- the PDU in canonical JSON, signed
);
CREATE INDEX IF NOT EXISTS events_history ON events (room_nid, history, history_minor) WHERE history IS NOT NULL;
CREATE INDEX IF NOT EXISTS events_time ON events (room_nid, origin_server_ts) WHERE history IS NOT NULL;
CREATE INDEX IF NOT EXISTS events_state ON events (room_nid, type, state_key, history) WHERE state_key IS NOT NULL;

-- Which state holds before and after an event. Mutable: joining with partial state rewrites it.
CREATE TABLE IF NOT EXISTS event_states (
  event_nid       INTEGER PRIMARY KEY,
  snapshot_before INTEGER NOT NULL,
  snapshot_after  INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS state_snapshots (
  snapshot_id  INTEGER PRIMARY KEY,
  members_root BLOB NOT NULL,
  rest_root    BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS state_nodes (
  hash BLOB PRIMARY KEY,
  body BLOB NOT NULL
) WITHOUT ROWID;

-- Auth events of state events, for auth chains.
CREATE TABLE IF NOT EXISTS event_auth (
  event_nid      INTEGER NOT NULL,
  auth_event_nid INTEGER NOT NULL,
  PRIMARY KEY (event_nid, auth_event_nid)
) WITHOUT ROWID;

-- Events that others name as their predecessors and that this server does not have.
CREATE TABLE IF NOT EXISTS backward_extremities (
  room_nid INTEGER NOT NULL,
  event_id TEXT NOT NULL,
  successor_nid INTEGER NOT NULL,
  PRIMARY KEY (room_nid, event_id, successor_nid)
) WITHOUT ROWID;

-- The room's current state but for members.
CREATE TABLE IF NOT EXISTS current_state (
  room_nid  INTEGER NOT NULL,
  type      TEXT NOT NULL,
  state_key TEXT NOT NULL,
  event_nid INTEGER NOT NULL,
  position  INTEGER NOT NULL,
  PRIMARY KEY (room_nid, type, state_key)
) WITHOUT ROWID;

-- Current memberships, from both sides.
CREATE TABLE IF NOT EXISTS memberships (
  room_nid   INTEGER NOT NULL,
  user_id    TEXT NOT NULL,
  membership TEXT NOT NULL,
  event_nid  INTEGER NOT NULL,
  position   INTEGER NOT NULL,           -- of the last change
  forgotten  INTEGER NOT NULL DEFAULT 0,
  display_name TEXT,
  avatar_url TEXT,
  PRIMARY KEY (room_nid, user_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS memberships_user ON memberships (user_id, membership, room_nid);

-- Every membership of a local user, in the order of the log: what /sync needs to know where somebody was between two positions.
CREATE TABLE IF NOT EXISTS membership_changes (
  user_id    TEXT NOT NULL,
  position   INTEGER NOT NULL,
  room_nid   INTEGER NOT NULL,
  membership TEXT NOT NULL,
  event_nid  INTEGER NOT NULL,
  PRIMARY KEY (user_id, position)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS membership_changes_room ON membership_changes (room_nid, user_id, position);

-- m.relates_to, for aggregation and threads.
CREATE TABLE IF NOT EXISTS relations (
  room_nid   INTEGER NOT NULL,
  parent_id  TEXT NOT NULL,
  rel_type   TEXT NOT NULL,
  event_nid  INTEGER NOT NULL,
  type       TEXT NOT NULL,
  sender     TEXT NOT NULL,
  reaction_key TEXT,
  PRIMARY KEY (room_nid, parent_id, rel_type, event_nid)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS relations_event ON relations (event_nid);

-- What a device sent under which transaction ID: a retry gets the same answer. The period, a number of thirty days since 1970, comes first
-- so that what is older than the last two of them goes in one sweep from the beginning, without an index of its own.
CREATE TABLE IF NOT EXISTS transactions (
  period    INTEGER NOT NULL,
  user_id   TEXT NOT NULL,
  device_id TEXT NOT NULL,
  scope     TEXT NOT NULL,   -- the endpoint, with its room and type
  txn_id    TEXT NOT NULL,
  event_id  TEXT NOT NULL,
  PRIMARY KEY (period, user_id, device_id, scope, txn_id)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS room_aliases (
  room_alias TEXT PRIMARY KEY,
  room_nid   INTEGER NOT NULL,
  creator    TEXT NOT NULL,
  created_ts_ms INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS room_aliases_room ON room_aliases (room_nid);
