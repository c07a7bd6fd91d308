-- The log's epoch, and on SQLite its last position, the next local number and the number of commits.
CREATE TABLE IF NOT EXISTS log_head (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  epoch    INTEGER NOT NULL,
  position INTEGER NOT NULL,
  next_id  INTEGER NOT NULL,
  commits  INTEGER NOT NULL DEFAULT 0
);
INSERT INTO log_head (only_row, epoch, position, next_id) VALUES (1, 1, 0, 1) ON CONFLICT (only_row) DO NOTHING;
