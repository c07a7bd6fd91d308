-- Signing keys of other servers, each with the answer that published it.
CREATE TABLE IF NOT EXISTS server_keys (
  server_name    TEXT NOT NULL,
  key_id         TEXT NOT NULL,
  public_key     BLOB NOT NULL,
  valid_until_ts INTEGER NOT NULL,
  is_retired     INTEGER NOT NULL,
  fetched_ts     INTEGER NOT NULL,
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

-- What is to be told to other servers. An event of ours in a room with other servers is put down here in the commit that appends it ...
CREATE TABLE IF NOT EXISTS federation_outbox (
  position  INTEGER PRIMARY KEY,
  event_nid INTEGER NOT NULL
);
-- ... and soon after for every server that is to get it, where it stays until that server has it.
CREATE TABLE IF NOT EXISTS federation_pdus (
  server_name TEXT NOT NULL,
  position    INTEGER NOT NULL,
  event_nid   INTEGER NOT NULL,
  room_nid    INTEGER NOT NULL,
  PRIMARY KEY (server_name, position, event_nid)
) WITHOUT ROWID;
-- Messages to devices and news of device lists, which must not be lost either.
CREATE TABLE IF NOT EXISTS federation_edus (
  server_name TEXT NOT NULL,
  edu_nid     INTEGER NOT NULL,
  edu_type    TEXT NOT NULL,
  content     BLOB NOT NULL,
  PRIMARY KEY (server_name, edu_nid)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS federation_destinations (
  server_name TEXT PRIMARY KEY,
  failures    INTEGER NOT NULL,   -- in a row
  since_ts    INTEGER NOT NULL,   -- of the first of them; of the last success if there are none
  retry_ts    INTEGER NOT NULL,   -- not to be tried before
  cause       TEXT NOT NULL
) WITHOUT ROWID;

-- The processes that send; each moves its number on while there are others. And which of them sends to a server while there are several.
CREATE TABLE IF NOT EXISTS federation_senders (
  instance TEXT PRIMARY KEY,
  beat     INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS federation_turns (
  server_name TEXT PRIMARY KEY,
  instance    TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS federation_turns_of ON federation_turns (instance);
-- How often something was moved from federation_outbox to federation_pdus: of two processes that try at once, one finds that it has changed.
CREATE TABLE IF NOT EXISTS federation_moves (
  id    INTEGER PRIMARY KEY,
  count INTEGER NOT NULL
);

-- Servers that the operator lets in or keeps out by command, besides the configuration.
CREATE TABLE IF NOT EXISTS federation_rules (
  pattern    TEXT PRIMARY KEY,
  is_allowed INTEGER NOT NULL
) WITHOUT ROWID;
