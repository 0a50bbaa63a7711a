-- +goose Up
CREATE TABLE pack_issuer (      -- whose packs are used
  key text COLLATE "C" PRIMARY KEY,         -- name+hash
  verifier text NOT NULL,       -- the verifier key as signed notes have it
  note text NOT NULL,           -- how it was got, as whoever added it says
  who text NOT NULL,
  added bigint NOT NULL
);

CREATE TABLE pack_pack (
  id text COLLATE "C" PRIMARY KEY,          -- pack:…
  body bytea NOT NULL,           -- the file as it was signed
  until bigint NOT NULL,
  who text NOT NULL,
  added bigint NOT NULL,
  finished bigint NOT NULL     -- when all that was stored had been tested; 0: not yet
);

CREATE TABLE pack_tested (      -- what was tested, so that it is hashed once
  pack text COLLATE "C" NOT NULL,
  num bigint NOT NULL,
  marks bytea NOT NULL,          -- 16 bytes of each value
  PRIMARY KEY (pack, num)
);

CREATE TABLE pack_match (
  pack text COLLATE "C" NOT NULL,
  mark bytea NOT NULL,
  body text NOT NULL,           -- JSON of the match
  found bigint NOT NULL,
  state text NOT NULL,          -- new, taken, refused
  why text NOT NULL,
  PRIMARY KEY (pack, mark)
);

CREATE TABLE pack_receipt (     -- counts that were given out: a noised one is drawn once
  pack text COLLATE "C" NOT NULL,
  num bigint NOT NULL,
  made bigint NOT NULL,
  who text NOT NULL,
  epsilon text NOT NULL,        -- '' is withheld or exact
  body text NOT NULL,
  PRIMARY KEY (pack, num)
);

-- +goose Down
DROP TABLE pack_receipt; DROP TABLE pack_match; DROP TABLE pack_tested; DROP TABLE pack_pack; DROP TABLE pack_issuer;
