-- Rooms that were joined with a part of their state: without most of the members. A row stays when the rest has come.
CREATE TABLE IF NOT EXISTS partial_rooms (
  room_nid INTEGER PRIMARY KEY,
  join_nid INTEGER NOT NULL,    -- the join; the state before it is what is to be fetched
  resident TEXT NOT NULL,       -- the server that helped to join
  servers  BLOB NOT NULL,       -- JSON list of the servers that it named as being in the room
  completed_position INTEGER    -- where in the log the rest came; NULL until then
);
CREATE INDEX IF NOT EXISTS partial_rooms_unfinished ON partial_rooms (room_nid) WHERE completed_position IS NULL;

-- Events of others that can be judged only when the rest of the state is here: acknowledged, so they must not be lost.
CREATE TABLE IF NOT EXISTS partial_pdus (
  room_nid INTEGER NOT NULL,
  arrival  INTEGER NOT NULL,    -- a local number, in the order of arrival
  origin   TEXT NOT NULL,
  event_id TEXT NOT NULL,
  json     BLOB NOT NULL,
  PRIMARY KEY (room_nid, event_id)
);
