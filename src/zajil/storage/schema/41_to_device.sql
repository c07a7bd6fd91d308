-- Messages to devices, deleted as soon as the device has acknowledged them with its next `since`.
CREATE TABLE IF NOT EXISTS to_device (
  user_id   TEXT NOT NULL,
  device_id TEXT NOT NULL,
  position  INTEGER NOT NULL,
  json      BLOB NOT NULL,            -- {"content", "sender", "type"}
  PRIMARY KEY (user_id, device_id, position)
) WITHOUT ROWID;
