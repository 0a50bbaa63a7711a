-- +goose Up
CREATE TABLE pack_issuer (      -- whose packs are used
  key TEXT PRIMARY KEY,         -- name+hash
  verifier TEXT NOT NULL,       -- the verifier key as signed notes have it
  note TEXT NOT NULL,           -- how it was got, as whoever added it says
  who TEXT NOT NULL,
  added INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE pack_pack (
  id TEXT PRIMARY KEY,          -- pack:…
  body BLOB NOT NULL,           -- the file as it was signed
  until INTEGER NOT NULL,
  who TEXT NOT NULL,
  added INTEGER NOT NULL,
  finished INTEGER NOT NULL     -- when all that was stored had been tested; 0: not yet
) STRICT, WITHOUT ROWID;

CREATE TABLE pack_tested (      -- what was tested, so that it is hashed once
  pack TEXT NOT NULL,
  num INTEGER NOT NULL,
  marks BLOB NOT NULL,          -- 16 bytes of each value
  PRIMARY KEY (pack, num)
) STRICT, WITHOUT ROWID;

CREATE TABLE pack_match (
  pack TEXT NOT NULL,
  mark BLOB NOT NULL,
  body TEXT NOT NULL,           -- JSON of the match
  found INTEGER NOT NULL,
  state TEXT NOT NULL,          -- new, taken, refused
  why TEXT NOT NULL,
  PRIMARY KEY (pack, mark)
) STRICT, WITHOUT ROWID;

CREATE TABLE pack_receipt (     -- counts that were given out: a noised one is drawn once
  pack TEXT NOT NULL,
  num INTEGER NOT NULL,
  made INTEGER NOT NULL,
  who TEXT NOT NULL,
  epsilon TEXT NOT NULL,        -- '' is withheld or exact
  body TEXT NOT NULL,
  PRIMARY KEY (pack, num)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE pack_receipt; DROP TABLE pack_match; DROP TABLE pack_tested; DROP TABLE pack_pack; DROP TABLE pack_issuer;
