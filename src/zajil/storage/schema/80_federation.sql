-- Signing keys of other servers, each with the answer that published it.
CREATE TABLE IF NOT EXISTS server_keys (
  server_name    TEXT NOT NULL,
  key_id         TEXT NOT NULL,
  public_key     BLOB NOT NULL,
  valid_until_ts BIGINT NOT NULL,
  is_retired     INTEGER NOT NULL,
  fetched_ts     BIGINT NOT NULL,
  answer         BLOB NOT NULL,
  PRIMARY KEY (server_name, key_id)
);

-- The state around events of a branch of the room's graph, where it is not what held in the room as a whole (event_states has that).
CREATE TABLE IF NOT EXISTS branch_states (
  event_nid       INTEGER PRIMARY KEY,
  snapshot_before INTEGER NOT NULL,
  snapshot_after  INTEGER NOT NULL
);

-- Which events name one among their auth events: the state resolution of room version 12 asks that.
CREATE INDEX IF NOT EXISTS event_auth_citing ON event_auth (auth_event_nid, event_nid);
