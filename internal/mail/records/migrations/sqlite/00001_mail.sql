-- +goose Up
CREATE TABLE mail_source (
  file TEXT PRIMARY KEY,
  position TEXT NOT NULL        -- JSON: how far it was read
) STRICT, WITHOUT ROWID;

CREATE TABLE mail_message (
  id TEXT PRIMARY KEY,          -- event:…
  time INTEGER NOT NULL,
  time_known INTEGER NOT NULL,
  recorded INTEGER NOT NULL,
  size INTEGER NOT NULL,
  message_id TEXT NOT NULL,     -- keyed
  sender TEXT NOT NULL,         -- keyed, unless a protected person's own
  org TEXT NOT NULL,
  score INTEGER NOT NULL DEFAULT 0,
  action TEXT NOT NULL DEFAULT 'undecided',
  revision INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX mail_message_by_message_id ON mail_message (message_id);
CREATE INDEX mail_message_by_time ON mail_message (time_known, time);
CREATE INDEX mail_message_by_recorded ON mail_message (recorded);

CREATE TABLE mail_delivery (
  message TEXT NOT NULL,
  source TEXT NOT NULL,         -- argument and path
  at INTEGER NOT NULL,          -- offset in the unpacked stream
  recipient TEXT NOT NULL,
  person TEXT NOT NULL,
  how TEXT NOT NULL,
  recorded INTEGER NOT NULL,
  PRIMARY KEY (message, source, at)
) STRICT, WITHOUT ROWID;
CREATE INDEX mail_delivery_by_person ON mail_delivery (person) WHERE person <> '';
CREATE INDEX mail_delivery_by_source ON mail_delivery (source, at);

CREATE TABLE mail_contact (     -- who wrote to whom: the history no stranger can forge
  message TEXT NOT NULL,
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
CREATE INDEX mail_contact_by_name ON mail_contact (name, time, sender);

CREATE TABLE mail_facts (
  hash TEXT PRIMARY KEY,
  body BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE mail_verdict (
  message TEXT NOT NULL,
  revision INTEGER NOT NULL,
  facts TEXT NOT NULL,
  recorded INTEGER NOT NULL,
  body BLOB NOT NULL,
  PRIMARY KEY (message, revision)
) STRICT, WITHOUT ROWID;

CREATE TABLE mail_finding (
  id TEXT NOT NULL,
  message TEXT NOT NULL,
  rule TEXT NOT NULL,
  severity INTEGER NOT NULL,
  attention INTEGER NOT NULL,
  time INTEGER NOT NULL,
  recorded INTEGER NOT NULL,
  PRIMARY KEY (id, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX mail_finding_by_message ON mail_finding (message);
CREATE INDEX mail_finding_by_severity ON mail_finding (severity, time);

CREATE TABLE mail_concerns (    -- whom a finding concerns
  person TEXT NOT NULL,
  message TEXT NOT NULL,
  id TEXT NOT NULL,
  PRIMARY KEY (person, message, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX mail_concerns_by_message ON mail_concerns (message);

CREATE TABLE mail_body (
  message TEXT PRIMARY KEY,
  reason TEXT NOT NULL,
  body BLOB NOT NULL
) STRICT;

CREATE TABLE mail_copy (
  message TEXT PRIMARY KEY,
  grp TEXT NOT NULL,
  sketch BLOB NOT NULL,
  body BLOB NOT NULL
) STRICT;
CREATE INDEX mail_copy_by_group ON mail_copy (grp, message);

CREATE TABLE mail_band (
  band INTEGER NOT NULL,
  message TEXT NOT NULL,
  PRIMARY KEY (band, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX mail_band_by_message ON mail_band (message);

CREATE TABLE mail_group (
  id TEXT PRIMARY KEY,
  dirty INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX mail_group_dirty ON mail_group (id) WHERE dirty = 1;

CREATE TABLE mail_input (       -- what a run judged with: people, configuration, model
  hash TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  recorded INTEGER NOT NULL,
  body BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE mail_input; DROP TABLE mail_group; DROP TABLE mail_band; DROP TABLE mail_copy; DROP TABLE mail_body; DROP TABLE mail_concerns;
DROP TABLE mail_finding; DROP TABLE mail_verdict; DROP TABLE mail_facts; DROP TABLE mail_contact;
DROP TABLE mail_delivery; DROP TABLE mail_message; DROP TABLE mail_source;
