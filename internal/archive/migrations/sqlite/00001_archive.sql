-- +goose Up
CREATE TABLE archive_event (
  num INTEGER PRIMARY KEY,      -- never given out again
  id BLOB NOT NULL UNIQUE,      -- event:… without its beginning and hexadecimal
  time INTEGER NOT NULL,
  entries BLOB NOT NULL         -- see packed.go
) STRICT;

CREATE TABLE archive_place (    -- which values are in which events
  key BLOB NOT NULL,            -- kind (see value.go) and value, ordered so that a domain and all below it, or a range of addresses, lie together
  event INTEGER NOT NULL,       -- the first of those in places
  places BLOB NOT NULL,         -- see packPlaces
  tail BLOB,                    -- what follows the first 480 bytes of a long value
  PRIMARY KEY (key, event)
) STRICT, WITHOUT ROWID;

CREATE TABLE archive_word (     -- forms and parts that repeat
  num INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE
) STRICT;

-- Numbers of events are given out in blocks. Where the database has sequences the
-- table is empty and the view draws from one.
CREATE TABLE archive_counter (next INTEGER NOT NULL) STRICT;
INSERT INTO archive_counter (next) VALUES (1);
CREATE VIEW archive_next AS SELECT next AS id FROM archive_counter;

CREATE TABLE archive_indicator (
  id TEXT PRIMARY KEY,          -- indicator:…
  type TEXT NOT NULL,
  value TEXT NOT NULL,
  source TEXT NOT NULL,
  marking TEXT NOT NULL,
  valid_from INTEGER NOT NULL,  -- 0: always was
  valid_until INTEGER NOT NULL, -- 0: still is
  added INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE archive_sighting (
  indicator TEXT NOT NULL,
  event TEXT NOT NULL,
  time INTEGER NOT NULL,
  PRIMARY KEY (indicator, event)
) STRICT, WITHOUT ROWID;
CREATE INDEX archive_sighting_by_event ON archive_sighting (event);

CREATE TABLE archive_purpose (  -- who asked for an address or a subject, and why
  num INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  who TEXT NOT NULL,
  purpose TEXT NOT NULL,
  patterns TEXT NOT NULL        -- JSON
) STRICT;

-- +goose Down
DROP TABLE archive_purpose; DROP TABLE archive_sighting; DROP TABLE archive_indicator;
DROP VIEW archive_next; DROP TABLE archive_counter;
DROP TABLE archive_word; DROP TABLE archive_place; DROP TABLE archive_event;
