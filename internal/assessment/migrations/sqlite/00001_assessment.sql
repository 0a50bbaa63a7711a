-- +goose Up
-- What was entered, by whom and when, is in the log assessment/<campaign>, hash-chained.
-- These tables hold what was computed from it and how it turned out.
CREATE TABLE assessment_result (
  campaign TEXT NOT NULL,
  seq INTEGER NOT NULL,      -- of the log's entry that says it was assessed
  at INTEGER NOT NULL,
  body TEXT NOT NULL,        -- JSON, byte for byte what a replay must give
  sha256 TEXT NOT NULL,
  PRIMARY KEY (campaign, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE assessment_outcome (
  campaign TEXT NOT NULL,
  seq INTEGER NOT NULL,      -- of the assessment that is scored
  proposition TEXT NOT NULL,
  hypothesis TEXT NOT NULL,
  chance REAL NOT NULL,      -- as it was stated
  uncapped REAL NOT NULL,    -- as it was weighed
  word TEXT NOT NULL,
  held INTEGER NOT NULL,     -- 1: it turned out to be so
  at INTEGER NOT NULL,
  who TEXT NOT NULL,
  why TEXT NOT NULL,
  PRIMARY KEY (campaign, seq, proposition)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE assessment_outcome; DROP TABLE assessment_result;
