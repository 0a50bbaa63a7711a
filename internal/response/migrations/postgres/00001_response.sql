-- +goose Up
CREATE TABLE response_notice (
  id text COLLATE "C" PRIMARY KEY, -- notice:…
  version bigint NOT NULL,      -- grows with every step; a step names the one it saw
  campaign text COLLATE "C" NOT NULL,
  person text COLLATE "C" NOT NULL,
  round bigint NOT NULL,        -- from 1; what comes after a person was told makes the next
  open smallint NOT NULL,       -- neither told nor withdrawn: its clock runs
  due bigint NOT NULL,
  body text NOT NULL,           -- JSON: the whole notice
  UNIQUE (campaign, person, round)
);
CREATE INDEX response_notice_by_due ON response_notice (open DESC, due, id);
CREATE INDEX response_notice_by_person ON response_notice (person, due);

CREATE TABLE response_account ( -- whose account may be in other hands
  person text COLLATE "C" PRIMARY KEY,
  since bigint NOT NULL,
  who text NOT NULL,            -- said so
  why text NOT NULL
);

-- +goose Down
DROP TABLE response_account; DROP TABLE response_notice;
