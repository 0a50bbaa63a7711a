-- +goose Up
-- What was entered, by whom and when, is in the log assessment/<campaign>, hash-chained.
-- These tables hold what was computed from it and how it turned out.
CREATE TABLE assessment_result (
  campaign text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,       -- of the log's entry that says it was assessed
  at bigint NOT NULL,
  body text NOT NULL,        -- JSON, byte for byte what a replay must give
  sha256 text NOT NULL,
  PRIMARY KEY (campaign, seq)
);

CREATE TABLE assessment_outcome (
  campaign text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,       -- of the assessment that is scored
  proposition text COLLATE "C" NOT NULL,
  hypothesis text NOT NULL,
  chance double precision NOT NULL,   -- as it was stated
  uncapped double precision NOT NULL, -- as it was weighed
  word text NOT NULL,
  held smallint NOT NULL,    -- 1: it turned out to be so
  at bigint NOT NULL,
  who text NOT NULL,
  why text NOT NULL,
  PRIMARY KEY (campaign, seq, proposition)
);

-- +goose Down
DROP TABLE assessment_outcome; DROP TABLE assessment_result;
