-- +goose Up
CREATE TABLE chain_entry (
  log text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,       -- from 1, no gaps
  time bigint NOT NULL,
  who text NOT NULL,
  kind text NOT NULL,
  subject text COLLATE "C" NOT NULL,
  body text,                 -- JSON; NULL once erased. Not jsonb: its bytes are hashed
  salt text,                 -- hexadecimal; goes with the body
  body_hash text NOT NULL,   -- what the chain rests on, so that a body can go
  hash text NOT NULL,
  PRIMARY KEY (log, seq)
);
CREATE INDEX chain_entry_by_subject ON chain_entry (log, subject, seq);

CREATE TABLE chain_head (    -- the last entry of each log; its row is what writers queue for
  log text COLLATE "C" PRIMARY KEY,
  seq bigint NOT NULL,
  hash text NOT NULL
);

-- +goose Down
DROP TABLE chain_head; DROP TABLE chain_entry;
