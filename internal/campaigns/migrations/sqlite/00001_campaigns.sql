-- +goose Up
CREATE TABLE campaigns_item (
  num INTEGER PRIMARY KEY,
  event TEXT NOT NULL UNIQUE,
  campaign TEXT NOT NULL DEFAULT '', -- '' stands alone
  time INTEGER NOT NULL,
  body BLOB NOT NULL            -- see packed.go
) STRICT;
CREATE INDEX campaigns_item_by_campaign ON campaigns_item (campaign, time, num) WHERE campaign <> '';

CREATE TABLE campaigns_posting ( -- which items hold a value, or a band of a signature
  key INTEGER NOT NULL,
  time INTEGER NOT NULL,
  item INTEGER NOT NULL,
  PRIMARY KEY (key, time, item)
) STRICT, WITHOUT ROWID;

CREATE TABLE campaigns_target ( -- whom items reached
  person TEXT NOT NULL,
  item INTEGER NOT NULL,
  PRIMARY KEY (person, item)
) STRICT, WITHOUT ROWID;
CREATE INDEX campaigns_target_by_item ON campaigns_target (item);

CREATE TABLE campaigns_campaign (
  id TEXT PRIMARY KEY,          -- campaign:…
  version INTEGER NOT NULL,
  merged_into TEXT NOT NULL DEFAULT '',
  gone INTEGER NOT NULL DEFAULT 0, -- it has no members any more
  ours INTEGER NOT NULL,       -- it concerns protected people, or people decided on it
  first INTEGER NOT NULL,
  last INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  summary TEXT NOT NULL         -- JSON
) STRICT, WITHOUT ROWID;
CREATE INDEX campaigns_campaign_by_last ON campaigns_campaign (ours, last, id) WHERE gone = 0;
CREATE INDEX campaigns_campaign_by_merged ON campaigns_campaign (merged_into) WHERE merged_into <> '';

CREATE TABLE campaigns_decision ( -- what people decided, in order
  num INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  who TEXT NOT NULL,
  why TEXT NOT NULL,
  kind TEXT NOT NULL,           -- together, apart
  a TEXT NOT NULL,
  b TEXT NOT NULL,
  undone INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE campaigns_decided ( -- about which events
  decision INTEGER NOT NULL,
  event TEXT NOT NULL,
  side INTEGER NOT NULL,
  PRIMARY KEY (decision, event)
) STRICT, WITHOUT ROWID;
CREATE INDEX campaigns_decided_by_event ON campaigns_decided (event);

CREATE TABLE campaigns_change (
  num INTEGER PRIMARY KEY,
  campaign TEXT NOT NULL,
  at INTEGER NOT NULL,
  who TEXT NOT NULL,
  what TEXT NOT NULL,
  why TEXT NOT NULL,
  other TEXT NOT NULL,
  decision INTEGER NOT NULL
) STRICT;
CREATE INDEX campaigns_change_by_campaign ON campaigns_change (campaign, num);

CREATE TABLE campaigns_told (   -- values that somebody told us are an attacker's
  type TEXT NOT NULL,
  value TEXT NOT NULL,
  source TEXT NOT NULL,
  key INTEGER NOT NULL,
  marking TEXT NOT NULL,
  added INTEGER NOT NULL,
  PRIMARY KEY (type, value, source)
) STRICT, WITHOUT ROWID;
CREATE INDEX campaigns_told_by_key ON campaigns_told (key);

CREATE TABLE campaigns_state (  -- one row; whoever writes takes it first
  id INTEGER PRIMARY KEY CHECK (id = 1),
  turn INTEGER NOT NULL,
  settled INTEGER NOT NULL,
  base TEXT NOT NULL            -- JSON: what settling learnt of all items
) STRICT;
INSERT INTO campaigns_state (id, turn, settled, base) VALUES (1, 0, 0, '{}');

-- +goose Down
DROP TABLE campaigns_state; DROP TABLE campaigns_told; DROP TABLE campaigns_change; DROP TABLE campaigns_decided;
DROP TABLE campaigns_decision; DROP TABLE campaigns_campaign; DROP TABLE campaigns_target; DROP TABLE campaigns_posting;
DROP TABLE campaigns_item;
