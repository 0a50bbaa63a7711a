-- +goose Up
CREATE TABLE mail_source (
  file TEXT PRIMARY KEY,
  position TEXT NOT NULL        -- JSON: how far it was read
) STRICT, WITHOUT ROWID;

-- A message is its number everywhere but here.
CREATE TABLE mail_message (
  num INTEGER PRIMARY KEY,      -- never given out again
  id BLOB NOT NULL UNIQUE,      -- event:… without its beginning and hexadecimal
  time INTEGER NOT NULL,
  time_known INTEGER NOT NULL,
  recorded INTEGER NOT NULL,
  size INTEGER NOT NULL,
  message_id TEXT NOT NULL,     -- keyed
  sender TEXT NOT NULL,         -- keyed, unless a protected person's own
  org TEXT NOT NULL
) STRICT;
CREATE INDEX mail_message_by_message_id ON mail_message (message_id);
CREATE INDEX mail_message_by_time ON mail_message (time) WHERE time_known = 1;
CREATE INDEX mail_message_by_recorded ON mail_message (recorded);

-- Numbers of messages are given out in blocks. Where the database has sequences the
-- table is empty and the view draws from one.
CREATE TABLE mail_counter (next INTEGER NOT NULL) STRICT;
INSERT INTO mail_counter (next) VALUES (1);
CREATE VIEW mail_next AS SELECT next AS id FROM mail_counter;

CREATE TABLE mail_delivery (
  message INTEGER NOT NULL,
  source TEXT NOT NULL,         -- argument and path
  at INTEGER NOT NULL,          -- offset in the unpacked stream
  recipient TEXT NOT NULL,
  person TEXT NOT NULL,
  how TEXT NOT NULL,
  recorded INTEGER NOT NULL,
  PRIMARY KEY (message, source, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX mail_delivery_by_person ON mail_delivery (person) WHERE person <> '';

CREATE TABLE mail_contact (     -- who wrote to whom: the history no stranger can forge
  message INTEGER NOT NULL,
  recipient TEXT NOT NULL,
  recipient_org TEXT NOT NULL,
  sender TEXT NOT NULL,
  org TEXT NOT NULL,
  name TEXT NOT NULL,           -- keyed display name
  time INTEGER NOT NULL,
  PRIMARY KEY (message, recipient)
) STRICT, WITHOUT ROWID;
CREATE INDEX mail_contact_by_sender ON mail_contact (sender, time, recipient);
CREATE INDEX mail_contact_by_org ON mail_contact (org, time, recipient);
CREATE INDEX mail_contact_by_recipient ON mail_contact (recipient_org, sender, time, recipient);
CREATE INDEX mail_contact_by_name ON mail_contact (name, time, sender) WHERE name <> '';

CREATE TABLE mail_verdict (
  message INTEGER NOT NULL,
  revision INTEGER NOT NULL,
  latest INTEGER NOT NULL,      -- 1: no later revision is there
  people TEXT NOT NULL,         -- version of the people file it was judged with
  score INTEGER NOT NULL,
  action TEXT NOT NULL,
  recorded INTEGER NOT NULL,
  facts TEXT NOT NULL,          -- of a comparison: hash of its facts; those of judging alone are in the body
  body BLOB NOT NULL,           -- see judgement.go
  PRIMARY KEY (message, revision)
) STRICT;
CREATE INDEX mail_verdict_latest ON mail_verdict (people, action) WHERE latest = 1;

CREATE TABLE mail_facts (       -- what comparisons rest on
  hash TEXT PRIMARY KEY,
  body BLOB NOT NULL
) STRICT;

CREATE TABLE mail_finding (     -- those above informational
  id TEXT NOT NULL,
  message INTEGER NOT NULL,
  rule TEXT NOT NULL,
  severity INTEGER NOT NULL,
  attention INTEGER NOT NULL,
  time INTEGER NOT NULL,
  recorded INTEGER NOT NULL,
  PRIMARY KEY (id, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX mail_finding_by_message ON mail_finding (message);
CREATE INDEX mail_finding_by_severity ON mail_finding (severity, time);

CREATE TABLE mail_informational ( -- the others, of messages that were stored together
  num INTEGER PRIMARY KEY AUTOINCREMENT,
  last INTEGER NOT NULL,        -- the highest of their numbers
  ids BLOB NOT NULL             -- see informational.go
) STRICT;

CREATE TABLE mail_concerns (    -- whom a finding concerns
  person TEXT NOT NULL,
  message INTEGER NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (person, message, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX mail_concerns_by_message ON mail_concerns (message);

CREATE TABLE mail_body (
  message INTEGER PRIMARY KEY,
  reason TEXT NOT NULL,
  body BLOB NOT NULL
) STRICT;

CREATE TABLE mail_copy (
  message INTEGER PRIMARY KEY,
  grp INTEGER NOT NULL,         -- number of the first message of the group
  sketch BLOB NOT NULL,
  bands BLOB NOT NULL,          -- its rows in mail_band, 8 bytes each
  body BLOB NOT NULL
) STRICT;
CREATE INDEX mail_copy_by_group ON mail_copy (grp);

CREATE TABLE mail_band (
  band INTEGER NOT NULL,
  message INTEGER NOT NULL,
  PRIMARY KEY (band, message)
) STRICT, WITHOUT ROWID;

CREATE TABLE mail_group (       -- groups of several, or with several readers
  num INTEGER PRIMARY KEY,
  id BLOB NOT NULL,             -- of its first message, which may be gone
  dirty INTEGER NOT NULL        -- 1: it grew since it was compared
) STRICT;
CREATE INDEX mail_group_dirty ON mail_group (num) WHERE dirty = 1;

CREATE TABLE mail_input (       -- what a run judged with: people, configuration, model
  hash TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  recorded INTEGER NOT NULL,
  body BLOB NOT NULL
) STRICT;

-- +goose Down
DROP TABLE mail_input; DROP TABLE mail_group; DROP TABLE mail_band; DROP TABLE mail_copy; DROP TABLE mail_body; DROP TABLE mail_concerns;
DROP TABLE mail_informational; DROP TABLE mail_finding; DROP TABLE mail_facts; DROP TABLE mail_verdict; DROP TABLE mail_contact;
DROP TABLE mail_delivery; DROP VIEW mail_next; DROP TABLE mail_counter; DROP TABLE mail_message; DROP TABLE mail_source;
