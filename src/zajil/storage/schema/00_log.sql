-- The log's epoch and, on SQLite, its last position and the next local number (PostgreSQL has sequences for these).
CREATE TABLE IF NOT EXISTS log_head (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  epoch    INTEGER NOT NULL,
  position INTEGER NOT NULL,
  next_id  INTEGER NOT NULL
);
INSERT INTO log_head (only_row, epoch, position, next_id) VALUES (1, 1, 0, 1) ON CONFLICT (only_row) DO NOTHING;
-- only: postgres
CREATE SEQUENCE IF NOT EXISTS log_position MINVALUE 0 START 0;
-- only: postgres
CREATE SEQUENCE IF NOT EXISTS local_ids START 1 INCREMENT 1;
