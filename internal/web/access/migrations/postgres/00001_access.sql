-- +goose Up
CREATE TABLE access_account (   -- who has signed in, under the name by which people are told apart
  account text COLLATE "C" PRIMARY KEY,     -- issuer and subject, or "local" and the name
  name text COLLATE "C" NOT NULL UNIQUE,
  folded text COLLATE "C" NOT NULL UNIQUE,  -- the name without case and look-alike spaces
  first bigint NOT NULL
);

CREATE TABLE access_session (
  hash text COLLATE "C" PRIMARY KEY,        -- SHA-256 of what the cookie holds
  name text COLLATE "C" NOT NULL,
  caller text COLLATE "C" NOT NULL,         -- JSON: roles, scope, person, via
  mapping text COLLATE "C" NOT NULL,        -- hash of the configuration that gave the roles
  created bigint NOT NULL,
  seen bigint NOT NULL,
  expires bigint NOT NULL
);
CREATE INDEX access_session_by_name ON access_session (name, created);

CREATE TABLE access_flow (      -- sign-ins that have gone to the provider and are awaited back
  hash text COLLATE "C" PRIMARY KEY,        -- SHA-256 of what the cookie holds
  state text COLLATE "C" NOT NULL,
  nonce text COLLATE "C" NOT NULL,
  verifier text COLLATE "C" NOT NULL,
  return_to text COLLATE "C" NOT NULL,
  expires bigint NOT NULL
);

CREATE TABLE access_look (      -- which entries of the audit concern whom; the audit is the record
  person text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  PRIMARY KEY (person, seq)
);

CREATE TABLE access_glass (     -- breaking the glass: asked, approved by another, over
  id text COLLATE "C" PRIMARY KEY,
  object text COLLATE "C" NOT NULL,
  people text COLLATE "C" NOT NULL,         -- JSON
  reason text COLLATE "C" NOT NULL,
  asked_by text COLLATE "C" NOT NULL,
  asked bigint NOT NULL,
  decided_by text COLLATE "C" NOT NULL,     -- '' while nobody has
  decided bigint NOT NULL,
  approved smallint NOT NULL,  -- 0, 1
  expires bigint NOT NULL      -- of the asking while undecided, of the access once approved
);
CREATE INDEX access_glass_by_object ON access_glass (object, asked_by);

CREATE TABLE access_hold (      -- people whose mail was put under privilege at the desk
  person TEXT PRIMARY KEY,
  since BIGINT NOT NULL,
  who TEXT NOT NULL,
  why TEXT NOT NULL
);

-- +goose Down
DROP TABLE access_hold;
DROP TABLE access_glass; DROP TABLE access_look; DROP TABLE access_flow; DROP TABLE access_session; DROP TABLE access_account;
