-- +goose Up
CREATE TABLE chain_entry (
  log TEXT NOT NULL,
  seq INTEGER NOT NULL,      -- from 1, no gaps
  time INTEGER NOT NULL,
  who TEXT NOT NULL,
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  body TEXT,                 -- JSON; NULL once erased
  salt TEXT,                 -- hexadecimal; goes with the body
  body_hash TEXT NOT NULL,   -- what the chain rests on, so that a body can go
  hash TEXT NOT NULL,
  PRIMARY KEY (log, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX chain_entry_by_subject ON chain_entry (log, subject, seq);

CREATE TABLE chain_head (    -- the last entry of each log; its row is what writers queue for
  log TEXT PRIMARY KEY,
  seq INTEGER NOT NULL,
  hash TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE chain_head; DROP TABLE chain_entry;
