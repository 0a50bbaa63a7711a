-- +goose Up
CREATE TABLE access_account (   -- who has signed in, under the name by which people are told apart
  account TEXT PRIMARY KEY,     -- issuer and subject, or "local" and the name
  name TEXT NOT NULL UNIQUE,
  folded TEXT NOT NULL UNIQUE,  -- the name without case and look-alike spaces
  first INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE access_session (
  hash TEXT PRIMARY KEY,        -- SHA-256 of what the cookie holds
  name TEXT NOT NULL,
  caller TEXT NOT NULL,         -- JSON: roles, scope, person, via
  mapping TEXT NOT NULL,        -- hash of the configuration that gave the roles
  created INTEGER NOT NULL,
  seen INTEGER NOT NULL,
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX access_session_by_name ON access_session (name, created);

CREATE TABLE access_flow (      -- sign-ins that have gone to the provider and are awaited back
  hash TEXT PRIMARY KEY,        -- SHA-256 of what the cookie holds
  state TEXT NOT NULL,
  nonce TEXT NOT NULL,
  verifier TEXT NOT NULL,
  return_to TEXT NOT NULL,
  expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE access_look (      -- which entries of the audit concern whom; the audit is the record
  person TEXT NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (person, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE access_glass (     -- breaking the glass: asked, approved by another, over
  id TEXT PRIMARY KEY,
  object TEXT NOT NULL,
  people TEXT NOT NULL,         -- JSON
  reason TEXT NOT NULL,
  asked_by TEXT NOT NULL,
  asked INTEGER NOT NULL,
  decided_by TEXT NOT NULL,     -- '' while nobody has
  decided INTEGER NOT NULL,
  approved INTEGER NOT NULL,    -- 0, 1
  expires INTEGER NOT NULL      -- of the asking while undecided, of the access once approved
) STRICT, WITHOUT ROWID;
CREATE INDEX access_glass_by_object ON access_glass (object, asked_by);

CREATE TABLE access_hold (      -- people whose mail was put under privilege at the desk
  person TEXT PRIMARY KEY,
  since INTEGER NOT NULL,
  who TEXT NOT NULL,
  why TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE access_hold;
DROP TABLE access_glass; DROP TABLE access_look; DROP TABLE access_flow; DROP TABLE access_session; DROP TABLE access_account;
