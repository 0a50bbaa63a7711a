-- +goose Up
CREATE TABLE screening_version ( -- a list as it was taken
  num INTEGER PRIMARY KEY,
  list TEXT NOT NULL,
  format TEXT NOT NULL,
  sha256 TEXT NOT NULL,
  published TEXT NOT NULL,
  taken INTEGER NOT NULL,
  who TEXT NOT NULL,
  in_force INTEGER NOT NULL,
  body TEXT NOT NULL             -- JSON: files, shape, what changed
) STRICT;
CREATE INDEX screening_version_by_list ON screening_version (list, in_force);

CREATE TABLE screening_entry (   -- an entry as it was from one version to before another
  num INTEGER PRIMARY KEY,
  list TEXT NOT NULL,
  id TEXT NOT NULL,
  since INTEGER NOT NULL,
  until INTEGER NOT NULL DEFAULT 0, -- 0: it is in the version in force
  hash TEXT NOT NULL,
  body TEXT NOT NULL             -- JSON
) STRICT;
CREATE INDEX screening_entry_by_id ON screening_entry (list, id, since);

CREATE TABLE screening_decision (
  num INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  who TEXT NOT NULL,
  list TEXT NOT NULL,
  entry TEXT NOT NULL,
  entry_hash TEXT NOT NULL,
  name_key TEXT NOT NULL,        -- keyed hash of the name
  same INTEGER NOT NULL,
  ended INTEGER NOT NULL DEFAULT 0,
  ended_why TEXT NOT NULL DEFAULT '',
  body BLOB NOT NULL             -- sealed: the name and the reason
) STRICT;
CREATE INDEX screening_decision_by_name ON screening_decision (list, entry, name_key);

CREATE TABLE screening_contact ( -- names that were screened, by the thousand
  num INTEGER PRIMARY KEY,
  day INTEGER NOT NULL,          -- days since 1970
  expires INTEGER NOT NULL,      -- the same
  count INTEGER NOT NULL,
  body BLOB NOT NULL             -- sealed
) STRICT;
CREATE INDEX screening_contact_by_day ON screening_contact (day, num);

CREATE TABLE screening_hit (     -- kept contacts that a change of a list met
  id TEXT PRIMARY KEY,           -- finding:…
  at INTEGER NOT NULL,
  list TEXT NOT NULL,
  version INTEGER NOT NULL,
  expires INTEGER NOT NULL,
  body BLOB NOT NULL             -- sealed
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE screening_hit; DROP TABLE screening_contact; DROP TABLE screening_decision; DROP TABLE screening_entry; DROP TABLE screening_version;
