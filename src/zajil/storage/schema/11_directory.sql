-- What another server told of a room with its invitation, or with its answer to a knock: all that is known of the room until it is joined.
CREATE TABLE IF NOT EXISTS invite_states (
  room_nid INTEGER NOT NULL,
  user_id  TEXT NOT NULL,
  stripped BLOB NOT NULL,  -- JSON list of stripped state events
  PRIMARY KEY (room_nid, user_id)
) WITHOUT ROWID;

-- The one room in which a user gets server notices.
CREATE TABLE IF NOT EXISTS server_notice_rooms (
  user_id TEXT PRIMARY KEY,
  room_id TEXT NOT NULL
) WITHOUT ROWID;
