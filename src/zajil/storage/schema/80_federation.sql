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
