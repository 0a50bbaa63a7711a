-- +goose Up
CREATE TABLE response_notice (
  id TEXT PRIMARY KEY,          -- notice:…
  version INTEGER NOT NULL,     -- grows with every step; a step names the one it saw
  campaign TEXT NOT NULL,
  person TEXT NOT NULL,
  round INTEGER NOT NULL,       -- from 1; what comes after a person was told makes the next
  open INTEGER NOT NULL,        -- neither told nor withdrawn: its clock runs
  due INTEGER NOT NULL,
  body TEXT NOT NULL,           -- JSON: the whole notice
  UNIQUE (campaign, person, round)
) STRICT, WITHOUT ROWID;
CREATE INDEX response_notice_by_due ON response_notice (open DESC, due, id);
CREATE INDEX response_notice_by_person ON response_notice (person, due);

CREATE TABLE response_account ( -- whose account may be in other hands
  person TEXT PRIMARY KEY,
  since INTEGER NOT NULL,
  who TEXT NOT NULL,            -- said so
  why TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE response_account; DROP TABLE response_notice;
