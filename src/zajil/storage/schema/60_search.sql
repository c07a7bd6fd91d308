-- The full-text index: our own words (core/search_text.py), never the text itself. A row is an event; its tags are its room and which of its fields it is.
-- only: sqlite
CREATE VIRTUAL TABLE IF NOT EXISTS search_index USING fts5 (
  tags, words, content = '', contentless_delete = 1, tokenize = 'ascii'
);
-- only: postgres
CREATE TABLE IF NOT EXISTS search_index (
  event_nid BIGINT PRIMARY KEY,
  words     TSVECTOR NOT NULL  -- the tags too, with a slash in front
);
-- only: postgres
CREATE INDEX IF NOT EXISTS search_index_words ON search_index USING gin (words);
-- The index follows the log; nodes reserve numbers ahead, so their order is not that of the log.
-- only: postgres
CREATE INDEX IF NOT EXISTS events_position ON events (position) WHERE position IS NOT NULL;

-- How far the index has followed.
CREATE TABLE IF NOT EXISTS search_progress (
  only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
  reached  INTEGER NOT NULL
);
INSERT INTO search_progress (only_row, reached) VALUES (1, 0) ON CONFLICT (only_row) DO NOTHING;

-- Which message an edit was of: when the edit is redacted, the event does not say so any more.
CREATE TABLE IF NOT EXISTS search_edits (
  edit_nid     INTEGER PRIMARY KEY,
  original_nid INTEGER NOT NULL
);
